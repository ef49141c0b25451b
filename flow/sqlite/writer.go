package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// maxBatch bounds how many operations share a transaction, and maxQueue how many may
// wait before those who bring more have to wait too.
const (
	maxBatch = 1000
	maxQueue = 1024
)

// operation is one write. It happens whole or not at all, whatever becomes of the others
// in its batch.
type operation struct {
	ctx context.Context
	run func(*tx) error
	// single says that run checks everything first and then changes the store with one
	// statement, so that no savepoint is needed to undo half of it.
	single bool
	done   chan error
}

// writer owns the only connection that may change main.db.
type writer struct {
	conn       *sql.Conn
	statements *statements
	queries    *db.Queries
	vault      *vault
	tallies    *tallies
	publish    func(*tx)
	explain    func(error) error
	log        *slog.Logger
	ops        chan operation
	stopped    chan struct{}
	chores     func(*tx) error
	due        time.Time                   // when chores are next
	targets    map[flow.ChannelID]target   // channels that messages were sent to
	endings    map[int64]db.LastMessageRow // the newest message of some channels
	limited    map[int64]bool              // channels that keep, or once kept, so many messages

	gate   sync.RWMutex // held for reading while an operation is being queued
	closed bool
}

func newWriter(conn *sql.Conn, log *slog.Logger) *writer {
	statements := newStatements(conn)
	return &writer{
		conn: conn, statements: statements, queries: db.New(statements), log: log,
		ops: make(chan operation, maxQueue), stopped: make(chan struct{}),
		due:     time.Now().Add(10 * time.Minute), // by then the other processes are back
		targets: map[flow.ChannelID]target{}, endings: map[int64]db.LastMessageRow{}, limited: map[int64]bool{},
	}
}

// do queues an operation and waits until it is durable or refused. When ctx ends first,
// the operation may still happen.
func (w *writer) do(ctx context.Context, single bool, run func(*tx) error) error {
	op := operation{ctx: ctx, run: run, single: single, done: make(chan error, 1)}
	if err := w.queue(op); err != nil {
		return err
	}
	select {
	case err := <-op.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *writer) queue(op operation) error {
	w.gate.RLock()
	defer w.gate.RUnlock()
	if w.closed {
		return errClosed
	}
	select {
	case w.ops <- op:
		return nil
	case <-op.ctx.Done():
		return context.Cause(op.ctx)
	}
}

var errClosed = flow.Errorf(flow.Unavailable, "the store is being closed; try again")

// stop lets what is queued finish, and returns when the writer has ended.
func (w *writer) stop() {
	w.gate.Lock()
	already := w.closed
	w.closed = true
	w.gate.Unlock()
	if !already {
		close(w.ops)
	}
	<-w.stopped
}

func (w *writer) run() {
	defer close(w.stopped)
	batch := make([]operation, 0, 64)
	for op := range w.ops {
		batch = append(batch[:0], op)
		for len(batch) < maxBatch && len(w.ops) > 0 {
			batch = append(batch, <-w.ops)
		}
		w.commit(batch)
		clear(batch)
	}
}

// commit runs a batch and answers everyone in it. A failure of the disk undoes the whole
// batch and is everyone's answer.
func (w *writer) commit(batch []operation) {
	results := make([]error, len(batch))
	t, err := w.begin()
	for i := 0; err == nil && i < len(batch); i++ {
		results[i], err = t.do(batch[i])
	}
	if err == nil {
		err = t.trim()
	}
	if err == nil {
		err = w.tallies.during(t)
	}
	if err != nil {
		w.rollback()
		w.log.Error("store: transaction undone", "operations", len(batch), "error", err)
		for i := range results {
			if results[i] == nil {
				results[i] = w.explain(err)
			}
		}
	} else {
		w.publish(t)
	}
	for i, op := range batch {
		op.done <- results[i]
	}
}

func (w *writer) begin() (*tx, error) {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	t := &tx{
		Queries: w.queries, ctx: context.Background(), exec: w.exec, explain: w.explain,
		now: time.Now().UnixMilli(), targets: w.targets, endings: w.endings, limited: w.limited,
		vault: w.vault,
	}
	end, err := t.EndOfLog(t.ctx)
	if err != nil {
		return nil, fmt.Errorf("read end of log: %w", err)
	}
	t.seq = flow.Cursor(end)
	if now := time.Now(); now.After(w.due) {
		w.due = now.Add(time.Hour)
		return t, w.chores(t)
	}
	return t, nil
}

// rollback leaves no transaction behind, nor what was learnt from it. SQLite may have
// ended it already.
func (w *writer) rollback() {
	clear(w.targets)
	clear(w.endings)
	_ = w.exec("ROLLBACK")
}

func (w *writer) exec(statement string) error {
	_, err := w.statements.ExecContext(context.Background(), statement)
	return err
}

// tx is the transaction of a batch. Its statements are those of db.Queries.
type tx struct {
	*db.Queries
	ctx     context.Context // never ends: a transaction is not cut short
	exec    func(string) error
	explain func(error) error
	vault   *vault
	now     int64       // milliseconds since 1970
	seq     flow.Cursor // the newest place in the log

	events   []*logEvent
	changes  []change
	bars     []bar
	met      bool          // a rendezvous has changed
	deleted  []flow.Cursor // places in the log where nothing is any more
	started  []transferKey // transfers to run
	ended    []transferKey // transfers to stop
	overdue  bool          // the keeper has something to do
	answered bool          // a question to a directory was
	searches []searchChange

	targets map[flow.ChannelID]target   // of the writer
	endings map[int64]db.LastMessageRow // of the writer
	limited map[int64]bool              // of the writer
}

// do runs one operation. The first error is its own; the second ends the batch.
func (t *tx) do(op operation) (refused, fatal error) {
	if op.ctx.Err() != nil {
		return context.Cause(op.ctx), nil
	}
	if op.single {
		return t.judge(op.run(t))
	}
	before := *t
	if err := t.exec("SAVEPOINT operation"); err != nil {
		return nil, fmt.Errorf("savepoint: %w", err)
	}
	refused, fatal = t.judge(op.run(t))
	if fatal != nil {
		return nil, fatal
	}
	if refused != nil {
		if err := t.exec("ROLLBACK TO operation"); err != nil {
			return nil, fmt.Errorf("undo operation: %w", err)
		}
		if t.seq != before.seq {
			clear(t.endings) // its messages may have been the newest
		}
		t.seq, t.events, t.changes, t.deleted = before.seq, before.events, before.changes, before.deleted
		t.started, t.ended, t.bars = before.started, before.ended, before.bars
		t.searches = before.searches
	}
	if err := t.exec("RELEASE operation"); err != nil {
		return nil, fmt.Errorf("release savepoint: %w", err)
	}
	return refused, nil
}

// judge tells the refusal of one operation from a failure that concerns all.
func (t *tx) judge(err error) (refused, fatal error) {
	var refusal *flow.Error
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &refusal):
		return err, nil
	case isStorageFailure(err):
		return nil, err
	}
	return err, nil
}

func (t *tx) commit() error {
	if err := t.exec("COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
