package tools

import (
	"fmt"
	"slices"
)

// trimmed is how much of a value was left out.
type trimmed struct{ bytes, entries int }

func (t trimmed) String() string {
	switch {
	case t.bytes == 0:
		return fmt.Sprintf("%d more", t.entries)
	case t.entries == 0:
		return fmt.Sprintf("%d more bytes", t.bytes)
	}
	return fmt.Sprintf("%d more, and %d bytes of others", t.entries, t.bytes)
}

// weight returns how long a value is in the longer of its two forms.
func weight(value any) int {
	text := len(inline(value))
	switch value := value.(type) {
	case record:
		text = max(text, len(value.lines()))
	case safe:
		text = max(text, len(value.block()))
	}
	return max(text, encoded(value))
}

// weight is that of a value with the identifiers of the names in it.
func (v *viewer) weight(value any) int { return weight(value) + encoded(v.named(value)) }

// shortest is what texts are cut to before entries are left out.
const shortest = 1_000

// shrink cuts a value to so many bytes of both forms: first its longest texts, and when
// that is not enough its lists, at their ends.
func (v *viewer) shrink(value any, most int) (any, trimmed) {
	s := shears{texts: most, lists: -1}
	for ; v.weight(value) > most && s.texts > shortest; s.texts = s.texts * 7 / 8 {
		value = s.trim(value)
	}
	for s.lists = most; v.weight(value) > most && s.lists > 0; s.lists = s.lists * 7 / 8 {
		s.texts = min(s.texts, s.lists)
		value = s.trim(value)
	}
	return value, s.left
}

// shears cut every text and every list in a value to so many bytes. Lists below 0 are
// left as they are.
type shears struct {
	texts, lists int
	left         trimmed
}

func (s *shears) trim(value any) any {
	switch value := value.(type) {
	case safe:
		head, left := value.cut(s.texts)
		s.left.bytes += left
		return head
	case message:
		before := value.CutBytes
		value.cutTo(s.texts)
		s.left.bytes += value.CutBytes - before
		return value
	case record:
		cut := slices.Clone(value)
		for i := range cut {
			cut[i].value = s.trim(cut[i].value)
		}
		return cut
	case items:
		cut := make(items, 0, len(value))
		s.list(len(value), func(i int) any { return s.trim(value[i]) }, func(_ int, one any) { cut = append(cut, one) })
		return cut
	case dictionary:
		cut := make(dictionary, 0, len(value))
		s.list(len(value), func(i int) any { return s.trim(value[i].value) }, func(i int, one any) {
			cut = append(cut, entry{value[i].key, one})
		})
		return cut
	}
	return value
}

// list trims n entries and keeps the first of them that have room.
func (s *shears) list(n int, trim func(int) any, keep func(int, any)) {
	room := s.lists
	for i := range n {
		before := s.left
		one := trim(i)
		if room -= weight(one) + 1; room < 0 && s.lists >= 0 {
			s.left = before
			s.left.entries += n - i
			return
		}
		keep(i, one)
	}
}
