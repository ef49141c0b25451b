package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/flow-mcp/flow-mcp/flow"
)

// resultCode returns SQLite's primary result code, or 0 when err is not from SQLite.
func resultCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// isStorageFailure reports whether the disk or the file failed, as opposed to one
// statement. SQLite may have undone the whole transaction then.
func isStorageFailure(err error) bool {
	switch resultCode(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY,
		sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL:
		return true
	}
	return errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone)
}

// busy reports whether the same statement may work a moment later.
func busy(err error) bool {
	code := resultCode(err)
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_INTERRUPT
}

// explain turns what a statement answered into an error for callers. Refusals and the
// ends of contexts pass through.
func (s *store) explain(err error) error {
	var refusal *flow.Error
	switch {
	case err == nil || errors.As(err, &refusal):
		return err
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case s.closed.Load():
		return errClosed
	case !isStorageFailure(err):
		return fmt.Errorf("store: %w", err)
	}
	switch resultCode(err) {
	case sqlite3.SQLITE_FULL:
		return flow.Errorf(flow.Unusable, "the disk that holds %s is full; free space and try again", s.dir)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return flow.Errorf(flow.Unusable, "the store in %s is damaged (%v); restore it from a backup", s.dir, err)
	}
	if busy(err) {
		return flow.Errorf(flow.Unavailable, "the store in %s is busy; try again", s.dir)
	}
	return flow.Errorf(flow.Unusable, "the store in %s cannot be read or written (%v); check the disk and try again", s.dir, err)
}
