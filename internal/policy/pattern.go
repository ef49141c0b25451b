package policy

import (
	"fmt"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Pattern names channels:
//
//	Home/general      the channel general of the team Home
//	Home/*            every channel of that team, and no direct conversation
//	general, *        the channels of that name, or all, of every team
//	@ana, @*          the direct conversation with ana, or all of them
//	Home/@ana         the same in one team
//	flow://channels/… one channel, or its id alone; a link may have the name, too
//
// The team may be an id, which nobody else can take. A star stands for any text, and names
// match as they do everywhere: without regard to case. Whoever may create channels can
// give one a name that fits; an id is the strictest pattern.
type Pattern string

func (p Pattern) check() error {
	if strings.TrimSpace(string(p)) == "" {
		return fmt.Errorf("a pattern is empty; write \"*\" for every channel")
	}
	if strings.HasPrefix(string(p), "flow://") {
		if link, ok := flow.ParseLink(string(p)); !ok || link.Channel == "" || link.Message != "" {
			return fmt.Errorf("%q is no link to a channel", string(p))
		}
	}
	if team, channel, ok := strings.Cut(string(p), "/"); ok && (team == "" || channel == "" || channel == "@") || p == "@" || p == "#" {
		return fmt.Errorf("%q names no channel; write Team/channel", string(p))
	}
	return nil
}

// fits reports whether a channel is named by the pattern.
func (p Pattern) fits(at place) bool {
	id, team, channel := p.parts()
	if id == at.id {
		return true
	}
	if team == "" || strings.HasPrefix(channel, "@") != at.direct {
		return false
	}
	return (team == string(at.org) || glob(flow.Fold(team), flow.Fold(at.team))) && glob(flow.Fold(channel), flow.Fold(at.channel))
}

// parts returns the channel that the pattern may identify, and what it says of names, of
// the team and of the channel. That is nothing where it has the form of an identifier: a
// channel may be called as another one is identified.
func (p Pattern) parts() (id flow.ChannelID, team, channel string) {
	if link, ok := flow.ParseLink(string(p)); ok {
		p = Pattern(link.Channel)
	}
	id = flow.ChannelID(p)
	if raw, ok := flow.DecodeID(string(p)); ok && len(raw) >= 16 {
		return id, "", ""
	}
	team, channel, ok := strings.Cut(string(p), "/")
	if !ok {
		return id, "*", string(p)
	}
	return id, team, channel
}

// glob reports whether text is pattern, in which a star stands for any text.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return true
}
