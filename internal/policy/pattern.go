package policy

import (
	"fmt"
	"slices"
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
//	flow://accounts/… the direct conversations with one person, or the id alone
//
// The team may be an id, and so may the person after an @; nobody else can take one. A star
// stands for any text, and names match as they do everywhere: without regard to case, and
// with or without a # before a channel. Whoever may create channels can give one a name
// that fits; an id is the strictest pattern.
type Pattern string

func (p Pattern) check() error {
	if strings.TrimSpace(string(p)) == "" {
		return fmt.Errorf("a pattern is empty; write \"*\" for every channel")
	}
	if strings.HasPrefix(string(p), "flow://") {
		if link, ok := flow.ParseLink(string(p)); !ok || link.Channel == "" && link.Account == "" || link.Message != "" {
			return fmt.Errorf("%q is no link to a channel or an account", string(p))
		}
	}
	if said := p.parts(); !flow.IsID(said.whole) && (said.team == "" || said.name == "") {
		return fmt.Errorf("%q names no channel; write Team/channel, or @ and a name", string(p))
	}
	return nil
}

// fits reports whether a channel is named by the pattern.
func (p Pattern) fits(at place) bool {
	said := p.parts()
	switch {
	case said.whole == string(at.id), at.direct && said.whole == string(at.with):
		return true
	case flow.IsID(said.whole), said.direct != at.direct, said.team != string(at.org) && !globAny(said.team, at.teams):
		return false
	case said.direct:
		return said.name == string(at.with) || !flow.IsID(said.name) && globAny(said.name, at.names)
	}
	name := flow.Fold(at.channel)
	return glob(flow.Fold(said.name), name) || said.hash && glob(flow.Fold("#"+said.name), name)
}

// parts are what a pattern says.
type parts struct {
	whole  string // all of it, which may be an id; else it says the following
	team   string // a star where it says none
	name   string // of the channel, or of the person
	direct bool   // it is a person
	hash   bool   // there was a # before the channel
}

func (p Pattern) parts() parts {
	text := string(p)
	if link, ok := flow.ParseLink(text); ok {
		text = string(link.Channel)
		if link.Account != "" {
			text = "@" + strings.TrimPrefix(string(link.Account), "@")
		}
	}
	said := parts{whole: text, team: "*"}
	text, said.hash = strings.CutPrefix(text, "#")
	if team, name, ok := strings.Cut(text, "/"); ok && (said.hash || !strings.HasPrefix(text, "@")) {
		said.team, text = team, name
	}
	said.name = text
	if name, ok := strings.CutPrefix(text, "#"); ok && !said.hash {
		said.name, said.hash = name, true
	}
	if name, ok := strings.CutPrefix(said.name, "@"); ok && !said.hash {
		said.name, said.direct = name, true
	}
	return said
}

// globAny reports whether a pattern stands for one of some folded names. A lone star does
// even where there is none.
func globAny(pattern string, names []string) bool {
	folded := flow.Fold(pattern)
	return glob(folded, "") || slices.ContainsFunc(names, func(name string) bool { return glob(folded, name) })
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
