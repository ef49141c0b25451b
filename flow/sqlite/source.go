package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/flow-mcp/flow-mcp/flow"
)

// source is a file of somebody else that is being read.
type source struct {
	*os.File
	path string
	info fs.FileInfo // as it was when it was opened
}

// openSource opens a regular file at an absolute path and nothing else: what lies there
// is looked at before it is opened, since to open a device can do something, and again
// afterwards, since it may have been replaced.
func openSource(what, path string) (*source, error) {
	if err := checkPath(what, path); err != nil {
		return nil, err
	}
	before, err := os.Lstat(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	if err := checkRegular(path, before); err != nil {
		return nil, err
	}
	return openLooked(path, before)
}

// openLooked opens what was looked at before.
func openLooked(path string, before fs.FileInfo) (*source, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe would block
	if err != nil {
		return nil, unreadable(path, err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = unreadable(path, err)
	case !info.Mode().IsRegular() || !os.SameFile(before, info):
		err = changing(path)
	case info.Size() > flow.MaxAttachment:
		err = flow.Errorf(flow.Invalid, "%q has %d bytes and %d (2 GiB) are allowed; send it in parts", clip(path), info.Size(), int64(flow.MaxAttachment))
	}
	if err != nil {
		_ = file.Close() // it was only read
		return nil, err
	}
	return &source{File: file, path: path, info: info}, nil
}

// checkPath refuses what does not name one file on this machine for every process.
func checkPath(what, path string) error {
	switch {
	case path == "":
		return flow.Errorf(flow.Invalid, "%s is empty; give the absolute path of a file", what)
	case strings.ContainsRune(path, 0):
		return flow.Errorf(flow.Invalid, "%s holds a zero byte, which no path can", what)
	case !filepath.IsAbs(path):
		return flow.Errorf(flow.Invalid, "%s %q is relative; give an absolute path", what, clip(path))
	case os.IsPathSeparator(path[len(path)-1]):
		return flow.Errorf(flow.Invalid, "%s %q is the path of a directory; give that of a file", what, clip(path))
	}
	return nil
}

func checkRegular(path string, info fs.FileInfo) error {
	kind := "of a kind that cannot be read to an end"
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return flow.Errorf(flow.Invalid, "%q is a directory; make an archive of it and give that", clip(path))
	case mode&fs.ModeSymlink != 0:
		return flow.Errorf(flow.Invalid, "%q is a symbolic link; give the path of the file that it leads to", clip(path))
	case mode&fs.ModeNamedPipe != 0:
		kind = "a named pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	}
	return flow.Errorf(flow.Invalid, "%q is %s and not a regular file; give one", clip(path), kind)
}

// unchanged refuses a file of which n bytes were read while somebody wrote to it.
func (s *source) unchanged(n int64) error {
	now, err := s.Stat()
	switch {
	case err != nil:
		return unreadable(s.path, err)
	case n != s.info.Size() || now.Size() != n || !now.ModTime().Equal(s.info.ModTime()):
		return changing(s.path)
	}
	return nil
}

func changing(path string) error {
	return flow.Errorf(flow.Conflict, "%q changed while it was read; try again when nobody writes to it, or give a copy of it", clip(path))
}

// unreadable explains why a file cannot be read.
func unreadable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return flow.Errorf(flow.NotFound, "there is no file %q; check the path", clip(path))
	case errors.Is(err, fs.ErrPermission):
		return flow.Errorf(flow.Denied, "%q may not be read by the user who runs the backend; give this user the right to it", clip(path))
	}
	return flow.Errorf(flow.Unavailable, "%q cannot be read: %s", clip(path), reason(err))
}

// unwritable explains why a file cannot be made in a directory.
func unwritable(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return flow.Errorf(flow.Denied, "the directory %q may not be written to; give this user the right to it or choose another", clip(dir))
	}
	return flow.Errorf(flow.Unavailable, "the file cannot be kept in %q: %s; see to it and try again", clip(dir), reason(err))
}

// reason is an error of the operating system without the path, which the sentence around
// it names already.
func reason(err error) string {
	var system syscall.Errno
	if errors.As(err, &system) {
		return system.Error()
	}
	return err.Error()
}
