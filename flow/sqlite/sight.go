package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// attachmentFor returns a file, whoever may see it.
func attachmentFor(ctx context.Context, q *db.Queries, id flow.AttachmentID) (db.AttachmentByPublicRow, error) {
	file, err := q.AttachmentByPublic(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = unknownAttachment(id)
	}
	return file, err
}

// unknownAttachment is the answer about a file that does not exist or that the account
// cannot see.
func unknownAttachment(id flow.AttachmentID) error {
	return flow.Errorf(flow.NotFound, "there is no attachment %q in a channel that you are in; the message with the file has its id", clip(string(id)))
}

// seesFile refuses an operation with a file of others, unless it is one of a message in the
// account's channels or, by another name in the table of rights, of a message that was deleted.
func seesFile(ctx context.Context, q *db.Queries, account int64, file db.AttachmentByPublicRow, method, ofDeleted string) error {
	state, err := q.StateWithFile(ctx, account, file.ID)
	if err == nil && allow(method, "channel", state) == nil {
		return nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	row, err := q.StateWithDeletedFile(ctx, account, file.ID)
	sees, err := seesWhatIsKept(ofDeleted, row.State, row.Kind, err)
	if err == nil && !sees {
		err = unknownAttachment(file.Public)
	}
	return err
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
