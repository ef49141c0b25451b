package sqlite

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

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
		return in, flow.Errorf(flow.NotFound, "there is no attachment %q in a channel that you are in; the message with the file has its id", clip(string(in.AttachmentID)))
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
		if sees, err := t.SeesKept(t.ctx, self.account, message.Seq); err != nil || sees {
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
	var ended []transferKey
	_, err := e.own(ctx, call, "CancelAttachmentDownload", func(t *tx, self *who) (err error) {
		ended, err = t.cancelDownloads(self, in.AttachmentID)
		return err
	})
	if err != nil {
		return flow.Nothing{}, err
	}
	for _, key := range ended {
		if err := e.store.transfers.await(ctx, key); err != nil {
			return flow.Nothing{}, err
		}
		if err := e.store.clear(ctx, key.id); err != nil {
			return flow.Nothing{}, e.store.explain(err)
		}
	}
	return flow.Nothing{}, nil
}

func (t *tx) cancelDownloads(self *who, id flow.AttachmentID) ([]transferKey, error) {
	pending, err := t.PendingDownloadsTo(t.ctx, self.device)
	if err != nil {
		return nil, err
	}
	var ended []transferKey
	for _, d := range pending {
		if d.Public != id {
			continue
		}
		if err := t.CancelDownload(t.ctx, d.ID); err != nil {
			return nil, err
		}
		row, err := t.UploadByID(t.ctx, d.Upload)
		if err != nil {
			return nil, err
		}
		if err := t.tellFetch(self, flow.DownloadCancelEvent, row); err != nil {
			return nil, err
		}
		ended = append(ended, transferKey{flow.Download, d.ID})
	}
	if len(ended) == 0 {
		return nil, flow.Errorf(flow.NotFound, "no download of attachment %q is under way on this device", clip(string(id)))
	}
	t.ended = append(t.ended, ended...)
	return ended, nil
}

// download brings a file to a device. It goes on where an earlier attempt was cut off.
func (s *store) download(ctx context.Context, job *transfer) error {
	d, err := s.read.DownloadByID(ctx, job.key.id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case d.Cancelled:
		return s.clear(context.WithoutCancel(ctx), d.ID)
	}
	row, err := s.read.UploadByID(ctx, d.Upload)
	if err != nil {
		return err
	}
	said, err := fetchOf(ctx, s.read, d.Device, row)
	if err != nil {
		return err
	}
	p := &progress{
		store: s, transfer: job, events: downloadEvents, account: d.Account, said: said, told: time.Now(),
		pending: func(t *tx) (bool, error) {
			d, err := t.DownloadByID(t.ctx, d.ID)
			return !d.Cancelled, err
		},
	}
	path, failure := s.fetch(ctx, d, row, p)
	if errors.Is(failure, errUnrecorded) {
		return failure
	}
	if ctx.Err() != nil { // it was cancelled, or goes on when the store is opened again
		return s.clear(context.WithoutCancel(ctx), d.ID)
	}
	return s.finish(d, p, path, failure)
}

// finish announces the outcome of a download. When it was cancelled at the last moment
// that was announced already.
func (s *store) finish(d db.DownloadByIDRow, p *progress, path string, failure error) error {
	if err := removeIfThere(filepath.Join(d.Dir, d.Part)); err != nil {
		s.log.Warn("store: partial file remains", "error", reason(err))
	}
	cancelled := false
	err := s.change(context.Background(), func(t *tx) error {
		n, err := t.EndDownload(t.ctx, d.ID)
		if cancelled = err == nil && n == 0; err != nil || cancelled {
			return err
		}
		if failure == nil {
			if err := t.StoreFile(t.ctx, db.StoreFileParams{Device: d.Device, Attachment: d.Attachment, Path: path}); err != nil {
				return err
			}
		}
		return p.end(t, path, failure)
	})
	if cancelled {
		return s.clear(context.Background(), d.ID)
	}
	return err
}

// fetch returns where the file lies: where it was brought before if it is there unchanged,
// and otherwise in a fresh place.
func (s *store) fetch(ctx context.Context, d db.DownloadByIDRow, row db.UploadByIDRow, p *progress) (string, error) {
	if err := s.mayFetch(ctx, d, row); err != nil {
		return "", err
	}
	for _, path := range []string{d.Path, d.StoredPath} {
		if path != "" && isStill(ctx, path, row) {
			return path, nil
		}
	}
	path, err := s.bring(ctx, d, row, p)
	var refusal *flow.Error
	if err != nil && !errors.As(err, &refusal) && !errors.Is(err, errUnrecorded) {
		err = unwritable(d.Dir, err)
	}
	return path, err
}

// mayFetch refuses a download of somebody who has lost the right to it since it began.
func (s *store) mayFetch(ctx context.Context, d db.DownloadByIDRow, row db.UploadByIDRow) error {
	if row.Deleted != 0 {
		sees, err := s.read.SeesKept(ctx, d.Account, d.Message)
		if err == nil && !sees {
			err = errDeleted
		}
		return err
	}
	if !isIn(flow.MemberState(d.State)) {
		return flow.Errorf(flow.Denied, "you are not in the channel of the message any more")
	}
	return nil
}

// bring makes the file. Where it lies is on record before the partial file goes, so that
// it is not made twice when the process ends in between.
func (s *store) bring(ctx context.Context, d db.DownloadByIDRow, row db.UploadByIDRow, p *progress) (string, error) {
	content, err := s.content(row)
	if err != nil {
		return "", err
	}
	defer content.Close()
	if err := os.MkdirAll(d.Dir, 0o700); err != nil {
		return "", err
	}
	part := filepath.Join(d.Dir, d.Part)
	file, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	err = finishPart(ctx, file, content, row, p)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		return "", err
	}
	path, err := settle(part, d.Dir, safeName(row.Filename))
	if err != nil {
		return "", err
	}
	err = s.change(context.WithoutCancel(ctx), func(t *tx) error {
		return t.SetDownloadPath(t.ctx, path, d.ID)
	})
	if err != nil {
		_ = os.Remove(path) // nobody would know of it
		return "", fmt.Errorf("%w: %w", errUnrecorded, err)
	}
	return path, nil
}

// errUnrecorded says that a file cannot be noted in the store, which is to be tried again:
// no more could be said of it there either.
var errUnrecorded = errors.New("record where a download lies")

// isStill reports whether a file has the content that it got.
func isStill(ctx context.Context, path string, row db.UploadByIDRow) bool {
	file, err := openSource("path", path)
	if err != nil {
		return false
	}
	defer file.Close()
	if file.info.Size() != row.Size {
		return false
	}
	sum := sha256.New()
	_, err = pour(ctx, io.Discard, file, sum, nil)
	return err == nil && sameContent(sum, row) == nil
}

// finishPart completes a partial file. What an earlier attempt has left in it counts,
// unless it turns out not to be the beginning of the content.
func finishPart(ctx context.Context, part *os.File, content io.ReadSeeker, row db.UploadByIDRow, p *progress) error {
	sum := sha256.New()
	had, err := pour(ctx, io.Discard, io.LimitReader(part, row.Size), sum, p.advanced)
	if err != nil {
		return err
	}
	for {
		if _, err := content.Seek(had, io.SeekStart); err != nil {
			return err
		}
		if _, err := pour(ctx, part, content, sum, p.advanced); err != nil {
			return err
		}
		err := sameContent(sum, row)
		if err == nil {
			return part.Truncate(row.Size)
		}
		if had == 0 {
			return err
		}
		had = 0
		sum.Reset()
		p.restart()
		if _, err := part.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
}

// clear removes what there is of a download that was cancelled.
func (s *store) clear(ctx context.Context, id int64) error {
	d, err := s.read.DownloadByID(ctx, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !d.Cancelled {
		return nil
	}
	if err != nil {
		return err
	}
	for _, path := range []string{filepath.Join(d.Dir, d.Part), d.Path} {
		if err := removeIfThere(path); err != nil {
			return fmt.Errorf("remove cancelled download: %w", err)
		}
	}
	return s.change(ctx, func(t *tx) error { return t.DropCancelled(t.ctx, id) })
}

// removeIfThere removes a file. There may be none, and path may be empty.
func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
