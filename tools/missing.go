package tools

import (
	"context"
	"fmt"
	"slices"
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
	p.searched(ctx, shown)
	p.unsearched(m, shown)
}

// searched says how the words of a search were looked for, where that may be the reason
// that nothing was found, or is not what our own engine does.
func (p *page) searched(ctx context.Context, shown int) {
	several := len(strings.Fields(p.text("search"))) > 1
	switch {
	case p.text("search") == "" || !several && shown > 0:
	case !p.foreign(ctx):
		if shown == 0 {
			p.foot = append(p.foot, "Each word must be there, or one that begins so: try fewer words, or others.")
		}
	case !several:
		p.foot = append(p.foot, "Try another word.")
	default:
		said := "This backend looked for all of it as one text, not for each word."
		if shown == 0 {
			said += " Try one word of it."
		}
		p.root = append(p.root, entry{"searched_as_one_text", true})
		p.foot = append(p.foot, said)
	}
}

// newestHits leaves of what a search has found as many as were asked for, which other
// backends than ours do not know of. It returns how many it took away.
func (p *page) newestHits(messages []message) (left []message, more int) {
	most := p.number("limit", flow.MaxMessages)
	if p.text("search") == "" || len(messages) <= most {
		return messages, 0
	}
	slices.SortStableFunc(messages, func(a, b message) int { return strings.Compare(a.Time, b.Time) })
	more = len(messages) - most
	return messages[more:], more
}

// unsearched says what a search has left out. That parts of words were not looked for in
// older messages matters only when nothing else was found.
func (p *page) unsearched(m flow.Missing, shown int) {
	switch {
	case p.paged: // it says how to read on
	case p.op != flow.Search:
		p.full(m)
	case m.Older:
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

// full says on which side of the messages there are more that were asked for, and that one
// answer of the backend does not hold.
func (p *page) full(m flow.Missing) {
	for _, side := range []struct {
		name string
		more bool
	}{{"older", m.Older}, {"newer", m.Newer}} {
		if side.more {
			p.root = append(p.root, entry{side.name + "_left_out", true})
			p.foot = append(p.foot, fmt.Sprintf("There are %s ones, too long for one answer: ask for fewer at once.", side.name))
		}
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
