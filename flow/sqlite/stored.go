package sqlite

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// UpdateAttachmentPath implements [flow.Engine]. The file is at the new place before the
// store says so, and removed from the old one afterwards: it is never in neither.
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
	if _, busy := e.store.moving.LoadOrStore(key, true); busy {
		return none, flow.Errorf(flow.Conflict, "this file is being moved; try again when that is done")
	}
	defer e.store.moving.Delete(key)
	file, from, err := e.fetched(ctx, self, in.AttachmentID)
	if err != nil {
		return none, err
	}
	left := false
	if from != to {
		left, err = move(ctx, from, to)
	}
	if err != nil {
		return none, err
	}
	_, err = e.own(context.WithoutCancel(ctx), call, "UpdateAttachmentPath", func(t *tx, self *who) error {
		return t.StoreFile(t.ctx, db.StoreFileParams{Device: self.device, Attachment: file, Path: to})
	})
	if err == nil && left {
		if err := os.Remove(from); err != nil && !errors.Is(err, fs.ErrNotExist) {
			e.store.log.Warn("store: a file that was moved is also where it was", "error", reason(err))
		}
	}
	return none, err
}

// movingKey names a file that is being moved on a device.
type movingKey struct {
	device     int64
	attachment flow.AttachmentID
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

// move makes a file known under another path, where nothing is yet. It says whether the
// file is left to be removed where it was.
func move(ctx context.Context, from, to string) (left bool, err error) {
	dir := filepath.Dir(to)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return false, flow.Errorf(flow.NotFound, "there is no directory %q; make it first", clip(dir))
	}
	if info, err := os.Lstat(to); err == nil {
		switch was, err := os.Lstat(from); {
		case info.IsDir():
			return false, flow.Errorf(flow.Invalid, "%q is a directory; give the path of a file in it", clip(to))
		case err != nil || !os.SameFile(was, info):
			return false, taken(to)
		}
		if err := os.Rename(from, to); err != nil { // only the case of its name changes
			return false, unwritable(dir, err)
		}
		return false, nil
	}
	err = name(from, to)
	if err != nil && !errors.Is(err, fs.ErrExist) { // on another file system
		err = copyTo(ctx, from, to)
	}
	var refusal *flow.Error
	switch {
	case errors.Is(err, fs.ErrExist):
		return false, taken(to)
	case err != nil && ctx.Err() == nil && !errors.As(err, &refusal):
		return false, unwritable(dir, err)
	case err != nil:
		return false, err
	}
	return true, nil
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
	part := filepath.Join(filepath.Dir(to), partName())
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(part)
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
	if err != nil {
		return err
	}
	return name(part, to)
}

// partName is what a file is called in a directory of somebody else until it is whole.
func partName() string { return "." + strings.ToLower(flow.NewID()[:20]) + ".part" }

// settle gives a partial file that is whole now its name in its directory, or the next
// one that is free. It finds out if it has done so before.
func settle(part, dir, wanted string) (string, error) {
	const tries = 1000
	for n := 1; ; n++ {
		path := filepath.Join(dir, numbered(wanted, n))
		if n == tries {
			path = filepath.Join(dir, flow.NewID()+extension(wanted))
		}
		err := name(part, path)
		if n < tries && errors.Is(err, fs.ErrExist) {
			continue
		}
		return path, err
	}
}

// name gives a file a name that nobody has, durably. The file may keep the name that it
// had, which is the caller's to remove.
func name(file, path string) error {
	err := os.Link(file, path)
	if errors.Is(err, fs.ErrExist) && same(file, path) {
		err = nil
	}
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system that has no links
		err = reserve(file, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func same(a, b string) bool {
	one, err := os.Lstat(a)
	if err != nil {
		return false
	}
	other, err := os.Lstat(b)
	return err == nil && os.SameFile(one, other)
}

// reserve takes a name with an empty file before it gives it to another.
func reserve(file, path string) error {
	empty, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = empty.Close(); err == nil {
		err = os.Rename(file, path)
	}
	if err != nil {
		_ = os.Remove(path) // it is our empty one
	}
	return err
}
