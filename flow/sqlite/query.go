package sqlite

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// query is what a search looks for.
type query struct {
	folded string
	// words selects the messages from the index that hold the text if its last word is
	// a whole one, and prefix those that hold it if that is the beginning of one. They
	// are empty when there is nothing to ask the index for.
	words, prefix string
	// inner says that the text may begin inside a word, which these do not find. Then
	// rest selects what holds the words after the first, if there are any.
	inner bool
	rest  string

	scratch []byte
}

// isIn reports whether a text holds what the query looks for.
func (q *query) isIn(text string) bool {
	folded, ok := foldASCII(q.scratch[:0], text)
	q.scratch = folded
	if !ok {
		return strings.Contains(fold(text), q.folded)
	}
	return bytes.Contains(folded, []byte(q.folded))
}

func newQuery(text string) query {
	q := query{folded: strings.TrimSpace(fold(text))}
	list := tokens(q.folded)
	if len(list) == 0 {
		return q
	}
	first, _ := utf8.DecodeRuneInString(q.folded)
	last, _ := utf8.DecodeLastRuneInString(q.folded)
	q.inner = classOf(first) == letter
	open := classOf(last) == letter // the text may go on in the same word
	if n := len(list); classOf(last) == dense {
		if n > 1 && strings.HasSuffix(list[n-2], list[n-1]) {
			list = list[:n-1] // the last character alone is no word when more follow it
		} else {
			open = true
		}
	}
	q.words, q.prefix = selections(list, open)
	if q.inner && len(list) > 1 {
		whole, beginning := selections(list[1:], open)
		q.rest = cmp.Or(beginning, whole)
	}
	return q
}

// selections returns what the index is asked for: some words in a row and, when the last
// is open, also those where it is the beginning of a word.
func selections(list []string, open bool) (whole, beginning string) {
	// Words are letters, digits and symbols: there is no quotation mark to escape.
	whole = `body : "` + strings.Join(list, " ") + `"`
	if !open {
		return whole, ""
	}
	if n := len(list); n > 1 && utf8.RuneCountInString(list[n-1]) < minPrefix {
		return whole, `body : "` + strings.Join(list[:n-1], " ") + `"`
	}
	return whole, whole + " *"
}

// minPrefix is how much of a word the index is asked for after other words. It gathers all
// words that begin so before it looks at the others, which are fewer: with less of a word
// it is asked for the others alone.
const minPrefix = 3

// in restricts a selection to channels or, when they are too many to name, to a team.
func in(selection string, channels map[int64]bool, team int64) string {
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
		return selection
	}
	return selection + " AND scope : (" + strings.Join(scope, " OR ") + ")"
}

func channelToken(id int64) string { return "c" + strconv.FormatInt(id, 10) }
func teamToken(id int64) string    { return "o" + strconv.FormatInt(id, 10) }
