package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// seesFile reports whether an account may do an operation with a file of others: with one
// of a message in its channels, or else, by another name in the table of rights, with one of
// a message that was deleted.
func seesFile(ctx context.Context, q *db.Queries, account, file int64, method, ofDeleted string) (bool, error) {
	state, err := q.StateWithFile(ctx, account, file)
	if err == nil && allow(method, "channel", state) == nil {
		return true, nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	row, err := q.StateWithDeletedFile(ctx, account, file)
	return seesWhatIsKept(ofDeleted, row.State, row.Kind, err)
}

// seesKept reports whether an account may do an operation with a deleted message.
func seesKept(ctx context.Context, q *db.Queries, account int64, message flow.Cursor, method string) (bool, error) {
	row, err := q.StateWithDeleted(ctx, account, message)
	return seesWhatIsKept(method, row.State, row.Kind, err)
}

func seesWhatIsKept(method string, state flow.MemberState, kind flow.AccountKind, err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil && allow(method, "team", state) == nil && allowKind(method, kind) == nil, err
}
