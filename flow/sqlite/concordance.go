package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// A chapter has a concordance: a table of its words. A search looks up there which of them
// begin with what is looked for. Of a chapter that is sealed, to which nothing is added any
// more, the table also says where each word stands: what has several words is found by
// comparing these places (see comparison.go), in far less time than FTS5 takes to step
// through what has one of them and see whether it has the others. So FTS5 answers for the
// newest chapter, for words in a row, and where more words begin so than are looked up.
//
// A word is taken out by writing the table anew: where SQLite has moved a row between two
// pages, the first may keep a copy, which only goes when the whole page is overwritten.
// Where there are many places they are in a table of their own: SQLite would read all those
// of the words that it passes on its way to the one that it looks up.
const beginConcordance = `
CREATE TABLE concordance_%[1]d (word TEXT PRIMARY KEY, places BLOB, entry INTEGER) WITHOUT ROWID, STRICT;
CREATE TABLE places_%[1]d (entry INTEGER PRIMARY KEY, places BLOB NOT NULL) STRICT;`

// The statements about it. The last word that begins with a text is before that text with a
// byte that is in none.
const (
	addWord   = `INSERT OR IGNORE INTO concordance_%d (word) VALUES (?)`
	setPlaces = `INSERT INTO concordance_%d (word, places, entry) VALUES (?, ?, ?)
		ON CONFLICT DO UPDATE SET places = excluded.places, entry = excluded.entry`
	setMany   = `INSERT OR REPLACE INTO places_%d (entry, places) VALUES (?, ?)`
	listWords = `SELECT word FROM concordance_%d WHERE word >= ? AND word < ? LIMIT ?`
	dropMany  = `DELETE FROM places_%d`
	dropWords = `DELETE FROM concordance_%[1]d; DELETE FROM places_%[1]d`
	lastByte  = "\xff"
)

// wordsFrom returns the words of a chapter that begin with a text, or the first of them.
func wordsFrom(ctx context.Context, on db.DBTX, chapter int64, begin string, most int) ([]string, error) {
	return column[string](ctx, on, fmt.Sprintf(listWords, chapter), begin, begin+lastByte, most)
}

// wordsOf splits a text, as [indexText] returns it, where FTS5's tokenizer for ASCII does.
func wordsOf(text string) iter.Seq[string] {
	return strings.FieldsFuncSeq(text, func(r rune) bool { return r < utf8.RuneSelf && classOf(r) == gap })
}

// concordance says where the words of a chapter stand. The indexer keeps that of the chapter
// which it fills, so as to know most words that it has, and to read nothing again when the
// chapter is complete.
type concordance struct {
	chapter, first int64  // which it is, and its first place
	from           string // the first word that it takes up
	upTo           string // words from here on did not fit in, unless it is empty
	whole          bool   // all of the chapter is in
	words          map[string]*places
	size, most     int // about that of it, and how much it may be, in bytes
}

// A concordance takes up no more memory than maxConcordance, which is many times what any
// word takes up. Words that do not fit in are left to the next one, which begins with them.
// While many messages come there may be three: of the chapter that is filled, of the one
// before it, and of one that is read.
const (
	maxConcordance = 32 << 20
	wordSize       = 96    // of a word without its letters and places, about
	sealChunk      = 4_000 // words of one transaction
	manyPlaces     = 200   // bytes
)

func (x *searcher) newConcordance(chapter int64, from string) *concordance {
	return &concordance{chapter: chapter, first: x.span.first(chapter), from: from, most: x.memory, words: map[string]*places{}}
}

// add notes that a word stands at a place, which is not before the last one, and returns
// whether the word was known.
func (c *concordance) add(word string, place int64) (known bool) {
	list, known := c.words[word]
	if !known {
		if word < c.from || c.upTo != "" && word >= c.upTo {
			return false
		}
		word, list = strings.Clone(word), new(places)
		c.words[word] = list
		c.size += wordSize + len(word)
	}
	c.size += list.add(uint64(place - c.first))
	if c.size > c.most {
		c.halve()
	}
	return known
}

// addText notes where the words of a message stand, and its scope, both as the index has
// them. It returns the words that were not known.
func (c *concordance) addText(text, scope string, place int64) (fresh []string) {
	for word := range wordsOf(text) {
		if known := c.add(word, place); !known {
			fresh = append(fresh, word)
		}
	}
	for token := range strings.FieldsSeq(scope) {
		c.add(scopeMark+token, place)
	}
	return fresh
}

// list returns the words in their order.
func (c *concordance) list() []string { return slices.Sorted(maps.Keys(c.words)) }

// halve leaves out the last half of the words.
func (c *concordance) halve() {
	words := c.list()
	half := len(words) / 2
	for _, word := range words[half:] {
		c.size -= wordSize + len(word) + len(c.words[word].packed)
		delete(c.words, word)
	}
	c.upTo = words[half]
}

// write puts some words of the concordance into the tables. Their entries have this number
// and those after it.
func (c *concordance) write(ctx context.Context, t *sql.Tx, s span, words []string, entry int) error {
	few, err := t.PrepareContext(ctx, fmt.Sprintf(setPlaces, c.chapter))
	if err != nil {
		return fmt.Errorf("prepare writing places: %w", err)
	}
	defer few.Close()
	many, err := t.PrepareContext(ctx, fmt.Sprintf(setMany, c.chapter))
	if err != nil {
		return fmt.Errorf("prepare writing many places: %w", err)
	}
	defer many.Close()
	uncut := context.WithoutCancel(ctx)
	for i, word := range words {
		packed := c.words[word].pack(s)
		if len(packed) < manyPlaces {
			_, err = few.ExecContext(uncut, word, packed, nil)
		} else if _, err = many.ExecContext(uncut, entry+i, packed); err == nil {
			_, err = few.ExecContext(uncut, word, nil, entry+i)
		}
		if err != nil {
			return fmt.Errorf("write the places of a word: %w", err)
		}
	}
	return nil
}
