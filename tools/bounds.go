package tools

import (
	"fmt"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// cutEvents keeps of a page of the event log what a result may hold. The rest is what the
// next page begins with.
func (p *page) cutEvents(members record) record {
	i := slices.IndexFunc(members, func(e entry) bool { return e.key == "events" })
	if i < 0 {
		return members
	}
	events, _ := members[i].value.(items)
	kept := fitItems(events, softBytes)
	if kept == len(events) {
		return members
	}
	last, _ := events[kept-1].(record)
	cut := slices.Clone(members)
	cut[i].value = events[:kept]
	for j, e := range cut {
		switch e.key {
		case "next":
			cut[j].value = last.member("seq")
		case "more":
			cut[j].value = true
		}
	}
	p.foot = append(p.foot, fmt.Sprintf("There are more: after=%v.", last.member("seq")))
	return cut
}

// member returns a member of a record, or nothing.
func (r record) member(key string) any {
	for _, e := range r {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// fitItems returns how many of the first entries take no more than so many bytes: one at
// least.
func fitItems(all items, most int) int {
	for i, one := range all {
		raw, _ := marshal(one) // cannot fail: it is made of texts and numbers
		if most -= len(raw) + 1; most < 0 && i > 0 {
			return i
		}
	}
	return len(all)
}

// bound keeps the structured form below the hard limit, by its longest members, and says
// what it has left out. It is for what no parameter can make shorter; lists and histories
// end before, with the way to the rest.
func (p *page) bound() {
	for range len(p.root) {
		sizes, total, longest := make([]int, len(p.root)), 0, 0
		for i, e := range p.root {
			raw, _ := marshal(e.value) // cannot fail: it is made of texts and numbers
			sizes[i] = len(raw)
			if total += len(raw) + len(e.key); sizes[i] > sizes[longest] {
				longest = i
			}
		}
		if total <= hardBytes || !p.shorten(longest, max(0, hardBytes-total+sizes[longest])) {
			return
		}
	}
}

// shorten cuts a member to about so many bytes.
func (p *page) shorten(i, most int) bool {
	e := &p.root[i]
	switch value := e.value.(type) {
	case safe:
		head, left := value.cut(most * 3 / 4) // some need escapes
		if left == 0 {
			return false
		}
		e.value = head
		p.foot = append(p.foot, fmt.Sprintf("Cut: %s; %d more bytes are too much for a result.", e.key, left))
	case items:
		kept := min(fitItems(value, most), max(0, len(value)-1))
		if kept == len(value) {
			return false
		}
		e.value = value[:kept]
		p.foot = append(p.foot, fmt.Sprintf("Cut: %s; %d more are too much for a result.", e.key, len(value)-kept))
	default:
		return false
	}
	return true
}

// tooLong refuses a result that is beyond all limits after all, so that it does not fill
// the context of a model.
func tooLong(structured []byte) error {
	if len(structured) <= 2*hardBytes {
		return nil
	}
	return flow.Errorf(flow.Invalid, "the result would take about %d tokens, and %d are allowed; ask for less", len(structured)/4, hardBytes/4)
}
