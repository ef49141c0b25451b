package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// A chapter has a vocabulary: the words of its messages. A search looks up which of them
// begin with what is looked for and asks FTS5 for these, one OR the other, which it steps
// through as far as it must. Asked for all that begins so, it would gather every message
// that has it before it returned the first, unless it had an index of beginnings, which is
// twice as large as that of words and takes as long to write.
//
// A word is taken out by writing the table anew: where SQLite has moved a row between two
// pages, the first may keep a copy, which only goes when the whole page is overwritten.
const beginVocabulary = `CREATE TABLE vocabulary_%d (word TEXT PRIMARY KEY) WITHOUT ROWID, STRICT;`

// The statements about it.
const (
	addWord     = `INSERT OR IGNORE INTO vocabulary_%d (word) VALUES (?)`
	listWords   = `SELECT word FROM vocabulary_%d WHERE word >= ? AND word < ? LIMIT ?`
	dropWords   = `DELETE FROM vocabulary_%d`
	beginSpoken = `CREATE VIRTUAL TABLE temp.spoken USING fts5vocab(main, words_%d, col)`
	addSpoken   = `INSERT INTO vocabulary_%d (word) SELECT term FROM temp.spoken WHERE col = 'body'`
	endSpoken   = `DROP TABLE temp.spoken`
)

// vocabulary remembers which words of a chapter are known to be in its vocabulary, so that
// most of what is said costs no statement.
type vocabulary struct {
	chapter int64
	known   map[string]bool
}

// maxKnown bounds how many words are remembered, in memory.
const maxKnown = 50_000

// add adds the words of a text as [indexText] returns it.
func (v *vocabulary) add(ctx context.Context, insert *sql.Stmt, text string) error {
	for word := range strings.FieldsFuncSeq(text, isBetween) {
		if v.known[word] {
			continue
		}
		if _, err := insert.ExecContext(ctx, word); err != nil {
			return err
		}
		if len(v.known) >= maxKnown {
			clear(v.known)
		}
		v.known[strings.Clone(word)] = true
	}
	return nil
}

// isBetween reports whether FTS5's tokenizer for ASCII ends a word at a character.
func isBetween(r rune) bool { return r < utf8.RuneSelf && classOf(r) == gap }

// wordsFrom returns the words of a chapter that begin with a text, or the first of them.
func wordsFrom(ctx context.Context, on db.DBTX, chapter int64, begin string, most int) ([]string, error) {
	const last = "\xff" // is in no text
	return column[string](ctx, on, fmt.Sprintf(listWords, chapter), begin, begin+last, most)
}

// trim drops the words that no message of a chapter has any more.
func (x *searcher) trim(ctx context.Context, chapter int64) error {
	t, err := x.file.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to trim a vocabulary: %w", err)
	}
	defer t.Rollback()
	x.said = vocabulary{}
	for _, statement := range []string{
		fmt.Sprintf(beginSpoken, chapter), fmt.Sprintf(dropWords, chapter), fmt.Sprintf(addSpoken, chapter), endSpoken,
	} {
		if _, err := t.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("trim a vocabulary: %w", err)
		}
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit a trimmed vocabulary: %w", err)
	}
	return nil
}
