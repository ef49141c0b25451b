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
	file, err := attachmentFor(ctx, read, id)
	if err == nil && file.Account != self.account {
		err = seesFile(ctx, read, self.account, file, "DescribeAttachment", describeDeleted)
	}
	if err != nil {
		return none, err
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
	said.ChannelID, said.MessageID, said.Filename = carrier.Channel, flow.MessageID(flow.EncodeID(carrier.Uid)), carrier.Filename
	return said, nil
}
