package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// transferEvents are the notifications of one direction.
type transferEvents struct {
	start, progress, complete, failed, cancelled *flow.Event[flow.Transfer]
}

var (
	uploadEvents = transferEvents{
		flow.UploadStartEvent, flow.UploadProgressEvent, flow.UploadCompleteEvent, flow.UploadErrorEvent, flow.UploadCancelEvent,
	}
	downloadEvents = transferEvents{
		flow.DownloadStartEvent, flow.DownloadProgressEvent, flow.DownloadCompleteEvent, flow.DownloadErrorEvent, flow.DownloadCancelEvent,
	}
)

// transferOf is what notifications say of a file in a message.
func transferOf(r db.UploadByIDRow) flow.Transfer {
	return flow.Transfer{
		AttachmentID: r.Public, OrgID: r.Org, ChannelID: r.Channel, MessageID: messageID(r.Uid),
		Filename: r.Filename, Total: r.Size,
	}
}

// fetchOf is what notifications say of a file on its way to a device.
func fetchOf(ctx context.Context, q *db.Queries, device int64, r db.UploadByIDRow) (flow.Transfer, error) {
	said := transferOf(r)
	to, err := q.DeviceByID(ctx, device)
	said.DeviceID = to.Public
	return said, err
}

// progress tells an account how a transfer of its goes.
type progress struct {
	store    *store
	transfer *transfer
	events   transferEvents
	account  int64
	said     flow.Transfer
	pending  func(*tx) (bool, error) // whether the transfer is not over

	told   time.Time   // when something was told last
	newest flow.Cursor // of the progress that was told last
}

// advanced notes that n more bytes were transferred, and tells of it now and then. That
// is not worth failing for: what cannot be told now is told the next time.
func (p *progress) advanced(n int) {
	p.said.Transferred = p.transfer.transferred.Add(int64(n))
	if time.Since(p.told) < progressPause {
		return
	}
	p.told = time.Now()
	newest := p.newest
	err := p.store.change(context.Background(), func(t *tx) error {
		on, err := p.pending(t)
		if err == nil && on {
			newest, err = p.tell(t)
		}
		return err
	})
	if err != nil {
		p.store.log.Warn("store: progress of a transfer not told", "error", err)
		return
	}
	p.newest = newest
}

// restart notes that everything has to be transferred again.
func (p *progress) restart() { p.transfer.transferred.Store(0) }

// tell announces how far the transfer is, in place of what was announced before.
func (p *progress) tell(t *tx) (flow.Cursor, error) {
	seq, err := emit(t, p.events.progress, audience{account: p.account}, p.said)
	if err != nil || p.newest == 0 {
		return seq, err
	}
	t.deleted = append(t.deleted, p.newest)
	return seq, t.DropEvent(t.ctx, p.newest)
}

// end announces the outcome.
func (p *progress) end(t *tx, path string, failure error) error {
	outcome, kind := p.said, p.events.failed
	if failure != nil {
		outcome.Err = p.store.sentence(failure)
	} else {
		p.said.Transferred = p.said.Total
		if _, err := p.tell(t); err != nil {
			return err
		}
		outcome, kind = p.said, p.events.complete
		outcome.Path = path
	}
	_, err := emit(t, kind, audience{account: p.account}, outcome)
	return err
}

// sentence is what an account is told of a failure.
func (s *store) sentence(err error) string {
	var refusal *flow.Error
	if errors.As(err, &refusal) {
		return refusal.Message
	}
	s.log.Error("store: transfer failed", "error", err)
	return "the transfer failed inside the backend; its log says why"
}
