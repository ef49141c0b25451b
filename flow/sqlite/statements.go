package sqlite

import (
	"context"
	"database/sql"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// statements runs each query through a statement that is prepared when the query is
// first used: preparing all of them would double the time that opening the store takes.
type statements struct {
	db.DBTX
	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
}

func newStatements(on db.DBTX) *statements {
	return &statements{DBTX: on, prepared: map[string]*sql.Stmt{}}
}

// get returns the statement of a query. The context of the call that prepares it first
// must not end it for the others.
func (s *statements) get(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.RLock()
	stmt := s.prepared[query]
	s.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.prepared[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.PrepareContext(context.WithoutCancel(ctx), query)
	if err == nil {
		s.prepared[query] = stmt
	}
	return stmt, err
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
	return stmt.QueryContext(ctx, args...)
}

func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return s.DBTX.QueryRowContext(ctx, query, args...) // which fails in the same way
	}
	return stmt.QueryRowContext(ctx, args...)
}

// in returns the same statements as parts of a transaction.
func (s *statements) in(t *sql.Tx) inTx { return inTx{t, s} }

type inTx struct {
	*sql.Tx
	outside *statements
}

// QueryContext is all that is called: nothing but reads happens in such a transaction.
func (t inTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := t.outside.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return t.StmtContext(ctx, stmt).QueryContext(ctx, args...)
}
