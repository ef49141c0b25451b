package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
)

// DescribeAttachment implements [flow.Engine].
func (e *Engine) DescribeAttachment(ctx context.Context, call flow.Call, in flow.DescribeAttachmentInput) (flow.AttachmentDescription, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.AttachmentDescription{}, err
	}
	said, err := e.describe(ctx, self, in.AttachmentID)
	return said, e.store.explain(err)
}

// describe tells of a file what its newest message says that the caller can see, or else
// what was registered.
func (e *Engine) describe(ctx context.Context, self *who, id flow.AttachmentID) (flow.AttachmentDescription, error) {
	none, read := flow.AttachmentDescription{}, e.store.read
	file, err := read.AttachmentByPublic(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return none, unknownAttachment(id)
	}
	if err != nil {
		return none, err
	}
	if file.Account != self.account {
		sees, err := seesFile(ctx, read, self.account, file.ID, "DescribeAttachment", describeDeleted)
		if err == nil && !sees {
			err = unknownAttachment(id)
		}
		if err != nil {
			return none, err
		}
	}
	owner, err := read.AccountByID(ctx, file.Account)
	if err != nil {
		return none, err
	}
	said := flow.AttachmentDescription{
		ID: id, OrgID: file.OrgPublic, AccountID: owner.Public, Filename: file.Filename, Size: file.Size, CreationTime: file.Created,
	}
	carrier, err := read.CarrierOf(ctx, self.account, id)
	if errors.Is(err, sql.ErrNoRows) {
		return said, nil
	}
	if err != nil {
		return none, err
	}
	name, err := e.carriedAs(ctx, carrier.Uid, id)
	if errors.Is(err, sql.ErrNoRows) {
		return said, nil // the message is gone by now
	}
	said.ChannelID, said.MessageID, said.Filename = carrier.Channel, flow.MessageID(flow.EncodeID(carrier.Uid)), name
	return said, err
}

// carriedAs returns what a file is called in a message.
func (e *Engine) carriedAs(ctx context.Context, message []byte, id flow.AttachmentID) (string, error) {
	row, err := e.store.read.MessageByUID(ctx, message)
	if err != nil {
		return "", err
	}
	upload, err := e.store.read.UploadIn(ctx, row.Seq, id)
	if err != nil {
		return "", err
	}
	sent, err := e.store.read.UploadByID(ctx, upload)
	return sent.Filename, err
}

// unknownAttachment is the answer about a file that does not exist or that the account
// cannot see.
func unknownAttachment(id flow.AttachmentID) error {
	return flow.Errorf(flow.NotFound, "there is no attachment %q in a channel that you are in; the message with the file has its id", clip(string(id)))
}
