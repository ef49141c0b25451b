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
// drops its words when it merges what holds them, so a pass merges the chapters of these
// messages, in steps between which the indexer goes on, and writes their concordances anew.
// Then it empties the write-ahead logs, in which both the words and the texts still stand. Only
// after that main.db notes that the messages are forgotten: whoever owns the store when a
// pass was cut short does it again.
const (
	forgetPass = 100_000 // messages of one pass
	markChunk  = 500     // messages of one transaction in search.db
	eraseChunk = 500     // and in main.db
	// A pass takes time with the number of chapters that it merges. It rests so many times
	// as long as it took: less than a second after it in a small store, and a minute or
	// so after one in which old messages were deleted here and there.
	forgetRest = 20
	emptyAgain = 100 * time.Millisecond // after a log was in use
)

const markWords = `DELETE FROM words_%d WHERE rowid = ?`

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
	for begin := 0; begin < len(places); {
		number := x.span.chapter(int64(places[begin]))
		end := begin
		for end < len(places) && x.span.chapter(int64(places[end])) == number {
			end++
		}
		if err := x.erase(ctx, number, places[begin:end]); err != nil {
			return 0, err
		}
		begin = end
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

// erase takes the words of messages out of their chapter.
func (x *searcher) erase(ctx context.Context, number int64, places []flow.Cursor) error {
	if !slices.Contains(*x.chapters.Load(), number) {
		return nil
	}
	for some := range slices.Chunk(places, markChunk) {
		if err := x.mark(ctx, number, some); err != nil {
			return err
		}
	}
	if err := x.mergeAll(ctx, number); err != nil {
		return err
	}
	if err := x.rewrite(ctx, number); err != nil {
		return fmt.Errorf("write a concordance anew: %w", err)
	}
	if number == x.newest() {
		return nil // it is filled again
	}
	return x.retire(ctx, number)
}

// mark deletes messages in the index. Those that are not in it do no harm.
func (x *searcher) mark(ctx context.Context, number int64, places []flow.Cursor) error {
	return x.change(ctx, func(t *sql.Tx) error {
		remove, err := t.PrepareContext(ctx, fmt.Sprintf(markWords, number))
		if err != nil {
			return fmt.Errorf("prepare forgetting: %w", err)
		}
		defer remove.Close()
		for _, seq := range places {
			if _, err := remove.ExecContext(ctx, seq); err != nil {
				return fmt.Errorf("delete in the index: %w", err)
			}
		}
		return nil
	})
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
