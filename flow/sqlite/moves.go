package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// UpdateAttachmentPath implements [flow.Engine]. The file is at the new place before the
// store says so, and removed from the old one afterwards: it is never in neither. What is
// about to happen is in the store before it does, so that a move which is cut short is
// finished, or undone, when the store is opened again.
func (e *Engine) UpdateAttachmentPath(ctx context.Context, call flow.Call, in flow.UpdateAttachmentPathInput) (flow.Nothing, error) {
	none := flow.Nothing{}
	_, self, err := e.self(ctx, call)
	if err != nil {
		return none, err
	}
	if _, known, err := repeated[flow.Nothing](ctx, e, call, "UpdateAttachmentPath", string(self.id)); known || err != nil {
		return none, err
	}
	if err := checkPath("NewPath", in.NewPath); err != nil {
		return none, err
	}
	to := filepath.Clean(in.NewPath)
	if err := checkFilename(filepath.Base(to)); err != nil {
		return none, err
	}
	key := movingKey{self.device, in.AttachmentID}
	unlock, err := e.store.moving.lock(ctx, key)
	if err != nil {
		return none, err
	}
	defer unlock()
	if err := e.store.finishMove(context.WithoutCancel(ctx), key); err != nil {
		return none, e.store.explain(err)
	}
	file, from, err := e.fetched(ctx, self, in.AttachmentID)
	if err != nil {
		return none, err
	}
	moved, err := e.store.move(ctx, self.device, file, from, to)
	if err != nil {
		e.store.leaveMove(ctx, key)
		return none, err
	}
	_, err = e.own(context.WithoutCancel(ctx), call, "UpdateAttachmentPath", func(t *tx, self *who) error {
		return t.place(moved, to)
	})
	e.store.leaveMove(ctx, key)
	return none, err
}

// place makes it known where a file lies. What is left of its move is what it has left
// behind.
func (t *tx) place(m db.Move, path string) error {
	if err := t.StoreFile(t.ctx, db.StoreFileParams{Device: m.Device, Attachment: m.Attachment, Path: path}); err != nil {
		return err
	}
	return t.PlaceMove(t.ctx, m.ID)
}

// fetched returns a file that was downloaded to the caller's device, and where it is.
func (e *Engine) fetched(ctx context.Context, self *who, id flow.AttachmentID) (int64, string, error) {
	path, err := e.stored(ctx, self, id, "")
	if err != nil {
		return 0, "", e.store.explain(err)
	}
	file, err := e.store.read.AttachmentByPublic(ctx, id)
	if err != nil {
		return 0, "", e.store.explain(err)
	}
	if known, err := e.store.read.StoredFile(ctx, self.device, file.ID); err != nil || known != path {
		return 0, "", flow.Errorf(flow.NotFound, "this file was not downloaded to this device, or is not where it was; fetch it with StartAttachmentDownload")
	}
	return file.ID, path, nil
}

// move gives a file a further name, where nothing is yet. Where only the spelling of its
// path changes it needs none, and the move has no row.
func (s *store) move(ctx context.Context, device, file int64, from, to string) (db.Move, error) {
	none := db.Move{Device: device, Attachment: file}
	if from == to {
		return none, nil
	}
	dir := filepath.Dir(to)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return none, flow.Errorf(flow.NotFound, "there is no directory %q; make it first", clip(dir))
	}
	was, err := os.Lstat(from)
	if err != nil {
		return none, unreadable(from, err)
	}
	if info, err := os.Lstat(to); err == nil {
		switch {
		case info.IsDir():
			return none, flow.Errorf(flow.Invalid, "%q is a directory; give the path of a file in it", clip(to))
		case !os.SameFile(was, info):
			return none, taken(to)
		}
		if err := os.Rename(from, to); err != nil { // only the case of its name changes
			return none, unwritable(dir, err)
		}
		return none, nil
	}
	var m db.Move
	err = s.change(ctx, func(t *tx) (err error) {
		m, err = t.AddMove(t.ctx, db.AddMoveParams{
			Device: device, Attachment: file, Source: from, Size: was.Size(), Modified: was.ModTime().UnixNano(),
			Part: filepath.Join(dir, partName()),
		})
		return err
	})
	if err != nil {
		return none, err
	}
	return m, s.bringOver(ctx, m, to)
}

// bringOver gives a file its new name, beside the one that it has.
func (s *store) bringOver(ctx context.Context, m db.Move, to string) error {
	err := s.link(m.Source, m.Part)
	if err != nil { // on another file system, or one that has no links
		err = copyTo(ctx, m.Source, m.Part)
	}
	l := landing{part: m.Part}
	if err == nil {
		err = s.land(&l, to, s.noteMove(ctx, m.ID))
	}
	var refusal *flow.Error
	switch {
	case errors.Is(err, fs.ErrExist):
		return taken(to)
	case err != nil && ctx.Err() == nil && !errors.As(err, &refusal):
		return unwritable(filepath.Dir(to), err)
	}
	return err
}

// noteMove writes down how far a move is.
func (s *store) noteMove(ctx context.Context, id int64) note {
	return func(l landing) error {
		return s.change(context.WithoutCancel(ctx), func(t *tx) error {
			return t.SetMovePath(t.ctx, db.SetMovePathParams{Path: l.path, Reserved: l.reserved, ID: id})
		})
	}
}

func taken(path string) error {
	return flow.Errorf(flow.Conflict, "there is a file %q already; choose another path", clip(path))
}

// copyTo copies a file to a path at which there is nothing.
func copyTo(ctx context.Context, from, to string) error {
	src, err := openSource("path", from)
	if err != nil {
		return err
	}
	defer src.Close()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := pour(ctx, file, src, sha256.New(), nil)
	if err == nil {
		err = src.unchanged(n)
	}
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

// leaveMove ends a move whose outcome is known. What it cannot remove the sweeper tries to.
func (s *store) leaveMove(ctx context.Context, key movingKey) {
	if err := s.endMove(context.WithoutCancel(ctx), key); err != nil {
		s.log.Warn("store: what a move has left remains", "error", err)
	}
}

// endMove removes what a move leaves behind, if there is one: the file where it was once it
// is known to lie elsewhere, and until then what there is of it at the new place. The key
// must be locked.
func (s *store) endMove(ctx context.Context, key movingKey) error {
	m, err := s.read.MoveOf(ctx, key.device, key.attachment)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err == nil && m.Placed && isUnmoved(m):
		if left := removeIfThere(m.Source); left != nil {
			s.log.Warn("store: a file that was moved is also where it was", "path", m.Source, "error", left)
		}
	}
	if err == nil {
		err = landingOf(m).abandon(s.noteMove(ctx, m.ID))
	}
	if err != nil {
		return err
	}
	return s.change(ctx, func(t *tx) error { return t.DropMove(t.ctx, m.ID) })
}

func landingOf(m db.Move) landing {
	return landing{part: m.Part, path: m.Path, reserved: m.Reserved}
}

// isUnmoved reports whether the file that was moved is still where it was. Somebody may
// have gone on writing to it, and other files may have come to its name.
func isUnmoved(m db.Move) bool {
	return same(m.Source, m.Part) || isUnchanged(m.Source, m.Size, m.Modified)
}

// finishMove ends a move that was cut short, if there is one. A file that has got its new
// name by then is there. The key must be locked.
func (s *store) finishMove(ctx context.Context, key movingKey) error {
	m, err := s.read.MoveOf(ctx, key.device, key.attachment)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err == nil && landingOf(m).arrived():
		err = s.change(ctx, func(t *tx) error { return t.place(m, m.Path) })
	}
	if err != nil {
		return err
	}
	return s.endMove(ctx, key)
}

// finishMoves ends those that were cut short when the store was closed, or could not be
// ended since.
func (s *store) finishMoves(ctx context.Context) error {
	moves, err := s.read.Moves(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range moves {
		key := movingKey{m.Device, m.Public}
		unlock, err := s.moving.lock(ctx, key)
		if err != nil {
			return err
		}
		errs = append(errs, s.finishMove(ctx, key))
		unlock()
	}
	return errors.Join(errs...)
}

// movingKey names a file that is being moved on a device.
type movingKey struct {
	device     int64
	attachment flow.AttachmentID
}
