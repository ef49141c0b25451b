package tools

import (
	"context"
	"fmt"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// complete says how whole the messages of a result are, where there is something to say:
// that they go back to the start of the history, what was deleted and why, and what a
// search has not looked at.
func (p *page) complete(ctx context.Context, start bool, shown int) {
	m := p.missing
	switch {
	case !start:
	case m.Retention != (flow.Retention{}):
		p.head += fmt.Sprintf(", from the start of what the channel keeps (%s)", keeps(m.Retention))
		p.root = append(p.root, entry{"from_start", true}, entry{"channel_keeps", kept(m.Retention)})
	case p.foreign(ctx):
		p.head += ", the oldest that this backend has" // it may not have all
	default:
		p.head += ", from the start of the history"
		p.root = append(p.root, entry{"from_start", true})
	}
	if m.Deleted > 0 {
		p.head += fmt.Sprintf("; %s of this part deleted", atMost(m.Deleted, flow.DeletedCap))
		p.root = append(p.root, entry{"deleted", m.Deleted})
	}
	p.unsearched(m, shown)
}

// unsearched says what a search has left out. That parts of words were not looked for in
// older messages matters only when nothing else was found.
func (p *page) unsearched(m flow.Missing, shown int) {
	if shown == 0 && p.text("search") != "" {
		p.foot = append(p.foot, "Each word must be there, or one that begins so: try fewer words, or others.")
	}
	if m.Older {
		p.root = append(p.root, entry{"older_not_searched", true})
		p.foot = append(p.foot, "There may be older ones: search for more words, in one channel, or with a higher limit.")
	}
	if m.WordsOnly && shown == 0 {
		p.root = append(p.root, entry{"only_beginnings_of_words", true})
		p.foot = append(p.foot, "Older messages were searched for beginnings of words only.")
	}
	if m.Unindexed > 0 {
		p.root = append(p.root, entry{"not_indexed_yet", m.Unindexed})
		p.foot = append(p.foot, fmt.Sprintf("About %d older messages are not indexed yet: search again later.", m.Unindexed))
	}
}

// foreign reports whether the backend is one that does not say what is missing.
func (p *page) foreign(ctx context.Context) bool {
	identity, err := p.client.Identity(ctx)
	return err == nil && identity.Backend.Name == ""
}

// keeps says what a channel keeps.
func keeps(r flow.Retention) string {
	var limits []string
	if r.MaxDays > 0 {
		limits = append(limits, count(r.MaxDays, "day"))
	}
	if r.MaxMessages > 0 {
		limits = append(limits, count(r.MaxMessages, "message"))
	}
	return strings.Join(limits, ", ")
}

func kept(r flow.Retention) record {
	var limits record
	if r.MaxDays > 0 {
		limits = append(limits, entry{"max_days", r.MaxDays})
	}
	if r.MaxMessages > 0 {
		limits = append(limits, entry{"max_messages", r.MaxMessages})
	}
	return limits
}

// atMost writes a number that stops at a limit.
func atMost(n, limit int) string {
	if n >= limit {
		return fmt.Sprintf("%d or more", limit)
	}
	return fmt.Sprint(n)
}
