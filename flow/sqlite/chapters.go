package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// The index is cut into chapters, each of which holds the messages of a stretch of the
// log. A search goes from the newest one back and ends when it has found enough. To forget
// words only rewrites their chapters.
const chapterSpan = 250_000 // places of the log

// beginChapter needs no texts: rows are found by their place in the log. The words come
// from [indexText], so the tokenizer has only to split them. Their positions, which phrases
// are found by, cost a twentieth more work. FTS5 goes back by reading whole pages forward,
// so that small ones take less time; still smaller ones would take more space.
const beginChapter = beginVocabulary + `
CREATE VIRTUAL TABLE words_%[1]d USING fts5(
  body, scope, content='', contentless_delete=1, detail=full, tokenize='ascii'
);
INSERT INTO words_%[1]d (words_%[1]d, rank) VALUES ('pgsz', 1000);
INSERT INTO chapter (number) VALUES (%[1]d);`

// The statements about chapters. One that was emptied is not in the list any more; its
// tables go when the file is opened next, while nobody reads it.
const (
	addWords     = `INSERT INTO words_%d (rowid, body, scope) VALUES (?, ?, ?)`
	hasWords     = `SELECT EXISTS (SELECT 1 FROM words_%d_docsize)`
	listChapters = `SELECT number FROM chapter ORDER BY number`
	inPieces     = `SELECT number FROM chapter WHERE whole = 0 AND number < ? ORDER BY number`
	setWhole     = `UPDATE chapter SET whole = 1 WHERE number = ?`
	dropChapter  = `DELETE FROM chapter WHERE number = ?`
	emptied      = `SELECT name FROM sqlite_schema WHERE (name LIKE 'vocabulary_%' OR sql LIKE 'CREATE VIRTUAL TABLE%')
		AND name NOT IN (SELECT 'words_' || number FROM chapter UNION ALL SELECT 'vocabulary_' || number FROM chapter)`
)

// readChapters reads the list, and drops what is not in it any more.
func (x *searcher) readChapters(ctx context.Context) error {
	list, err := column[int64](ctx, x.file, listChapters)
	if err != nil {
		return err
	}
	old, err := column[string](ctx, x.file, emptied)
	if err != nil {
		return err
	}
	for _, table := range old {
		if _, err := x.file.ExecContext(ctx, "DROP TABLE "+table); err != nil {
			return err
		}
	}
	x.chapters.Store(&list)
	return nil
}

// column runs a query of one column.
func column[T any](ctx context.Context, on db.DBTX, query string, args ...any) (list []T, err error) {
	rows, err := on.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var value T
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, rows.Err()
}

// newest returns the number of the newest chapter, or -1.
func (x *searcher) newest() int64 {
	if list := *x.chapters.Load(); len(list) > 0 {
		return list[len(list)-1]
	}
	return -1
}

// filling puts messages into chapters, in one transaction. Its statements, of which there
// are many, are not to be cut short (see [statements]).
type filling struct {
	on     *searcher
	t      *sql.Tx
	insert *sql.Stmt
	say    *sql.Stmt  // adds words to the vocabulary
	said   vocabulary // of the chapter
	begun  []int64    // chapters that are new
}

func (f *filling) add(ctx context.Context, seq int64, text, scope string) error {
	if number := seq / f.on.span; f.insert == nil || number != f.said.chapter {
		if err := f.turn(ctx, number); err != nil {
			return err
		}
	}
	text = indexText(text)
	if _, err := f.insert.ExecContext(ctx, seq, text, scope); err != nil {
		return err
	}
	return f.said.add(ctx, f.say, text)
}

// turn goes on with a chapter, the newest or a new one.
func (f *filling) turn(ctx context.Context, number int64) (err error) {
	if number > f.on.newest() {
		if _, err := f.t.ExecContext(ctx, fmt.Sprintf(beginChapter, number)); err != nil {
			return fmt.Errorf("begin a chapter: %w", err)
		}
		f.begun = append(f.begun, number)
	}
	if f.said = f.on.said; f.said.chapter != number || f.said.known == nil {
		f.said = vocabulary{chapter: number, known: map[string]bool{}}
	}
	f.on.said = vocabulary{} // until what is added is there to stay
	if f.say, err = f.t.PrepareContext(ctx, fmt.Sprintf(addWord, number)); err != nil {
		return err
	}
	f.insert, err = f.t.PrepareContext(ctx, fmt.Sprintf(addWords, number))
	return err
}

// done shows new chapters to searches, after the transaction.
func (f *filling) done() {
	f.on.said = f.said
	if len(f.begun) > 0 {
		list := slices.Concat(*f.on.chapters.Load(), f.begun)
		f.on.chapters.Store(&list)
	}
}

// retire takes an emptied chapter out of the list.
func (x *searcher) retire(ctx context.Context, number int64) error {
	var holds bool
	if err := x.file.QueryRowContext(ctx, fmt.Sprintf(hasWords, number)).Scan(&holds); err != nil {
		return fmt.Errorf("look whether a chapter is empty: %w", err)
	}
	if holds {
		return nil
	}
	if _, err := x.file.ExecContext(ctx, fmt.Sprintf(dropWords, number)); err != nil {
		return fmt.Errorf("empty the vocabulary of a chapter: %w", err)
	}
	if _, err := x.file.ExecContext(ctx, dropChapter, number); err != nil {
		return fmt.Errorf("retire a chapter: %w", err)
	}
	list := slices.DeleteFunc(slices.Clone(*x.chapters.Load()), func(n int64) bool { return n == number })
	x.chapters.Store(&list)
	return nil
}

// unite puts the chapters that are complete in one piece each, in steps between which the
// indexer goes on.
func (x *searcher) unite(ctx context.Context) error {
	list, err := column[int64](ctx, x.file, inPieces, x.newest())
	if err != nil {
		return fmt.Errorf("read which chapters are in pieces: %w", err)
	}
	for _, number := range list {
		if err := x.mergeAll(ctx, number); err != nil {
			return err
		}
		if _, err := x.file.ExecContext(ctx, setWhole, number); err != nil {
			return fmt.Errorf("note that a chapter is in one piece: %w", err)
		}
		if err := x.retire(ctx, number); err != nil {
			return err
		}
	}
	return nil
}

// The statements that merge a chapter. The first takes up all its pieces, and those after
// it go on with that.
const (
	mergeFirst = `INSERT INTO words_%[1]d (words_%[1]d, rank) VALUES ('merge', -CAST(? AS INTEGER))`
	mergeOn    = `INSERT INTO words_%[1]d (words_%[1]d, rank) VALUES ('merge', ?)`
	rowChanges = `SELECT total_changes()`
	mergePages = 64 // of one step
)

// mergeAll puts a chapter in one piece, without the words of rows that were deleted. It does
// so twice: a merge that was under way before it may have passed on words of rows that were
// deleted since. Where nothing of that kind is left, the second time costs nothing.
func (x *searcher) mergeAll(ctx context.Context, number int64) error {
	for range 2 {
		if err := x.mergeOnce(ctx, number); err != nil {
			return err
		}
	}
	return nil
}

func (x *searcher) mergeOnce(ctx context.Context, number int64) error {
	for statement := mergeFirst; ; statement = mergeOn {
		more, err := x.merge(ctx, fmt.Sprintf(statement, number))
		if err != nil || !more {
			return err
		}
		if _, err := x.add(ctx); err != nil {
			return err
		}
	}
}

// merge does one step. It reports whether there was something to do: FTS5 says so with
// the number of rows that it changed.
func (x *searcher) merge(ctx context.Context, statement string) (more bool, err error) {
	t, err := x.file.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin merging: %w", err)
	}
	defer t.Rollback()
	var before, after int64
	if err := t.QueryRowContext(ctx, rowChanges).Scan(&before); err != nil {
		return false, fmt.Errorf("merge the index: %w", err)
	}
	if _, err := t.ExecContext(ctx, statement, mergePages); err != nil {
		return false, fmt.Errorf("merge the index: %w", err)
	}
	if err := t.QueryRowContext(ctx, rowChanges).Scan(&after); err != nil {
		return false, fmt.Errorf("merge the index: %w", err)
	}
	if err := t.Commit(); err != nil {
		return false, fmt.Errorf("commit merged index: %w", err)
	}
	return after-before >= 2, nil
}
