package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"path/filepath"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// StartAttachmentDownload implements [flow.Engine]. It announces nothing while a download of
// the same file is under way, which goes on at once if it waits after a failure.
func (e *Engine) StartAttachmentDownload(ctx context.Context, call flow.Call, in flow.StartAttachmentDownloadInput) (flow.Nothing, error) {
	seat, err := e.seatOf(ctx)
	if err != nil {
		return flow.Nothing{}, err
	}
	dir := seat.Downloads
	if dir == "" {
		dir = filepath.Join(e.store.dir, "downloads")
	}
	return e.own(ctx, call, "StartAttachmentDownload", func(t *tx, self *who) error {
		in, err := t.carried(self, in)
		if err != nil {
			return err
		}
		message, err := t.readable(self, in)
		if err != nil {
			return err
		}
		up, err := t.fetchable(message, in.AttachmentID)
		if err != nil {
			return err
		}
		id, err := t.AddDownload(t.ctx, db.AddDownloadParams{
			Device: self.device, Upload: up.ID, Dir: dir, Part: partName(),
		})
		pending := errors.Is(err, sql.ErrNoRows)
		if pending {
			id, err = t.PendingDownload(t.ctx, self.device, up.ID)
		}
		if err != nil {
			return err
		}
		t.started = append(t.started, transferKey{flow.Download, id})
		if pending {
			return nil
		}
		return t.tellFetch(self, flow.DownloadStartEvent, up)
	})
}

// tellFetch tells an account of a file on its way to the device that makes a call.
func (t *tx) tellFetch(self *who, kind *flow.Event[flow.Transfer], row db.UploadByIDRow) error {
	said, err := fetchOf(t.ctx, t.Queries, self.device, row)
	if err != nil {
		return err
	}
	_, err = emit(t, kind, audience{account: self.account}, said)
	return err
}

// carried names the message of a file where the caller has named the file alone.
func (t *tx) carried(self *who, in flow.StartAttachmentDownloadInput) (flow.StartAttachmentDownloadInput, error) {
	if in.ChannelID != "" || in.MessageID != "" {
		return in, nil
	}
	row, err := t.CarrierOf(t.ctx, self.account, in.AttachmentID)
	if errors.Is(err, sql.ErrNoRows) {
		return in, unknownAttachment(in.AttachmentID)
	}
	in.ChannelID, in.MessageID = row.Channel, flow.MessageID(flow.EncodeID(row.Uid))
	return in, err
}

// errDeleted is why a file cannot be fetched any more.
var errDeleted = flow.Errorf(flow.NotFound, "the message was deleted, and its files with it")

// readable returns the message that somebody wants a file of. A deleted one is so for
// escrow accounts of its team, which need not be in the channel.
func (t *tx) readable(self *who, in flow.StartAttachmentDownloadInput) (db.MessageByUIDRow, error) {
	ch, refusal := channelFor(t.ctx, t.Queries, self, "StartAttachmentDownload", in.ChannelID, in.OrgID)
	message, err := messageIn(t.ctx, t.Queries, ch.ID, in.MessageID)
	if err == nil && message.Deleted != 0 {
		if sees, err := seesKept(t.ctx, t.Queries, self.account, message.Seq, fetchDeleted); err != nil || sees {
			return message, err
		}
		return message, cmp.Or(refusal, errDeleted)
	}
	return message, cmp.Or(refusal, err)
}

// fetchable returns a file of a message, unless it is there no more.
func (t *tx) fetchable(message db.MessageByUIDRow, id flow.AttachmentID) (db.UploadByIDRow, error) {
	none := db.UploadByIDRow{}
	upload, err := t.UploadIn(t.ctx, message.Seq, id)
	if errors.Is(err, sql.ErrNoRows) {
		return none, flow.Errorf(flow.NotFound, "the message has no attachment %q", clip(string(id)))
	}
	if err != nil {
		return none, err
	}
	row, err := t.UploadByID(t.ctx, upload)
	switch {
	case err != nil:
		return none, err
	case row.Status == statusCancelled:
		return none, flow.Errorf(flow.NotFound, "the sender cancelled the upload of this file")
	case row.Status == statusFailed:
		return none, flow.Errorf(flow.NotFound, "the upload of this file failed; ask its sender to send it again")
	}
	return row, nil
}

// CancelAttachmentDownload implements [flow.Engine]. When it returns, nothing of the file
// is left.
func (e *Engine) CancelAttachmentDownload(ctx context.Context, call flow.Call, in flow.CancelAttachmentDownloadInput) (flow.Nothing, error) {
	none := flow.Nothing{}
	_, self, err := e.self(ctx, call)
	if err != nil {
		return none, err
	}
	_, err = e.own(ctx, call, "CancelAttachmentDownload", func(t *tx, self *who) error {
		return t.cancelDownloads(self, in.AttachmentID)
	})
	if err != nil {
		return none, err
	}
	cancelled, err := e.store.read.CancelledDownloadsTo(ctx, in.AttachmentID, self.device)
	if err != nil {
		return none, e.store.explain(err)
	}
	for _, id := range cancelled {
		if err := e.store.transfers.await(ctx, transferKey{flow.Download, id}); err != nil {
			return none, err
		}
		if err := e.store.clear(ctx, id); err != nil {
			return none, e.store.explain(err)
		}
	}
	return none, nil
}

func (t *tx) cancelDownloads(self *who, id flow.AttachmentID) error {
	pending, err := t.PendingDownloadsTo(t.ctx, self.device)
	if err != nil {
		return err
	}
	found := false
	for _, d := range pending {
		if d.Public != id {
			continue
		}
		found = true
		if err := t.CancelDownload(t.ctx, d.ID); err != nil {
			return err
		}
		row, err := t.UploadByID(t.ctx, d.Upload)
		if err != nil {
			return err
		}
		if err := t.tellFetch(self, flow.DownloadCancelEvent, row); err != nil {
			return err
		}
		t.ended = append(t.ended, transferKey{flow.Download, d.ID})
	}
	if !found {
		return flow.Errorf(flow.NotFound, "no download of attachment %q is under way on this device", clip(string(id)))
	}
	return nil
}
