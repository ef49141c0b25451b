package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Words of deleted messages leave search.db in passes. FTS5 marks a row as deleted and
// drops its words when it merges what holds them, so a pass merges the whole index, in
// steps between which the indexer goes on. Then it empties the write-ahead logs, in which
// both the words and the texts still stand. Only after that main.db notes that the
// messages are forgotten: whoever owns the store when a pass was cut short does it again.
const (
	forgetPass = 100_000 // messages of one pass
	markChunk  = 500     // messages of one transaction in search.db
	eraseChunk = 500     // and in main.db
	mergePages = 64      // of one step
	// A pass takes time with the size of the index, not with what it forgets. It rests
	// so many times as long as it took: less than a second after it in a small store, and
	// some minutes in one of a million messages.
	forgetRest = 20
	emptyAgain = 100 * time.Millisecond // after a log was in use
)

// The statements of a pass. The first merge takes up all segments of the index, and those
// after it go on with that.
const (
	markWords  = `DELETE FROM words WHERE rowid = ?`
	mergeAll   = `INSERT INTO words (words, rank) VALUES ('merge', -CAST(? AS INTEGER))`
	mergeOn    = `INSERT INTO words (words, rank) VALUES ('merge', ?)`
	rowChanges = `SELECT total_changes()`
)

// forget does a pass when there is something to forget. It returns how long to rest.
func (x *searcher) forget(ctx context.Context) (rest time.Duration, err error) {
	begin := time.Now()
	places, err := x.store.read.Remembered(ctx, forgetPass)
	if err != nil {
		return 0, x.store.explain(err)
	}
	if len(places) == 0 {
		return 0, nil
	}
	for some := range slices.Chunk(places, markChunk) {
		if err := x.mark(ctx, some); err != nil {
			return 0, err
		}
	}
	for statement := mergeAll; ; statement = mergeOn {
		more, err := x.merge(ctx, statement)
		if err != nil {
			return 0, err
		}
		if !more {
			break
		}
		if _, err := x.add(ctx); err != nil {
			return 0, err
		}
	}
	for _, file := range []databaseFile{x.files(), x.store.mainFile()} {
		if err := x.emptyLog(ctx, file); err != nil {
			return 0, err
		}
	}
	rest = forgetRest * time.Since(begin)
	for some := range slices.Chunk(places, eraseChunk) {
		if err := x.store.forgotten(ctx, some); err != nil {
			return 0, err
		}
	}
	return rest, nil
}

// mark deletes messages in the index. Those that are not in it do no harm.
func (x *searcher) mark(ctx context.Context, places []flow.Cursor) error {
	t, err := x.file.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin forgetting: %w", err)
	}
	defer t.Rollback()
	for _, seq := range places {
		if _, err := t.ExecContext(ctx, markWords, seq); err != nil {
			return fmt.Errorf("delete in the index: %w", err)
		}
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit what is deleted in the index: %w", err)
	}
	return nil
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

// emptyLog moves the write-ahead log of a file into the file and cuts it to nothing. It
// waits for readers as long as it takes, but never so that it holds a writer up for long.
func (x *searcher) emptyLog(ctx context.Context, file databaseFile) error {
	d, err := sql.Open("sqlite", file.dsn("busy_timeout(50)", "journal_mode(wal)", "synchronous(full)", "fullfsync(1)", "checkpoint_fullfsync(1)"))
	if err != nil {
		return fmt.Errorf("open %s: %w", file.path, err)
	}
	defer d.Close()
	d.SetMaxOpenConns(1)
	for {
		// Most is moved while others write; what is left takes a moment.
		for _, mode := range []string{"passive", "truncate"} {
			var busy, pages, moved int
			if err := d.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &moved); err != nil {
				return fmt.Errorf("empty the log of %s: %w", file.path, err)
			}
			if mode == "truncate" && busy == 0 {
				return nil
			}
		}
		select {
		case <-time.After(emptyAgain):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if _, err := x.add(ctx); err != nil {
			return err
		}
	}
}

// forgotten notes that nothing is left of deleted messages.
func (s *store) forgotten(ctx context.Context, places []flow.Cursor) error {
	list, err := json.Marshal(places)
	if err != nil {
		return err
	}
	return s.change(ctx, func(t *tx) error { return t.Forgotten(t.ctx, string(list)) })
}
