package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// Options are the settings of a store. The zero value is the default.
type Options struct {
	// Log receives what the store has to say of itself; nil discards it. Texts of
	// messages, passwords and names are never logged.
	Log *slog.Logger
	// Version is what the engine answers when it is asked for its own.
	Version string
	// Patience is how long another process that owns the store may leave a question open
	// which it answers at once while it runs. 0 stands for 15 seconds.
	Patience time.Duration
	// Existing is for programs that only read: where there is no store none is made, and
	// [Open] or the first call fails with Unusable.
	Existing bool

	absence time.Duration // how long a process may be away; 0 for the usual time
	chapter span          // of the search index; 0 for the usual one
}

// keepRequests is how long a write can be repeated under the same request id.
const keepRequests = 30 * 24 * time.Hour

// store is the open store, in the one process that owns it.
type store struct {
	dir      string
	version  string
	log      *slog.Logger
	pool     *sql.DB     // connections that only read
	reads    *statements // on the pool
	read     *db.Queries // through them
	write    *sql.DB     // holds the writer's connection
	writer   *writer
	hub      *hub
	sessions *sessions
	search   *searcher
	lobby    *lobby
	tallies  *tallies
	files
	background background
	keeper     *keeper
	hashing    chan struct{} // holds one token: who has it may compute a password hash
	closed     atomic.Bool
	leaving    <-chan struct{} // closed when the store is about to be handed over

	answers  bell          // rings when a directory has checked a password
	patience time.Duration // with it

	mu    sync.Mutex
	seats map[string]bool // the processes that are there
}

// openStore opens the store in a directory, making it when there is none. Only the
// process that holds the store's lock may call it. An error says what is wrong with the
// directory or its files, which are left as they were.
func openStore(ctx context.Context, dir string, o Options) (_ *store, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, unusable(dir, err)
	}
	s := &store{
		dir: dir, version: o.Version, log: o.Log,
		hashing: make(chan struct{}, 1), seats: map[string]bool{},
		leaving: ctx.Done(), patience: bindPatience,
		background: newBackground(), lobby: newLobby(),
	}
	s.hashing <- struct{}{}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(dir, err)
	}
	defer func() {
		if err != nil {
			s.closeFiles()
			err = s.explain(err)
		}
	}()
	if err := s.openMain(ctx); err != nil {
		return nil, err
	}
	if err := s.openHub(ctx); err != nil {
		return nil, err
	}
	if s.search, err = openSearch(ctx, s, o.chapter); err != nil {
		return nil, err
	}
	if err := s.openFiles(ctx); err != nil {
		return nil, err
	}
	s.writer.publish = s.published
	s.writer.explain = s.explain
	s.writer.chores = s.chores
	if s.writer.vault, err = openVault(s.dir); err != nil {
		return nil, err
	}
	if err := s.fill(ctx); err != nil {
		return nil, err
	}
	if err := s.readLimits(ctx); err != nil {
		return nil, err
	}
	s.start()
	return s, nil
}

// start sets going what works in the background. It comes last: who cannot open the store
// tries again and again, and is to leave nothing running behind.
func (s *store) start() {
	s.keeper = startKeeper(s)
	s.sweeper = startSweeper(s)
	s.transfers.start()
	s.search.start()
	go s.writer.run() // which tells all of them what it has written
}

// readLimits tells the writer which channels keep only so many messages.
func (s *store) readLimits(ctx context.Context) error {
	channels, err := s.read.LimitedChannels(ctx)
	if err != nil {
		return fmt.Errorf("read what channels keep: %w", err)
	}
	for _, ch := range channels {
		s.writer.limited[ch.ID] = ch.MaxMessages > 0
	}
	return nil
}

const mainFile = "main.db"

// mainFile is main.db, without the settings of a connection.
func (s *store) mainFile() databaseFile { return databaseFile{path: filepath.Join(s.dir, mainFile)} }

// openMain opens main.db for the writer and for readers.
func (s *store) openMain(ctx context.Context) error {
	steps, err := migrationSteps()
	if err != nil {
		return err
	}
	file := s.mainFile()
	file.pragmas = []string{"busy_timeout(5000)", "foreign_keys(1)", "temp_store(memory)"}
	head, err := readHeader(file.path)
	if err != nil {
		return err
	}
	if err := head.check(file.path, len(steps)); err != nil {
		return err
	}
	if err := file.create(); err != nil {
		return err
	}
	s.write, err = sql.Open("sqlite", file.dsn(
		"journal_mode(wal)", "secure_delete(1)", // what was deleted is overwritten
		"synchronous(full)", "fullfsync(1)", "checkpoint_fullfsync(1)",
		"wal_autocheckpoint(1000)", "journal_size_limit(67108864)", "cache_size(-2000)"))
	if err != nil {
		return fmt.Errorf("open %s: %w", file.path, err)
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open %s: %w", file.path, err)
	}
	s.writer = newWriter(conn, s.log) // closed with it, whatever comes
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "fullfsync": "1", "foreign_keys": "1"}
	if err := verify(ctx, conn, file.path, want); err != nil {
		return err
	}
	if err := migrate(ctx, conn, file.path, steps); err != nil {
		return err
	}
	return s.openReaders(file)
}

func (s *store) openReaders(file databaseFile) (err error) {
	s.pool, err = sql.Open("sqlite", file.dsn("query_only(1)", "cache_size(-4000)"))
	if err != nil {
		return fmt.Errorf("open %s for reading: %w", file.path, err)
	}
	s.pool.SetMaxOpenConns(4)
	s.pool.SetMaxIdleConns(4)
	s.pool.SetConnMaxIdleTime(time.Minute)
	s.reads = newStatements(s.pool)
	s.read = db.New(s.reads)
	return nil
}

// openHub makes the hub at the present end of the log.
func (s *store) openHub(ctx context.Context) error {
	end, err := s.read.EndOfLog(ctx)
	if err != nil {
		return fmt.Errorf("read end of log: %w", err)
	}
	s.hub = newHub(flow.Cursor(end))
	s.tallies = newTallies(s.hub)
	s.writer.tallies = s.tallies
	s.sessions = newSessions()
	return nil
}

// published tells those who wait what a transaction has brought. The writer calls it
// after the commit.
func (s *store) published(t *tx) {
	if t.overdue {
		s.keeper.wake()
	}
	defer func() { // when the hub knows who is kept out
		if t.met || len(t.bars) > 0 {
			s.lobby.changed.ring()
		}
	}()
	if t.answered {
		s.answers.ring()
	}
	for _, c := range t.searches {
		s.follow(c)
	}
	s.transfers.add(t.started)
	s.transfers.cancel(t.ended)
	if len(t.events)+len(t.changes)+len(t.bars)+len(t.deleted) == 0 {
		return
	}
	s.hub.publish(t.events, t.changes, t.bars, t.deleted)
	s.search.wake()
}

// isLeaving reports whether the store is about to be handed over. What waits here is asked
// for again at the next owner then.
func (s *store) isLeaving() bool {
	select {
	case <-s.leaving:
		return true
	default:
		return false
	}
}

// change does a write and waits until it is durable.
func (s *store) change(ctx context.Context, run func(*tx) error) error {
	return s.explain(s.writer.do(ctx, false, run))
}

// seat returns the view of one backend process, which is known by a stable name. Sessions
// that it had under an earlier owner of the store go on.
func (s *store) seat(member string) *Engine {
	s.mu.Lock()
	s.seats[member] = true
	s.mu.Unlock()
	return &Engine{store: s, member: member}
}

// chores runs now and then in the transaction of a batch. It forgets old requests, and
// the sessions of processes that have been away for too long.
func (s *store) chores(t *tx) error {
	for range 20 { // some at a time, but not so many that others wait long
		n, err := t.PruneRequests(t.ctx, t.now-keepRequests.Milliseconds())
		if err != nil {
			return fmt.Errorf("prune requests: %w", err)
		}
		if n == 0 {
			break
		}
	}
	// One that has led to a device stays until the device that let it in knows.
	if err := t.PruneRendezvous(t.ctx, t.now-time.Hour.Milliseconds()); err != nil {
		return fmt.Errorf("prune rendezvous: %w", err)
	}
	if err := t.dropExpiredBinds(); err != nil {
		return fmt.Errorf("drop old questions to directories: %w", err)
	}
	if err := s.dropDeparted(t); err != nil {
		return fmt.Errorf("drop old sessions: %w", err)
	}
	return nil
}

// close finishes what is queued, saves the places of all sessions and closes the files.
// Calls that come later fail with Unavailable.
func (s *store) close(ctx context.Context) error {
	s.keeper.close()
	s.sweeper.close()
	s.transfers.close()
	s.sessions.stop()
	err := s.saveSessions(ctx, s.sessions.all())
	s.closed.Store(true)
	s.writer.stop()
	for _, one := range s.sessions.all() {
		s.end(one, errClosed)
	}
	s.background.running.Wait()
	s.search.stop()
	if err = errors.Join(err, s.closeFiles()); err != nil {
		return fmt.Errorf("close store %s: %w", s.dir, err)
	}
	return nil
}

// closeFiles closes what is open. The last connection to a file moves its write-ahead log
// into it.
func (s *store) closeFiles() error {
	var errs []error
	if s.search != nil {
		errs = append(errs, s.search.close())
	}
	if s.pool != nil {
		errs = append(errs, s.pool.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.statements.close(), s.writer.conn.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	return errors.Join(errs...)
}
