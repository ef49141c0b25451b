package sqlite

import "github.com/gofrs/flock"

// lock elects the owner of a store. The kernel holds it for the process: it is free the
// moment the process is gone. The file must never be removed, or there are two.
//
// Members that do not get it do not block on it: they are connected to the owner, and the
// end of the connection tells them to try again. A blocked flock could not be given up,
// so that Close would leave a goroutine and its thread behind.
type lock struct {
	// file also keeps the open file reachable: a lock ends with its descriptor, and the
	// garbage collector closes files that nothing refers to.
	file *flock.Flock
}

// lockFile is the first file of a store.
const lockFile = "lock"

func newLock(path string) lock { return lock{flock.New(path, flock.SetPermissions(0o600))} }

// try takes the lock if it is free.
func (l lock) try() (bool, error) { return l.file.TryLock() }

func (l lock) release() error { return l.file.Unlock() }
