package tools

import (
	"fmt"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Limits of a result, in bytes of each of its forms: about four make a token. What stands
// around a text counts.
const (
	softBytes  = 6_000 * 4          // of the text of a list
	softJSON   = softBytes * 3 / 2  // of the same in the other form
	hardBytes  = 20_000 * 4         // of anything
	bodyBytes  = hardBytes - 4_000  // of that, without what is said of the whole
	aloneBytes = hardBytes - 10_000 // of a message alone
	entryBytes = 4_000              // of one entry among others
)

// budget is the room that is left for the entries of a result, in both of its forms.
type budget struct {
	viewer     *viewer
	text, json int
	taken      int // entries
}

// budget begins with room for a list whose structured form may take so many bytes.
func (v *viewer) budget(json int) *budget { return &budget{viewer: v, text: softBytes, json: json} }

// take uses room for an entry and for the identifiers of the names in it, and reports
// whether there was enough. The first entry always goes in: it is made to fit before.
func (b *budget) take(one any, text string) bool {
	if b.taken > 0 && !b.fits(one, text) {
		return false
	}
	b.use(one, text)
	return true
}

func (b *budget) fits(one any, text string) bool {
	return len(text) <= b.text && b.encoded(one) <= b.json
}

func (b *budget) use(one any, text string) {
	b.text, b.json, b.taken = b.text-len(text), b.json-b.encoded(one), b.taken+1
	b.viewer.keep(one)
}

// encoded is what an entry adds to the structured form.
func (b *budget) encoded(one any) int { return encoded(one) + len(",") + encoded(b.viewer.unused(one)) }

// spend uses room for what is said between entries.
func (b *budget) spend(text, json int) { b.text, b.json = b.text-text, b.json-json }

// full reports whether there is no room for anything more.
func (b *budget) full() bool { return b.text <= 0 || b.json <= 0 }

// encoded returns how long a value is as JSON.
func encoded(value any) int {
	raw, _ := marshal(value) // cannot fail: it is made of texts and numbers
	return len(raw)
}

// cutEvents keeps of a page of the event log what a result may hold, one event at least.
// The rest is what the next page begins with.
func (p *page) cutEvents(members record) record {
	i := slices.IndexFunc(members, func(e entry) bool { return e.key == "events" })
	if i < 0 {
		return members
	}
	events, _ := members[i].value.(items)
	room, kept := p.viewer.budget(bodyBytes), make(items, 0, len(events))
	for _, one := range events {
		one, left := p.viewer.shrink(one, aloneBytes)
		if !room.take(one, inline(one)) {
			break
		}
		p.cut("seq "+fmt.Sprint(one.(record).member("seq")), left)
		kept = append(kept, one)
	}
	cut := slices.Clone(members)
	cut[i].value = kept
	if len(kept) == len(events) {
		return cut
	}
	last, _ := kept[len(kept)-1].(record)
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

// bound keeps the members of the result below the hard limit, by its longest ones, and
// says what it has left out. It is for what no parameter can make shorter; lists and
// histories end before, with the way to the rest.
func (p *page) bound() {
	for range len(p.root) {
		sizes, total, longest := make([]int, len(p.root)), 0, 0
		for i, e := range p.root {
			sizes[i] = p.viewer.weight(record{e})
			if total += sizes[i]; sizes[i] > sizes[longest] {
				longest = i
			}
		}
		if total <= bodyBytes {
			return
		}
		e := &p.root[longest]
		var left trimmed
		e.value, left = p.viewer.shrink(e.value, max(0, bodyBytes-total+sizes[longest]-len(e.key)-8))
		if left == (trimmed{}) {
			return
		}
		p.cut(e.key, left)
	}
}

// cut says what was left out of a part of the result.
func (p *page) cut(part string, left trimmed) {
	if left != (trimmed{}) {
		p.cuts = append(p.cuts, fmt.Sprintf("%s; %s are too much for a result", part, left))
	}
}

// tooLong refuses a result that is beyond all limits after all, so that it does not fill
// the context of a model.
func tooLong(structured []byte) error {
	if len(structured) <= hardBytes {
		return nil
	}
	return flow.Errorf(flow.Invalid, "the result would take about %d tokens, and %d are allowed; ask for less", len(structured)/4, hardBytes/4)
}
