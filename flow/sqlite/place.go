package sqlite

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// place is where the members of a store meet. All of them find the same one.
type place struct {
	dir    string // of the store, without symbolic links
	socket string
}

// maxSocketPath is the longest address that every system takes, in bytes.
const maxSocketPath = 100

// newPlace makes dir if need be.
func newPlace(dir string) (place, error) {
	if dir == "" {
		return place{}, flow.Errorf(flow.Invalid, "the directory of the store is empty: name one")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return place{}, unusable(dir, err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return place{}, unusable(dir, err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil { // some drives of Windows cannot say
		dir = real
	}
	if err := makePrivate(dir); err != nil {
		return place{}, err
	}
	p := place{dir: dir, socket: filepath.Join(dir, "socket")}
	if len(p.socket) > maxSocketPath {
		p.socket = filepath.Join(shortDir(dir), "socket")
	}
	return p, nil
}

// makePrivate lets nobody else look into a data directory. It refuses one in which
// somebody else could put, or may have put, files in place of ours.
func makePrivate(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return unusable(dir, err)
	}
	if !ownedByUser(info) {
		return flow.Errorf(flow.Unusable, "the data directory %s belongs to another user; choose a directory of your own", dir)
	}
	switch mode := info.Mode().Perm(); {
	case runtime.GOOS == "windows" || mode&0o077 == 0:
		return nil
	case mode&0o022 != 0:
		return flow.Errorf(flow.Unusable,
			"others may write to the data directory %s; take that right away (chmod go-w) or choose another directory", dir)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return unusable(dir, err)
	}
	return nil
}

// shortDir names a directory for the socket of a store whose own path is too long. It
// must be the same for every process, so the environment has no say in it on Unix.
func shortDir(dir string) string {
	base := "/tmp"
	if runtime.GOOS == "windows" {
		base = os.TempDir()
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(base, "flow-mcp-"+strconv.Itoa(os.Getuid())+"-"+hex.EncodeToString(sum[:8]))
}

// prepare makes the directory of the socket and removes what a dead owner left there.
// Only the holder of the lock calls it.
func (p place) prepare() error {
	if parent := filepath.Dir(p.socket); parent != p.dir {
		if err := os.Mkdir(parent, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return unusable(parent, err)
		}
		if err := checkPrivate(parent); err != nil {
			return err
		}
	}
	if err := os.Remove(p.socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unusable(p.dir, err)
	}
	return nil
}

// checkPrivate refuses a directory that somebody else may have put there.
func checkPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return unusable(dir, err)
	}
	if !info.IsDir() || !ownedByUser(info) || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		return flow.Errorf(flow.Denied, "%s must be a directory of this user with mode 0700, and is not; remove it, "+
			"or give the store a path shorter than %d bytes", dir, maxSocketPath-len("/socket"))
	}
	return nil
}

// tokenFile holds a secret that every member reads and the owner asks for: who can read
// the files of the store may speak with its owner. Where the system tells who is at the
// other end of a socket that is checked as well.
const tokenFile = "token"

// token returns the secret. The holder of the lock makes it when it is missing.
func (p place) token(make bool) (string, error) {
	path := filepath.Join(p.dir, tokenFile)
	data, err := os.ReadFile(path)
	if secret := strings.TrimSpace(string(data)); err == nil && secret != "" {
		return secret, nil
	}
	if !make {
		return "", flow.Errorf(flow.Denied, "%s, which proves that a program may use the store, cannot be read: %v", path, err)
	}
	secret := flow.NewID()
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return "", unusable(p.dir, err)
	}
	return secret, nil
}
