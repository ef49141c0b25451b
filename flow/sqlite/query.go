package sqlite

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// query is what a search looks for: messages that hold some texts.
type query struct {
	texts [][]byte // folded
	words bool     // each must begin where a word does
	rows  [][]byte // of words, between which blanks and punctuation are all one
	// asked selects from the index what holds the texts where words begin. It is empty
	// when there is nothing to ask for.
	asked selection
	// inner says that a text may begin inside a word, which this does not find. Then rest
	// selects what holds the words after the first, if there are any.
	inner bool
	rest  selection

	scratch []byte
}

// isIn reports whether a message holds what the query looks for. Words may stand in the
// names of its files.
func (q *query) isIn(text string, files db.Files) bool {
	if q.words {
		text = withNames(text, files)
	}
	folded, ok := foldASCII(q.scratch[:0], text)
	q.scratch = folded
	if !ok {
		folded = []byte(foldUnicode(text))
	}
	if !q.holdsAll(folded, q.texts) {
		return false
	}
	return len(q.rows) == 0 || q.holdsAll(plain(folded), q.rows)
}

// withNames returns a text with the names of the files that come with it, between which
// stands a symbol, so that no words are in a row that only follow each other here.
func withNames(text string, files db.Files) string {
	const recordSeparator = "\u241e"
	for _, file := range files {
		text += recordSeparator + file.Filename
	}
	return text
}

func (q *query) holdsAll(message []byte, texts [][]byte) bool {
	for _, text := range texts {
		if !q.holds(message, text) {
			return false
		}
	}
	return true
}

// holds reports whether a text is in a message. Both are folded.
func (q *query) holds(message, text []byte) bool {
	if !q.words {
		return bytes.Contains(message, text)
	}
	first, _ := utf8.DecodeRune(text)
	for at := 0; ; at++ {
		i := bytes.Index(message[at:], text)
		if i < 0 {
			return false
		}
		at += i
		before, _ := utf8.DecodeLastRune(message[:at])
		if at == 0 || classOf(first) != letter || classOf(before) != letter {
			return true
		}
	}
}

// newQuery looks for one text, or for the words of it, each of which may stand anywhere.
// What is in quotation marks is one of them.
func newQuery(text string, words bool) query {
	texts := []string{text}
	if words {
		texts = split(text)
	}
	q := query{words: words}
	var parts []part
	for _, text := range texts {
		text = fold(text)
		if words {
			text = string(plain([]byte(text)))
		}
		text = strings.TrimSpace(text)
		list := &q.texts
		if words && strings.Contains(text, " ") {
			list = &q.rows
		}
		if text == "" || slices.ContainsFunc(*list, func(t []byte) bool { return string(t) == text }) {
			continue
		}
		*list = append(*list, []byte(text))
		if p := partOf(text); len(p.list) > 0 {
			parts = append(parts, p)
		}
	}
	q.asked = selectionOf(parts)
	q.inner = !words && slices.ContainsFunc(parts, func(p part) bool { return p.inner })
	if q.inner {
		for i := range parts {
			parts[i] = parts[i].rest()
		}
		q.rest = selectionOf(parts)
	}
	return q
}

// size is how many texts it looks for.
func (q *query) size() int { return len(q.texts) + len(q.rows) }

// plain makes one blank of all that is between the words of a folded text, in place.
func plain(folded []byte) []byte {
	out := folded[:0]
	for len(folded) > 0 {
		r, size := utf8.DecodeRune(folded)
		switch blank := r == utf8.RuneError || classOf(r) == gap; {
		case !blank:
			out = append(out, folded[:size]...)
		case len(out) == 0 || out[len(out)-1] != ' ':
			out = append(out, ' ')
		}
		folded = folded[size:]
	}
	return out
}

// split returns the words of a text. An odd quotation mark is punctuation.
func split(text string) []string {
	var list []string
	text = quotationMarks.Replace(text)
	for {
		before, rest, found := strings.Cut(text, `"`)
		quoted, after, ends := strings.Cut(rest, `"`)
		if !found || !ends {
			return append(list, strings.Fields(text)...)
		}
		list = append(append(list, strings.Fields(before)...), quoted)
		text = after
	}
}

var quotationMarks = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`)

// part is one of the texts that a query looks for.
type part struct {
	list      []string // its words, as the index has them
	inner     bool     // it may begin inside a word
	unlimited bool     // the last word may go on
}

func partOf(folded string) part {
	list := tokens(folded)
	if len(list) == 0 {
		return part{}
	}
	first, _ := utf8.DecodeRuneInString(folded)
	last, _ := utf8.DecodeLastRuneInString(folded)
	p := part{list: list, inner: classOf(first) == letter, unlimited: classOf(last) == letter}
	if n := len(list); classOf(last) == dense {
		if n > 1 && strings.HasSuffix(list[n-2], list[n-1]) {
			p.list = list[:n-1] // the last character alone is no word when more follow it
		} else {
			p.unlimited = true
		}
	}
	return p
}

// rest is what is asked for when the part may begin inside a word: the words after that.
func (p part) rest() part {
	if p.inner {
		p.list = p.list[1:]
	}
	return p
}
