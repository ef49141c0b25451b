package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// landing is a file on its way to a name in a directory of somebody else. Until it is
// whole, and has that name, it is called part there, which nobody else calls a file. Its
// row says which name it is about to get before it gets it: what a process that died has
// left there is told by that from what others have put there.
type landing struct {
	part     string // both are whole paths
	path     string // none until the file is whole
	reserved bool   // an empty file may hold the path
}

// note writes down how far a landing is, durably.
type note func(landing) error

// partName is what a file is called in a directory of somebody else until it is whole.
func partName() string { return "." + strings.ToLower(flow.NewID()[:20]) + ".part" }

// arrived reports whether the file has got its name. Where a file can have two it still
// has the other one as well, and elsewhere it has left that for this one.
func (l landing) arrived() bool {
	return l.path != "" && isThere(l.path) && (same(l.part, l.path) || !exists(l.part))
}

// holdsPlace reports whether an empty file of ours is where the file is to come to.
func (l landing) holdsPlace() bool {
	if !l.reserved || !exists(l.part) {
		return false
	}
	info, err := os.Lstat(l.path)
	return err == nil && info.Mode().IsRegular() && info.Size() == 0
}

// landAs gives the file the wanted name in the directory where it is, or the next one that
// is free.
func (s *store) landAs(l *landing, wanted string, note note) error {
	const tries = 1000
	for n := 1; ; n++ {
		path := filepath.Join(filepath.Dir(l.part), numbered(wanted, n))
		if n == tries {
			path = filepath.Join(filepath.Dir(l.part), flow.NewID()+extension(wanted))
		}
		if n < tries && exists(path) {
			continue
		}
		if err := s.land(l, path, note); n == tries || !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
}

// land gives the file a name that nobody has, durably.
func (s *store) land(l *landing, path string, note note) error {
	l.path, l.reserved = path, false
	if err := note(*l); err != nil {
		return err
	}
	err := s.link(l.part, path)
	if errors.Is(err, fs.ErrExist) && same(l.part, path) {
		err = nil // the answer to the first attempt was lost, as happens on a network
	}
	if err != nil && !errors.Is(err, fs.ErrExist) { // a file system that has no links
		l.reserved = true
		if err = note(*l); err == nil {
			err = reserve(l.part, path)
		}
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
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

// abandonOurs removes the file, or leaves it to whoever has changed it since it got its name.
func (l landing) abandonOurs(note note, changed func() (bool, error)) error {
	if !l.arrived() {
		return l.abandon(note)
	}
	switch theirs, err := changed(); {
	case err != nil:
		return err
	case theirs:
		return l.forsake(note)
	}
	return l.abandon(note)
}

// abandon removes the file. It loses its name first, and that is noted while the part is
// there: without it nobody could tell whose the next file of that name is.
func (l landing) abandon(note note) error {
	var err error
	switch {
	case l.path == "":
		return removeIfThere(l.part)
	case l.arrived() && exists(l.part), l.holdsPlace():
		err = removeIfThere(l.path)
	case l.arrived():
		err = os.Rename(l.path, l.part)
	}
	if err == nil {
		err = note(landing{part: l.part})
	}
	if err != nil {
		return err
	}
	return removeIfThere(l.part)
}

// forsake leaves what has got the name to whoever has changed it since, and gives the name
// up if it was not reached. The file has none then.
func (l *landing) forsake(note note) (err error) {
	switch {
	case l.path == "":
		return nil
	case l.arrived():
		err = removeIfThere(l.part) // under which the same file would be written to
	case l.holdsPlace():
		err = removeIfThere(l.path)
	}
	if err != nil {
		return err
	}
	l.path, l.reserved = "", false
	return note(*l)
}

// same reports whether two paths lead to one file.
func same(a, b string) bool {
	one, err := os.Lstat(a)
	if err != nil {
		return false
	}
	other, err := os.Lstat(b)
	return err == nil && os.SameFile(one, other)
}

// exists reports whether there is anything at a path, or may be.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil || !isNone(err)
}

// isThere reports whether there is a file at a path.
func isThere(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// isUnchanged reports whether a file lies at a path as it did when it was so large and was
// modified at a time, in nanoseconds since 1970.
func isUnchanged(path string, size, modified int64) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() == size && info.ModTime().Equal(time.Unix(0, modified))
}

// removeIfThere removes a file. There may be none.
func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !isNone(err) {
		return err
	}
	return nil
}

// isNone reports whether an error says that there is no file at a path.
func isNone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
