package sqlite

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// clause is some words in a row.
type clause struct {
	words []string
	open  bool // the last may be the beginning of a word
}

// selection is what the index is asked for: what has all of some clauses.
type selection []clause

// selectionOf has a clause of each part, but for empty ones.
func selectionOf(parts []part) (s selection) {
	for _, p := range parts {
		if len(p.list) > 0 {
			s = append(s, clause{words: p.list, open: p.unlimited})
		}
	}
	return s
}

// closed leaves no end open.
func (s selection) closed() (said saying) {
	for _, c := range s {
		said = append(said, spelling{clause: clause{words: c.words}})
	}
	return said
}

// spelling is a clause with the words that its last may be the beginning of.
type spelling struct {
	clause
	endings []string // none when it is not open, or wide
	wide    bool     // there are so many that they are not named
}

// maxEndings is how many words are named: about as many as take no longer, one by one, than
// to gather all that begins so.
const maxEndings = 100

// spelled returns what a chapter is asked for. It is not ok when the chapter has none of
// the words that a clause may end with.
func (s selection) spelled(ctx context.Context, on db.DBTX, chapter int64) (said saying, ok bool, err error) {
	for _, c := range s {
		one := spelling{clause: c}
		if c.open {
			words, err := wordsFrom(ctx, on, chapter, c.words[len(c.words)-1], maxEndings+1)
			if err != nil || len(words) == 0 {
				return nil, false, err
			}
			if one.wide = len(words) > maxEndings; !one.wide {
				one.endings = words
			}
		}
		said = append(said, one)
	}
	return said, true, nil
}

// match writes it for FTS5, and a wide one so that it gathers what begins so. Words are
// letters, digits and symbols: there is no quotation mark to escape.
func (s spelling) match() string {
	row := strings.Join(s.words, " ")
	if len(s.endings) == 0 {
		if s.wide {
			return `body : "` + row + `" *`
		}
		return `body : "` + row + `"`
	}
	row = strings.TrimSuffix(row, s.words[len(s.words)-1])
	return `body : ("` + row + strings.Join(s.endings, `" OR "`+row) + `")`
}

// saying is a selection, spelled.
type saying []spelling

func (s saying) match() string {
	matches := make([]string, len(s))
	for i, one := range s {
		matches[i] = one.match()
	}
	return strings.Join(matches, " AND ")
}

// narrow leaves wide words out, so that it selects more. It is empty when there are no
// others.
func (s saying) narrow() (narrow saying) {
	for _, one := range s {
		if one.wide {
			one = spelling{clause: clause{words: one.words[:len(one.words)-1]}}
		}
		if len(one.words) > 0 {
			narrow = append(narrow, one)
		}
	}
	return narrow
}

func (s saying) wide() bool {
	return slices.ContainsFunc(s, func(one spelling) bool { return one.wide })
}

// leads returns single words that all which is selected has: the longest, which are rare
// most of all.
func (s saying) leads() (list []spelling) {
	const most = 4
	for _, one := range s {
		last := len(one.words) - 1
		for _, word := range one.words[:last] {
			list = append(list, spelling{clause: clause{words: []string{word}}})
		}
		if !one.wide {
			one.words = one.words[last:]
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b spelling) int { return cmp.Compare(len(b.words[0]), len(a.words[0])) })
	return list[:min(most, len(list))]
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
