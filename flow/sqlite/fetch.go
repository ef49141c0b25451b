package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

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
	if left := s.tidy(d, failure); left != nil {
		s.log.Warn("store: what a download has left remains", "error", reason(left))
	}
	cancelled := false
	err := s.change(context.Background(), func(t *tx) error {
		n, err := t.EndDownload(t.ctx, d.ID)
		if cancelled = err == nil && n == 0; err != nil || cancelled {
			return err
		}
		if failure == nil {
			path, err = t.arrive(d, path)
		}
		if err != nil {
			return err
		}
		return p.end(t, path, failure)
	})
	if cancelled {
		return s.clear(context.Background(), d.ID)
	}
	return err
}

// tidy removes what a download needs no more: the name that the file had until it was whole
// or, after a failure, all there is.
func (s *store) tidy(d db.DownloadByIDRow, failure error) error {
	if failure != nil {
		return s.abandon(context.Background(), d.ID)
	}
	return removeIfThere(landingOfDownload(d).part)
}

// landingOfDownload is where the file of a download is.
func landingOfDownload(d db.DownloadByIDRow) landing {
	return landing{part: filepath.Join(d.Dir, d.Part), path: d.Path, reserved: d.Reserved}
}

// arrive makes it known where a file lies, and returns that. One that was brought before
// may have been moved meanwhile.
func (t *tx) arrive(d db.DownloadByIDRow, path string) (string, error) {
	if path == d.StoredPath {
		return t.StoredFile(t.ctx, d.Device, d.Attachment)
	}
	return path, t.StoreFile(t.ctx, db.StoreFileParams{Device: d.Device, Attachment: d.Attachment, Path: path})
}

// fetch returns where the file lies: where it was brought before if it is there unchanged,
// and otherwise in a fresh place.
func (s *store) fetch(ctx context.Context, d db.DownloadByIDRow, row db.UploadByIDRow, p *progress) (string, error) {
	if err := s.mayFetch(ctx, d, row); err != nil {
		return "", err
	}
	l := landingOfDownload(d)
	if l.arrived() && isStill(ctx, l.path, row) {
		return l.path, nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	note := s.noteDownload(ctx, d.ID)
	err := l.forsake(note)
	if err == nil && d.StoredPath != "" && isStill(ctx, d.StoredPath, row) {
		return d.StoredPath, nil
	}
	if err == nil {
		err = s.bring(ctx, l.part, row, p)
	}
	if err == nil {
		err = s.landAs(&l, safeName(row.Filename), note)
	}
	var refusal *flow.Error
	if err != nil && !errors.As(err, &refusal) && !errors.Is(err, errUnrecorded) {
		err = unwritable(d.Dir, err)
	}
	return l.path, err
}

// noteDownload writes down how far a download is.
func (s *store) noteDownload(ctx context.Context, id int64) note {
	return func(l landing) error {
		err := s.change(context.WithoutCancel(ctx), func(t *tx) error {
			return t.SetDownloadPath(t.ctx, db.SetDownloadPathParams{Path: l.path, Reserved: l.reserved, ID: id})
		})
		if err != nil {
			return fmt.Errorf("%w: %w", errUnrecorded, err)
		}
		return nil
	}
}

// errUnrecorded says that a file cannot be noted in the store, which is to be tried again:
// no more could be said of it there either.
var errUnrecorded = errors.New("record where a download lies")

// mayFetch refuses a download of somebody who has lost the right to it since it began.
func (s *store) mayFetch(ctx context.Context, d db.DownloadByIDRow, row db.UploadByIDRow) error {
	if row.Deleted != 0 {
		sees, err := seesKept(ctx, s.read, d.Account, d.Message, fetchDeleted)
		if err == nil && !sees {
			err = errDeleted
		}
		return err
	}
	if allow("StartAttachmentDownload", "channel", flow.MemberState(d.State)) != nil {
		return flow.Errorf(flow.Denied, "you are not in the channel of the message any more")
	}
	return nil
}

// bring makes the file whole, and durable, under the name that it has until then.
func (s *store) bring(ctx context.Context, part string, row db.UploadByIDRow, p *progress) error {
	content, err := s.content(row)
	if err != nil {
		return err
	}
	defer content.Close()
	if err := makeDirs(filepath.Dir(part)); err != nil {
		return err
	}
	file, err := openPart(part)
	if err != nil {
		return err
	}
	err = finishPart(ctx, file, content, row, p)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

// openPart opens a partial file of ours, or makes one. Others may write to its directory:
// what they have put in its place is not written to.
func openPart(path string) (*os.File, error) {
	before, err := os.Lstat(path)
	if err == nil && !before.Mode().IsRegular() {
		if err = os.Remove(path); err == nil {
			err = fs.ErrNotExist
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	}
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0) // a pipe would block
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !os.SameFile(before, info) {
		return nil, errors.Join(changing(path), file.Close())
	}
	return file, nil
}

// isStill reports whether a file has the content that it got.
func isStill(ctx context.Context, path string, row db.UploadByIDRow) bool {
	still, err := hasContent(ctx, path, row)
	return err == nil && still
}

// hasContent is isStill of a file that may turn out not to be readable.
func hasContent(ctx context.Context, path string, row db.UploadByIDRow) (bool, error) {
	file, err := openSource("path", path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	if file.info.Size() != row.Size {
		return false, nil
	}
	sum := sha256.New()
	if _, err := pour(ctx, io.Discard, file, sum, nil); err != nil {
		return false, err
	}
	return sameContent(sum, row) == nil, nil
}

// hasChanged reports whether somebody has changed a file that has got its name. When its
// message was deleted the content is not known any more, and only its size tells.
func hasChanged(path string, row db.UploadByIDRow) (bool, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return false, err
	}
	if info.Size() != row.Size || len(row.Sha256) == 0 {
		return info.Size() != row.Size, nil
	}
	still, err := hasContent(context.Background(), path, row) // which decides what happens to the file
	return !still, err
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
	unlock, err := s.clearing.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	d, err := s.read.DownloadByID(ctx, id)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !d.Cancelled {
		return nil
	}
	if err == nil {
		err = s.abandon(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("remove cancelled download: %w", err)
	}
	return s.change(ctx, func(t *tx) error { return t.DropCancelled(t.ctx, id) })
}

// abandon removes what there is of a download, but not what somebody has made of it.
func (s *store) abandon(ctx context.Context, id int64) error {
	d, err := s.read.DownloadByID(ctx, id)
	if err != nil {
		return err
	}
	return landingOfDownload(d).abandonOurs(s.noteDownload(ctx, id), func() (bool, error) {
		row, err := s.read.UploadByID(ctx, d.Upload)
		if err != nil {
			return false, err
		}
		return hasChanged(d.Path, row)
	})
}
