package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/flow-mcp/flow-mcp/flow"
)

// indexFormat is the version of search.db, and of what [indexText] makes of a text. A file
// of any other is made anew.
const indexFormat = 9

// indexSchema is what there is beside the chapters.
const indexSchema = `
CREATE TABLE state (
  only    INTEGER PRIMARY KEY CHECK (only = 1),
  store   TEXT    NOT NULL, -- the main file it belongs to
  span    INTEGER NOT NULL, -- places of a chapter
  indexed INTEGER NOT NULL, -- the newest place of the log that is in
  sealed  INTEGER NOT NULL  -- the first chapter that is not sealed
) STRICT;
CREATE TABLE chapter (
  number INTEGER PRIMARY KEY,
  whole  INTEGER NOT NULL DEFAULT 0 -- whether it is of one piece
) STRICT;`

// The statements about its state.
const (
	setIndexed = `UPDATE state SET indexed = ?`
	setSealed  = `UPDATE state SET sealed = ?`
	getState   = `SELECT span, indexed, sealed FROM state WHERE store = ?`
)

// The indexer takes this many messages at a time, a little after they have come, so that
// it does not compete with those who send them. It remembers the words of a chapter while
// so many come within one delay; otherwise there is time to read them again.
const (
	indexChunk = 2000
	indexDelay = 100 * time.Millisecond
	rush       = 200
)

// searcher keeps search.db. It lags a little behind main.db, and can be made anew from it.
type searcher struct {
	store    *store
	path     string
	span     span
	indexed  atomic.Int64            // the newest place that is in
	chapters atomic.Pointer[[]int64] // their numbers, up to indexed
	sealed   atomic.Int64            // the first chapter that is not sealed
	damaged  atomic.Bool             // the file has to be made anew
	memory   int                     // that a concordance may take up, in bytes
	said     *concordance            // of the chapter that is filled, or nil
	complete *concordance            // of the one before, or nil
	lately   int                     // messages that were added

	sets sync.Pool // that comparisons have no use for any more

	mu    sync.RWMutex // held while the files are replaced
	pool  *sql.DB      // connections that only read
	reads *statements  // on the pool
	file  *sql.DB      // the indexer's connection

	waked  chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
}

// openSearch opens the index of a store, or makes it anew when it is missing, damaged,
// of another version or of another store.
func openSearch(ctx context.Context, s *store, chapter span) (*searcher, error) {
	x := &searcher{
		store: s, path: filepath.Join(s.dir, "search.db"), span: cmp.Or(chapter, chapterSpan), memory: maxConcordance,
		waked: make(chan struct{}, 1), done: make(chan struct{}),
	}
	err := x.open(ctx)
	if err != nil {
		if !errors.Is(err, errNoIndex) {
			s.log.Warn("store: search index is made anew", "reason", err)
		}
		err = x.renew(ctx)
	}
	x.wake() // there may be messages that it does not know
	return x, err
}

// errNoIndex is what a new store has.
var errNoIndex = errors.New("there is no index yet")

// open opens the file as it is.
func (x *searcher) open(ctx context.Context) error {
	head, err := readHeader(x.path)
	if err != nil {
		return err
	}
	if head.empty {
		return errNoIndex
	}
	if head.application != applicationID || head.version != indexFormat {
		return errors.New("it is of another format")
	}
	if err := x.connect(ctx); err != nil {
		return err
	}
	id, err := x.store.read.StoreID(ctx)
	if err != nil {
		return err
	}
	var span span
	var indexed flow.Cursor
	var sealed int64
	if err := x.file.QueryRowContext(ctx, getState, id).Scan(&span, &indexed, &sealed); err != nil {
		return fmt.Errorf("read its state: %w", err)
	}
	switch end := x.store.hub.end(); {
	case indexed > end, span.first(sealed) > int64(end)+1:
		return errors.New("it is newer than the store")
	case span != x.span:
		return errors.New("its chapters are of another length")
	}
	if err := x.readChapters(ctx); err != nil {
		return fmt.Errorf("read its chapters: %w", err)
	}
	x.indexed.Store(int64(indexed))
	x.sealed.Store(sealed)
	return nil
}

// files is search.db, without the settings of a connection.
func (x *searcher) files() databaseFile { return databaseFile{path: x.path} }

func (x *searcher) connect(ctx context.Context) (err error) {
	file := x.files()
	file.pragmas = append(file.pragmas, "busy_timeout(5000)", "temp_store(memory)", "cache_size(-4000)")
	x.file, err = sql.Open("sqlite", file.dsn("journal_mode(wal)", "synchronous(normal)", "journal_size_limit(67108864)",
		"secure_delete(1)")) // what was deleted is overwritten
	if err != nil {
		return err
	}
	x.file.SetMaxOpenConns(1)
	if err := x.file.PingContext(ctx); err != nil {
		return err
	}
	x.pool, err = sql.Open("sqlite", file.dsn("query_only(1)"))
	if err != nil {
		return err
	}
	x.pool.SetMaxOpenConns(2 + searchesAtOnce)
	x.pool.SetConnMaxIdleTime(time.Minute)
	x.reads = newStatements(x.pool)
	return nil
}

// renew makes an empty index.
func (x *searcher) renew(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	_ = x.disconnect()
	x.indexed.Store(0)
	x.sealed.Store(0)
	x.chapters.Store(&[]int64{})
	x.said, x.complete = nil, nil
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(x.path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unusable(x.store.dir, err)
		}
	}
	if err := (databaseFile{path: x.path}).create(); err != nil {
		return err
	}
	if err := x.connect(ctx); err != nil {
		return fmt.Errorf("make %s: %w", x.path, err)
	}
	id, err := x.store.read.StoreID(ctx)
	if err != nil {
		return err
	}
	script := fmt.Sprintf("BEGIN; %s PRAGMA user_version = %d; PRAGMA application_id = %d; INSERT INTO state VALUES (1, '%s', %d, 0, 0); COMMIT;",
		indexSchema, indexFormat, applicationID, id, x.span)
	if _, err := x.file.ExecContext(ctx, script); err != nil {
		return fmt.Errorf("make %s: %w", x.path, err)
	}
	x.damaged.Store(false)
	return nil
}

// wake tells the indexer that there is something new.
func (x *searcher) wake() { signal(x.waked) }

// start fills the index in the background until stop is called.
func (x *searcher) start() {
	ctx, cancel := context.WithCancel(context.Background())
	x.cancel = cancel
	go x.run(ctx)
}

func (x *searcher) run(ctx context.Context) {
	defer close(x.done)
	var rested time.Time // from when on the next pass of forgetting may begin
	delay := indexDelay
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-x.waked:
		case <-again.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return
		}
		if err := x.fill(ctx); err != nil {
			x.trouble(ctx, "search index is behind", err)
			delay = min(2*delay, keepAgain) // what goes on to fail is not tried with each message
			x.wake()
			continue
		}
		delay = indexDelay
		if wait := time.Until(rested); wait > 0 {
			again.Reset(wait)
			continue
		}
		rest, err := x.forget(ctx)
		if err != nil {
			x.trouble(ctx, "search index still holds words of deleted messages", err)
			rest = keepAgain
		}
		if rested = time.Now().Add(rest); rest > 0 {
			again.Reset(rest) // there may be more
		}
	}
}

// fill brings the index to the end of the log, and completes what is complete.
func (x *searcher) fill(ctx context.Context) error {
	if err := x.catchUp(ctx); err != nil {
		return err
	}
	if err := x.unite(ctx); err != nil {
		return err
	}
	if x.lately < rush {
		x.said, x.complete = nil, nil
	}
	x.lately = 0
	return nil
}

// trouble tells of a failure. After one that shows damage the next pass makes the index
// anew.
func (x *searcher) trouble(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	x.store.log.Error("store: "+what, "error", err)
	if isDamage(err) {
		x.damaged.Store(true)
	}
}

// catchUp indexes what is missing. A file that is found damaged is made anew, once.
func (x *searcher) catchUp(ctx context.Context) error {
	for renewed := false; ; {
		if x.damaged.Load() {
			if err := x.renew(ctx); err != nil {
				return err
			}
			renewed = true
		}
		more, err := x.add(ctx)
		if err == nil {
			err = x.seal(ctx)
		}
		if err != nil && (renewed || !isDamage(err)) || err == nil && !more {
			return err
		}
		if err != nil {
			x.damaged.Store(true)
		}
	}
}

// isDamage reports whether an error shows that the file is not what it should be, as
// opposed to a disk that is full or cannot be read.
func isDamage(err error) bool {
	if errors.Is(err, errPlaces) {
		return true
	}
	switch resultCode(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR:
		return true
	}
	return false
}

// fail notes that a search has failed. What SQLite does not understand is no damage.
func (x *searcher) fail(ctx context.Context, err error) {
	if resultCode(err) == sqlite3.SQLITE_ERROR {
		x.store.log.Error("store: search index did not understand a search", "error", err)
		return
	}
	x.trouble(ctx, "search index failed; searching without it", err)
	x.wake()
}

// stop ends the indexer.
func (x *searcher) stop() {
	x.cancel()
	<-x.done
}

func (x *searcher) disconnect() error {
	var errs []error
	if x.reads != nil {
		errs = append(errs, x.reads.close())
	}
	for _, d := range []*sql.DB{x.pool, x.file} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	x.reads, x.pool, x.file = nil, nil, nil
	return errors.Join(errs...)
}

// close closes the files.
func (x *searcher) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.disconnect()
}
