package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// statements runs each query through a statement that is prepared when the query is
// first used: preparing all of them would double the time that opening the store takes.
//
// A query is not begun when its context has ended, but not cut short when it ends: all are
// short, and to watch a context database/sql and the driver start a goroutine each, which
// took a quarter of the time of a search.
type statements struct {
	db.DBTX
	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
	missed   map[string]bool // by transactions, which could not prepare them
}

func newStatements(on db.DBTX) *statements {
	return &statements{DBTX: on, prepared: map[string]*sql.Stmt{}, missed: map[string]bool{}}
}

// known returns the statement of a query if it is prepared.
func (s *statements) known(query string) *sql.Stmt {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.prepared[query]
}

// get returns the statement of a query. The context of the call that prepares it first
// must not end it for the others. It waits for a connection without the lock, which those
// who have the connections may need before they give one back.
func (s *statements) get(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if stmt := s.known(query); stmt != nil {
		return stmt, nil
	}
	stmt, err := s.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	if kept := s.keep(query, stmt); kept != stmt {
		return kept, stmt.Close()
	}
	return stmt, nil
}

// keep returns the statement that somebody else has prepared meanwhile, or this one.
func (s *statements) keep(query string, stmt *sql.Stmt) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.prepared[query]; other != nil {
		return other
	}
	s.prepared[query] = stmt
	delete(s.missed, query)
	return stmt
}

// close ends the statements. One that was prepared on a connection outlives it, and keeps
// SQLite's own connection open with its old view of the write-ahead log, which another
// connection of this process would then share.
func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	for query, stmt := range s.prepared {
		if err := stmt.Close(); first == nil {
			first = err
		}
		delete(s.prepared, query)
	}
	return first
}

func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(context.WithoutCancel(ctx), args...)
}

func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return s.DBTX.QueryRowContext(ctx, query, args...) // which fails in the same way
	}
	return stmt.QueryRowContext(context.WithoutCancel(ctx), args...)
}

// snapshot begins a transaction that only reads, in which the same statements run.
func (s *statements) snapshot(ctx context.Context, pool *sql.DB) (inTx, error) {
	s.mu.RLock()
	missed := slices.Collect(maps.Keys(s.missed))
	s.mu.RUnlock()
	for _, query := range missed {
		if _, err := s.get(ctx, query); err != nil {
			return inTx{}, err
		}
	}
	t, err := pool.BeginTx(ctx, nil)
	return inTx{t, s}, err
}

// inTx has a connection, so it must not wait for another one to prepare a statement: all
// that have one might do that. A query that is not prepared runs without, once.
type inTx struct {
	*sql.Tx
	outside *statements
}

func (t inTx) get(ctx context.Context, query string) *sql.Stmt {
	if ctx.Err() != nil {
		return nil // without one it fails
	}
	stmt := t.outside.known(query)
	if stmt == nil {
		t.outside.miss(query)
		return nil
	}
	return t.StmtContext(ctx, stmt)
}

func (s *statements) miss(query string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prepared[query] == nil {
		s.missed[query] = true
	}
}

func (t inTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := t.get(ctx, query); stmt != nil {
		return stmt.QueryContext(context.WithoutCancel(ctx), args...)
	}
	return t.Tx.QueryContext(ctx, query, args...)
}

func (t inTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := t.get(ctx, query); stmt != nil {
		return stmt.QueryRowContext(context.WithoutCancel(ctx), args...)
	}
	return t.Tx.QueryRowContext(ctx, query, args...)
}
