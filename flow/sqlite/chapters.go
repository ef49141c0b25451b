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
// words only rewrites their chapters. Each has a table of FTS5 and one of its words (see
// concordance.go).
const chapterSpan = 1 << 18 // places of the log

// span is how many places of the log a chapter has.
type span int64

func (s span) chapter(place int64) int64 { return place / int64(s) }

// first returns the first place of a chapter.
func (s span) first(chapter int64) int64 { return chapter * int64(s) }

// beginChapter needs no texts: rows are found by their place in the log. The words come
// from [indexText], so the tokenizer has only to split them. Their positions, which phrases
// are found by, cost a twentieth more work. FTS5 goes back by reading whole pages forward,
// so that small ones take less time; still smaller ones would take more space.
const beginChapter = beginConcordance + `
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
	emptied      = `SELECT name FROM sqlite_schema WHERE (name LIKE 'concordance_%' OR name LIKE 'places_%' OR sql LIKE 'CREATE VIRTUAL TABLE%')
		AND name NOT IN (SELECT 'words_' || number FROM chapter
			UNION ALL SELECT 'concordance_' || number FROM chapter UNION ALL SELECT 'places_' || number FROM chapter)`
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
		return fmt.Errorf("empty a concordance: %w", err)
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
	var before, after int64
	err = x.change(ctx, func(t *sql.Tx) error {
		if err := t.QueryRowContext(ctx, rowChanges).Scan(&before); err != nil {
			return fmt.Errorf("merge the index: %w", err)
		}
		if _, err := t.ExecContext(ctx, statement, mergePages); err != nil {
			return fmt.Errorf("merge the index: %w", err)
		}
		if err := t.QueryRowContext(ctx, rowChanges).Scan(&after); err != nil {
			return fmt.Errorf("merge the index: %w", err)
		}
		return nil
	})
	return err == nil && after-before >= 2, err
}
