package sqlite

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// clause is some words in a row.
type clause struct {
	words []string
	open  bool // the last may be the beginning of a word
}

// whole writes it for FTS5, without open ends. Words are letters, digits and symbols: there
// is no quotation mark to escape.
func (c clause) whole() string { return `body : "` + strings.Join(c.words, " ") + `"` }

func (c clause) beginning() string {
	if c.open {
		return c.whole() + " *"
	}
	return c.whole()
}

// selection is what the index is asked for: what has all of some clauses.
type selection []clause

// selectionOf has a clause of each part, but for empty ones.
func selectionOf(parts []part, clauseOf func(part) clause) (s selection) {
	for _, p := range parts {
		if c := clauseOf(p); len(c.words) > 0 {
			s = append(s, c)
		}
	}
	return s
}

func (s selection) match() string {
	matches := make([]string, len(s))
	for i, c := range s {
		matches[i] = c.beginning()
	}
	return strings.Join(matches, " AND ")
}

// whole leaves no end open.
func (s selection) whole() selection {
	closed := slices.Clone(s)
	for i := range closed {
		closed[i].open = false
	}
	return closed
}

// leads returns single words that all which is selected has: the longest, which are rare
// most of all.
func (s selection) leads() (list []clause) {
	const most = 4
	for _, c := range s {
		for i := range c.words {
			last := i == len(c.words)-1
			list = append(list, clause{c.words[i : i+1], last && c.open})
		}
	}
	slices.SortStableFunc(list, func(a, b clause) int { return cmp.Compare(len(b.words[0]), len(a.words[0])) })
	return list[:min(most, len(list))]
}

// without leaves a word out where all that begins with it would be gathered. It selects more
// then, and is empty when nothing else is asked for.
func (s selection) without(word string) (rest selection) {
	for _, c := range s {
		if last := len(c.words) - 1; c.open && c.words[last] == word {
			c = clause{words: c.words[:last]}
		}
		if len(c.words) > 0 {
			rest = append(rest, c)
		}
	}
	return rest
}

// within restricts a selection to channels or, when they are too many to name, to a team.
func within(channels map[int64]bool, team int64) string {
	const most = 100
	var scope []string
	switch {
	case len(channels) <= most:
		for id := range channels {
			scope = append(scope, channelToken(id))
		}
	case team != 0:
		scope = []string{teamToken(team)}
	default:
		return ""
	}
	return "scope : (" + strings.Join(scope, " OR ") + ")"
}

func channelToken(id int64) string { return "c" + strconv.FormatInt(id, 10) }
func teamToken(id int64) string    { return "o" + strconv.FormatInt(id, 10) }
