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
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// indexFormat is the version of search.db, and of what [indexText] makes of a text. A file
// of any other is made anew.
const indexFormat = 8

// indexSchema is what there is beside the chapters.
const indexSchema = `
CREATE TABLE state (
  only    INTEGER PRIMARY KEY CHECK (only = 1),
  store   TEXT    NOT NULL, -- the main file it belongs to
  span    INTEGER NOT NULL, -- places of a chapter
  indexed INTEGER NOT NULL  -- the newest place of the log that is in
) STRICT;
CREATE TABLE chapter (
  number INTEGER PRIMARY KEY,
  whole  INTEGER NOT NULL DEFAULT 0 -- whether it is of one piece
) STRICT;`

// The statements about its state.
const (
	setIndexed = `UPDATE state SET indexed = ?`
	getState   = `SELECT span, indexed FROM state WHERE store = ?`
)

// toIndex reads main.db. Its rows are taken one by one, since all together may be large.
const toIndex = `SELECT message.seq, message.channel, channel.org, message.body, message.attachments
FROM message CROSS JOIN channel ON channel.id = message.channel
WHERE message.seq > ? AND message.deleted = 0 ORDER BY message.seq LIMIT ?`

// The indexer takes this many messages at a time, a little after they have come, so that
// it does not compete with those who send them.
const (
	indexChunk = 2000
	indexDelay = 100 * time.Millisecond
)

// searcher keeps search.db. It lags a little behind main.db, and can be made anew from it.
type searcher struct {
	store    *store
	path     string
	span     int64                   // places of a chapter
	indexed  atomic.Int64            // the newest place that is in
	chapters atomic.Pointer[[]int64] // their numbers, up to indexed
	damaged  atomic.Bool             // the file has to be made anew
	said     vocabulary              // of the chapter that is filled

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
func openSearch(ctx context.Context, s *store, span int64) (*searcher, error) {
	x := &searcher{
		store: s, path: filepath.Join(s.dir, "search.db"), span: cmp.Or(span, chapterSpan),
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
	var span int64
	var indexed flow.Cursor
	if err := x.file.QueryRowContext(ctx, getState, id).Scan(&span, &indexed); err != nil {
		return fmt.Errorf("read its state: %w", err)
	}
	switch {
	case indexed > x.store.hub.end():
		return errors.New("it is newer than the store")
	case span != x.span:
		return errors.New("its chapters are of another length")
	}
	if err := x.readChapters(ctx); err != nil {
		return fmt.Errorf("read its chapters: %w", err)
	}
	x.indexed.Store(int64(indexed))
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
	x.chapters.Store(&[]int64{})
	x.said = vocabulary{}
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
	script := fmt.Sprintf("BEGIN; %s PRAGMA user_version = %d; PRAGMA application_id = %d; INSERT INTO state VALUES (1, '%s', %d, 0); COMMIT;",
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

// fill brings the index to the end of the log.
func (x *searcher) fill(ctx context.Context) error {
	if err := x.catchUp(ctx); err != nil {
		return err
	}
	return x.unite(ctx)
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
	switch resultCode(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR:
		return true
	}
	return false
}

// add puts the next messages into the index, with the place that it has reached. It
// reports whether there were any.
func (x *searcher) add(ctx context.Context) (more bool, err error) {
	end := int64(x.store.hub.end())
	rows, err := x.store.pool.QueryContext(ctx, toIndex, x.indexed.Load(), indexChunk)
	if err != nil {
		return false, x.store.explain(err)
	}
	defer rows.Close()
	t, err := x.file.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin indexing: %w", err)
	}
	defer t.Rollback()
	f := filling{on: x, t: t}
	uncut := context.WithoutCancel(ctx)
	var last, channel, org int64
	var body string
	for rows.Next() {
		var files db.Files
		if err := rows.Scan(&last, &channel, &org, &body, &files); err != nil {
			return false, x.store.explain(err)
		}
		if err := f.add(uncut, last, withNames(body, files), channelToken(channel)+" "+teamToken(org)); err != nil {
			return false, fmt.Errorf("index message: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return false, x.store.explain(err)
	}
	if last == 0 {
		x.indexed.Store(max(end, x.indexed.Load())) // there is other news alone
		return false, nil
	}
	if _, err := t.ExecContext(ctx, setIndexed, last); err != nil {
		return false, fmt.Errorf("note the end of the index: %w", err)
	}
	if err := t.Commit(); err != nil {
		return false, fmt.Errorf("commit index: %w", err)
	}
	f.done()
	x.indexed.Store(last)
	return true, nil
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
