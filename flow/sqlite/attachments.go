package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"io"
	"path/filepath"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// NewAttachment implements [flow.Engine]. The owner of the store reads the file; all
// backend processes of a store run as one user on one machine. A repetition may name
// another copy of the file.
func (e *Engine) NewAttachment(ctx context.Context, call flow.Call, in flow.NewAttachmentInput) (flow.AttachmentID, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return "", err
	}
	call.Params = registration{in.OrgID, filepath.Base(in.FilePath)}
	id, known, err := repeated[flow.AttachmentID](ctx, e, call, "NewAttachment", string(self.id))
	if err == nil && !known {
		id, err = e.take(ctx, call, self, in)
	}
	if err != nil {
		return "", err
	}
	return id, e.sameFile(ctx, id, in.FilePath) // another call may have been first
}

// registration is what the ledger compares of a file; [Engine.sameFile] compares the rest.
type registration struct {
	OrgID    flow.OrgID
	Filename string
}

// take copies a file and registers the copy.
func (e *Engine) take(ctx context.Context, call flow.Call, self *who, in flow.NewAttachmentInput) (flow.AttachmentID, error) {
	if _, err := orgFor(ctx, e.store.read, self, "NewAttachment", in.OrgID); err != nil {
		return "", e.store.explain(err)
	}
	file, err := openSource("FilePath", in.FilePath)
	if err != nil {
		return "", err
	}
	defer file.Close()
	if err := checkFilename(filepath.Base(in.FilePath)); err != nil {
		return "", err
	}
	copied, err := e.store.blobs.copy(ctx, file)
	if err != nil {
		return "", err
	}
	defer copied.discard()
	return e.register(ctx, call, self, in, copied)
}

// register keeps a copy and adds the row that needs it. It is not cut short, so that the
// gate is held until the row is durable.
func (e *Engine) register(ctx context.Context, call flow.Call, self *who, in flow.NewAttachmentInput, copied *draft) (flow.AttachmentID, error) {
	e.store.blobs.gate.RLock()
	defer e.store.blobs.gate.RUnlock()
	if err := copied.keep(); err != nil {
		return "", err
	}
	return once(context.WithoutCancel(ctx), e, call, "NewAttachment", string(self.id), func(t *tx) (flow.AttachmentID, error) {
		org, err := orgFor(t.ctx, t.Queries, self, "NewAttachment", in.OrgID)
		if err != nil {
			return "", err
		}
		content, err := t.AddContent(t.ctx, copied.sum[:], copied.size)
		if err != nil {
			return "", err
		}
		id := flow.AttachmentID(flow.NewID())
		return id, t.AddAttachment(t.ctx, db.AddAttachmentParams{
			Public: id, Org: org.ID, Account: self.account, Device: self.device,
			Source: filepath.Clean(in.FilePath), Modified: copied.modified.UnixNano(), Filename: filepath.Base(in.FilePath),
			Size: copied.size, Content: nullable(content), Created: t.now,
		})
	})
}

// sameFile refuses a file that is another one than was registered. What lay where that one
// did is taken for it, be it changed or gone; so is, of one that was given up, what is as
// long.
func (e *Engine) sameFile(ctx context.Context, id flow.AttachmentID, path string) error {
	was, err := e.store.read.RegisteredFile(ctx, id)
	if err != nil || was.Source == filepath.Clean(path) {
		return e.store.explain(err)
	}
	file, err := openSource("FilePath", path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := pour(ctx, io.Discard, io.LimitReader(file, was.Size+1), sum, nil)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return unreadable(path, err)
	case size != was.Size || len(was.Sha256) > 0 && !bytes.Equal(sum.Sum(nil), was.Sha256):
		return errOtherParameters
	}
	return nil
}

// ownAttachment returns a file that an account has registered.
func (t *tx) ownAttachment(self *who, id flow.AttachmentID) (db.AttachmentByPublicRow, error) {
	row, err := t.AttachmentByPublic(t.ctx, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && row.Account != self.account {
		return row, flow.Errorf(flow.NotFound, "you have registered no attachment %q; make it with NewAttachment first", clip(string(id)))
	}
	return row, err
}

// checkFiles refuses files that cannot go with a message.
func checkFiles(files []flow.AttachmentToSend) error {
	if len(files) > flow.MaxAttachments {
		return flow.Errorf(flow.Invalid, "a message can have %d attachments and not %d; send several messages", flow.MaxAttachments, len(files))
	}
	seen := map[flow.AttachmentID]bool{}
	for _, f := range files {
		if seen[f.ID] {
			return flow.Errorf(flow.Invalid, "the attachment %q is there twice; name each once", clip(string(f.ID)))
		}
		seen[f.ID] = true
		if f.Filename == "" {
			continue // it has the name under which it was registered
		}
		if err := checkFilename(f.Filename); err != nil {
			return err
		}
	}
	return nil
}

// filesFor returns the files that an account wants to send, as the message has them, and
// their keys.
func (t *tx) filesFor(self *who, org flow.OrgID, wanted []flow.AttachmentToSend) ([]flow.Attachment, []int64, error) {
	files, keys := make([]flow.Attachment, len(wanted)), make([]int64, len(wanted))
	for i, w := range wanted {
		row, err := t.ownAttachment(self, w.ID)
		switch {
		case err != nil:
			return nil, nil, err
		case row.OrgPublic != org:
			return nil, nil, flow.Errorf(flow.Invalid, "the attachment %q was registered for another team; register it for this one", clip(string(w.ID)))
		case !row.Content.Valid:
			return nil, nil, flow.Errorf(flow.NotFound, "the attachment %q was cancelled or not sent for too long; register the file again", clip(string(w.ID)))
		}
		files[i] = flow.Attachment{ID: w.ID, Filename: w.Filename, Size: row.Size}
		if w.Filename == "" {
			files[i].Filename = row.Filename
		}
		keys[i] = row.ID
	}
	return files, keys, nil
}

// isFile reports whether a file of a message is the one that is to be sent.
func isFile(is flow.Attachment, wanted flow.AttachmentToSend) bool {
	return is.ID == wanted.ID && (wanted.Filename == "" || is.Filename == wanted.Filename)
}

// attach makes files those of the message that was just posted, and starts the uploads.
func (t *tx) attach(self *who, m flow.Message, keys []int64) error {
	message := t.seq
	for i, key := range keys {
		id, err := t.AddUpload(t.ctx, db.AddUploadParams{
			Message: message, Attachment: key, Account: self.account, Filename: m.Attachments[i].Filename,
		})
		if err != nil {
			return err
		}
		if err := t.MarkSent(t.ctx, key); err != nil {
			return err
		}
		t.started = append(t.started, transferKey{flow.Upload, id})
		_, err = emit(t, flow.UploadStartEvent, audience{account: self.account}, flow.Transfer{
			AttachmentID: m.Attachments[i].ID, OrgID: m.OrgID, ChannelID: m.ChannelID, MessageID: m.ID,
			Filename: m.Attachments[i].Filename, Total: m.Attachments[i].Size,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// EnumeratePendingAttachmentTransfers implements [flow.Engine].
func (e *Engine) EnumeratePendingAttachmentTransfers(
	ctx context.Context, call flow.Call, _ flow.EnumeratePendingAttachmentTransfersInput,
) ([]flow.PendingTransfer, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	uploads, err := e.store.read.PendingUploadsOf(ctx, self.account)
	if err != nil {
		return nil, e.store.explain(err)
	}
	downloads, err := e.store.read.PendingDownloadsTo(ctx, self.device)
	if err != nil {
		return nil, e.store.explain(err)
	}
	list := make([]flow.PendingTransfer, 0, len(uploads)+len(downloads))
	add := func(key transferKey, upload int64) error {
		row, err := e.store.read.UploadByID(ctx, upload)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		list = append(list, e.store.pending(key, transferOf(row)))
		return err
	}
	for _, id := range uploads {
		if err := add(transferKey{flow.Upload, id}, id); err != nil {
			return nil, e.store.explain(err)
		}
	}
	for _, d := range downloads {
		if err := add(transferKey{flow.Download, d.ID}, d.Upload); err != nil {
			return nil, e.store.explain(err)
		}
	}
	return list, nil
}

func (s *store) pending(key transferKey, t flow.Transfer) flow.PendingTransfer {
	p := flow.PendingTransfer{
		AttachmentID: t.AttachmentID, Direction: key.direction, OrgID: t.OrgID, ChannelID: t.ChannelID,
		MessageID: t.MessageID, Filename: t.Filename, Total: t.Total,
	}
	if running := s.transfers.find(key); running != nil {
		p.Transferred = running.transferred.Load()
	}
	return p
}

// StoredAttachmentPath implements [flow.Engine].
func (e *Engine) StoredAttachmentPath(ctx context.Context, call flow.Call, in flow.StoredAttachmentPathInput) (string, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return "", err
	}
	path, err := e.stored(ctx, self, in.AttachmentID, in.OrgID)
	return path, e.store.explain(err)
}

// stored returns where a file lies on the caller's device: where it was brought to or
// else, once it was sent from there, where it came from, unless something else lies there.
func (e *Engine) stored(ctx context.Context, self *who, id flow.AttachmentID, org flow.OrgID) (string, error) {
	file, err := attachmentFor(ctx, e.store.read, id)
	if err == nil && org != "" && org != file.OrgPublic {
		err = unknownAttachment(id)
	}
	if err != nil {
		return "", err
	}
	path, err := e.store.read.StoredFile(ctx, self.device, file.ID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	own := file.Account == self.account
	if err == nil && isThere(path) {
		return path, nil
	}
	if err != nil && !own {
		return "", seesFile(ctx, e.store.read, self.account, file, "StoredAttachmentPath", findDeleted)
	}
	if !own || file.Device != self.device || !isUnchanged(file.Source, file.Size, file.Modified) {
		return "", nil
	}
	sent, err := e.store.read.IsUploaded(ctx, file.ID)
	if err != nil || !sent {
		return "", err
	}
	return file.Source, nil
}
