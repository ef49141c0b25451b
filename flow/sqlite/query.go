package sqlite

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// query is what a search looks for.
type query struct {
	folded string
	// match selects the messages from the index that may hold the text; empty when it
	// has no words.
	match string
	// inner says that the text may begin inside a word, which match does not find.
	inner bool
}

func newQuery(text string) query {
	q := query{folded: strings.TrimSpace(fold(text))}
	words := tokens(q.folded)
	if len(words) == 0 {
		return q
	}
	first, _ := utf8.DecodeRuneInString(q.folded)
	last, _ := utf8.DecodeLastRuneInString(q.folded)
	q.inner = classOf(first) == letter
	terms := make([]string, 0, len(words))
	for i, word := range words {
		term := `"` + word + `"` // holds no quotation mark: words are letters and symbols
		if i == len(words)-1 && classOf(last) != gap {
			if classOf(last) == dense && i > 0 && len(word) < len(words[i-1]) && strings.HasSuffix(words[i-1], word) {
				continue // the pair before it says more
			}
			term += "*"
		}
		terms = append(terms, term)
	}
	q.match = "body : (" + strings.Join(terms, " AND ") + ")"
	return q
}

// in restricts a query to channels or, when they are too many to name, to a team.
func (q query) in(channels []int64, team int64) string {
	const most = 100
	var scope []string
	switch {
	case len(channels) <= most:
		for _, id := range channels {
			scope = append(scope, channelToken(id))
		}
	case team != 0:
		scope = []string{teamToken(team)}
	default:
		return q.match
	}
	return q.match + " AND scope : (" + strings.Join(scope, " OR ") + ")"
}

func channelToken(id int64) string { return "c" + strconv.FormatInt(id, 10) }
func teamToken(id int64) string    { return "o" + strconv.FormatInt(id, 10) }
