package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
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

// term is a word that all which is selected has.
type term struct {
	word string
	open bool // or one that begins so
}

// terms returns the words of a selection, the longest first, which are rare most of all.
func (s selection) terms() (list []term) {
	for _, c := range s {
		last := len(c.words) - 1
		for _, word := range c.words[:last] {
			list = append(list, term{word: word})
		}
		list = append(list, term{word: c.words[last], open: c.open})
	}
	slices.SortStableFunc(list, func(a, b term) int { return cmp.Compare(len(b.word), len(a.word)) })
	return list
}

// inRows reports whether some of its words must be in a row.
func (s selection) inRows() bool {
	return slices.ContainsFunc(s, func(c clause) bool { return len(c.words) > 1 })
}

// scope is where messages are looked for: in some channels or a team, or everywhere. It has
// what the index has them as.
type scope []string

// within is the scope of channels or, when they are too many to name, of a team.
func within(channels map[int64]bool, team int64) (s scope) {
	const most = 100
	switch {
	case len(channels) <= most:
		for id := range channels {
			s = append(s, channelToken(id))
		}
	case team != 0:
		s = scope{teamToken(team)}
	}
	return s
}

// match writes it for FTS5.
func (s scope) match() string { return "scope : (" + strings.Join(s, " OR ") + ")" }

// words is what concordances have it as, in JSON. No other word begins so.
func (s scope) words() (string, error) {
	words := make([]string, len(s))
	for i, token := range s {
		words[i] = scopeMark + token
	}
	list, err := json.Marshal(words)
	return string(list), err
}

const scopeMark = " "

func channelToken(id int64) string { return "c" + strconv.FormatInt(id, 10) }
func teamToken(id int64) string    { return "o" + strconv.FormatInt(id, 10) }
