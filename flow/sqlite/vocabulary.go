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
const vocabularySchema = `
CREATE TABLE vocabulary (
  chapter INTEGER NOT NULL,
  word    TEXT    NOT NULL,
  PRIMARY KEY (chapter, word)
) WITHOUT ROWID, STRICT;`

// The statements about it.
const (
	addWord      = `INSERT OR IGNORE INTO vocabulary (chapter, word) VALUES (?, ?)`
	listWords    = `SELECT word FROM vocabulary WHERE chapter = ? AND word >= ? AND word < ? LIMIT ?`
	nextWords    = `SELECT word FROM vocabulary WHERE chapter = ? AND word > ? LIMIT ?`
	dropWords    = `DELETE FROM vocabulary WHERE chapter = ?`
	beginSpoken  = `CREATE VIRTUAL TABLE temp.spoken USING fts5vocab(main, words_%d, col)`
	dropUnspoken = `DELETE FROM vocabulary WHERE chapter = ? AND word BETWEEN ?2 AND ?3
		AND word NOT IN (SELECT term FROM temp.spoken WHERE col = 'body' AND term BETWEEN ?2 AND ?3)`
	endSpoken = `DROP TABLE temp.spoken`
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
		if _, err := insert.ExecContext(ctx, v.chapter, word); err != nil {
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
	return column[string](ctx, on, listWords, chapter, begin, begin+last, most)
}

// trimStep is how many words are looked at in one transaction.
const trimStep = 4000

// trim drops the words that no message of a chapter has any more, in steps between which
// the indexer goes on.
func (x *searcher) trim(ctx context.Context, chapter int64) error {
	for after := ""; ; {
		words, err := column[string](ctx, x.file, nextWords, chapter, after, trimStep)
		if err != nil || len(words) == 0 {
			return err
		}
		after = words[len(words)-1]
		if err := x.dropUnspoken(ctx, chapter, words[0], after); err != nil {
			return fmt.Errorf("drop words that are said no more: %w", err)
		}
		if _, err := x.add(ctx); err != nil {
			return err
		}
	}
}

// dropUnspoken looks at the words from one to another. They are not known after it.
func (x *searcher) dropUnspoken(ctx context.Context, chapter int64, from, to string) error {
	t, err := x.file.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	x.said = vocabulary{}
	if _, err := t.ExecContext(ctx, fmt.Sprintf(beginSpoken, chapter)); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, dropUnspoken, chapter, from, to); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, endSpoken); err != nil {
		return err
	}
	return t.Commit()
}
