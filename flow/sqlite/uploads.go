package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"hash"
	"io"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// What becomes of an upload, as its row says.
const (
	statusPending   = "pending"
	statusComplete  = "complete"
	statusCancelled = "cancelled"
	statusFailed    = "failed"
)

// upload reads back what was sent. The content is in the store since the file was
// registered; that an upload is complete says that those who fetch it get just that.
func (s *store) upload(ctx context.Context, job *transfer) error {
	id := job.key.id
	row, err := s.read.UploadByID(ctx, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && row.Status != statusPending {
		return nil
	}
	if err != nil {
		return err
	}
	p := &progress{
		store: s, transfer: job, events: uploadEvents, account: row.Account, said: transferOf(row), told: time.Now(),
		pending: func(t *tx) (bool, error) {
			row, err := t.UploadByID(t.ctx, id)
			return row.Status == statusPending, err
		},
	}
	failure := s.readBack(ctx, row, p.advanced)
	if ctx.Err() != nil {
		return nil // cancelled, or to be done when the store is opened again
	}
	status := statusComplete
	if failure != nil {
		status = statusFailed
	}
	return s.change(context.Background(), func(t *tx) error {
		n, err := t.SetUploadStatus(t.ctx, status, id)
		if err != nil || n == 0 {
			return err
		}
		return p.end(t, "", failure)
	})
}

func (s *store) readBack(ctx context.Context, row db.UploadByIDRow, advanced func(int)) error {
	if row.Deleted != 0 && !row.Kept {
		return flow.Errorf(flow.NotFound, "the message was deleted before the upload of its file was complete")
	}
	content, err := s.content(row)
	if err != nil {
		return err
	}
	defer content.Close()
	sum := sha256.New()
	if _, err := pour(ctx, io.Discard, content, sum, advanced); err != nil {
		return err
	}
	return sameContent(sum, row)
}

// content opens the content of a file in a message.
func (s *store) content(row db.UploadByIDRow) (io.ReadSeekCloser, error) {
	if len(row.Sha256) != sha256.Size {
		return nil, errDamaged
	}
	return s.blobs.open(digest(row.Sha256))
}

// CancelAttachmentUpload implements [flow.Engine]. What is not complete is given up: a
// message that was sent stays without the file.
func (e *Engine) CancelAttachmentUpload(ctx context.Context, call flow.Call, in flow.CancelAttachmentUploadInput) (flow.Nothing, error) {
	return e.own(ctx, call, "CancelAttachmentUpload", func(t *tx, self *who) error {
		file, err := t.ownAttachment(self, in.AttachmentID)
		if err != nil {
			return err
		}
		uploads, err := t.UploadsOf(t.ctx, file.ID)
		if err != nil {
			return err
		}
		if len(uploads) == 0 {
			return t.giveUp(file)
		}
		return t.cancelUploads(file, uploads)
	})
}

// giveUp lets go of a file that was not sent.
func (t *tx) giveUp(file db.AttachmentByPublicRow) error {
	if !file.Content.Valid {
		return nil // it was given up before
	}
	if err := t.GiveUpAttachment(t.ctx, file.ID); err != nil {
		return err
	}
	_, err := emit(t, flow.UploadCancelEvent, audience{account: file.Account}, flow.Transfer{
		AttachmentID: file.Public, OrgID: file.OrgPublic, Filename: file.Filename, Total: file.Size,
	})
	return err
}

// cancelUploads ends those that are pending. A file that no message has then is given up.
func (t *tx) cancelUploads(file db.AttachmentByPublicRow, uploads []db.UploadsOfRow) error {
	complete, pending := false, false
	for _, up := range uploads {
		complete = complete || up.Status == statusComplete
		if up.Status != statusPending {
			continue
		}
		pending = true
		if _, err := t.SetUploadStatus(t.ctx, statusCancelled, up.ID); err != nil {
			return err
		}
		row, err := t.UploadByID(t.ctx, up.ID)
		if err != nil {
			return err
		}
		if _, err := emit(t, flow.UploadCancelEvent, audience{account: file.Account}, transferOf(row)); err != nil {
			return err
		}
		t.ended = append(t.ended, transferKey{flow.Upload, up.ID})
	}
	switch {
	case !complete:
		return t.GiveUpAttachment(t.ctx, file.ID)
	case pending:
		return nil
	}
	return flow.Errorf(flow.Conflict, "the upload of this file is complete; to take it back, delete the message")
}

// sameContent compares what was read with what a file is.
func sameContent(read hash.Hash, row db.UploadByIDRow) error {
	if !bytes.Equal(read.Sum(nil), row.Sha256) {
		return errDamaged
	}
	return nil
}
