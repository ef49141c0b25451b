package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/flow-mcp/flow-mcp/flow"
)

// applicationID marks our files: "flow" in ASCII.
const applicationID = 0x666c6f77

// databaseFile is a database file with what every connection to it is set to.
type databaseFile struct {
	path    string
	pragmas []string
}

// dsn names the file for the driver. On Unix the owner keeps the lock of the file for
// itself, which needs no shared memory and refuses a second owner.
func (f databaseFile) dsn(more ...string) string {
	values := url.Values{"_pragma": append(append([]string{}, f.pragmas...), more...)}
	if runtime.GOOS != "windows" {
		values.Set("vfs", "unix-excl")
	}
	path := filepath.ToSlash(f.path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/...
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: values.Encode()}).String()
}

// create makes the file, readable by its owner alone, before SQLite would make it
// readable by all; SQLite's further files take over its permissions.
func (f databaseFile) create() error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return unusable(filepath.Dir(f.path), err)
	}
	return file.Close()
}

// unusable explains why a data directory cannot be used.
func unusable(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return flow.Errorf(flow.Unusable,
			"the data directory %s may not be written to; give this user the right to it or choose another directory", dir)
	}
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist) {
		return flow.Errorf(flow.Unusable,
			"the data directory %s is a file, or lies below one; choose another directory", dir)
	}
	return flow.Errorf(flow.Unusable, "the data directory %s cannot be used: %v", dir, err)
}

// header is what the first bytes of a database file say of it.
type header struct {
	empty       bool // or not yet known to hold anything
	blank       bool // surely empty
	version     int
	application uint32
}

// readHeader looks at a file without SQLite, which might change it.
func readHeader(path string) (header, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return header{empty: true, blank: true}, nil
	}
	if err != nil {
		return header{}, unusable(filepath.Dir(path), err)
	}
	defer file.Close()
	var head [108]byte
	switch _, err := io.ReadFull(file, head[:]); {
	case errors.Is(err, io.EOF):
		return header{empty: true, blank: true}, nil
	case errors.Is(err, io.ErrUnexpectedEOF) || err == nil && string(head[:16]) != "SQLite format 3\x00":
		return header{}, nil // another kind of file: its application is not ours
	case err != nil:
		return header{}, unusable(filepath.Dir(path), err)
	}
	h := header{
		version:     int(binary.BigEndian.Uint32(head[60:])),
		application: binary.BigEndian.Uint32(head[68:]),
	}
	// A program that ended early leaves a first page without tables. All else may be in
	// the write-ahead log, which only SQLite can read: the file is looked at again once it
	// is open.
	noTables := head[100] == 13 && binary.BigEndian.Uint16(head[103:]) == 0
	h.empty = h == header{} && noTables
	return h, nil
}

// check refuses a file that is not ours, that a newer program wrote, or that has lost what
// it held.
func (h header) check(path string, newest int) error {
	switch {
	case h.blank:
		return checkRemains(path)
	case h.empty:
		return nil
	case h.application != applicationID:
		return flow.Errorf(flow.Unusable,
			"%s is not a store of flow-mcp; move it away or choose another data directory", path)
	case h.version > newest:
		return flow.Errorf(flow.Unusable,
			"the store %s has format %d, and this program knows formats up to %d; update flow-mcp or choose another data directory",
			path, h.version, newest)
	}
	return nil
}

// checkRemains refuses to make a new database where another one was. What lies beside it
// is made after its tables are written down, so that an early end leaves none of it.
func checkRemains(path string) error {
	dir := filepath.Dir(path)
	for _, name := range []string{vaultFile, blobsDir} {
		_, err := os.Lstat(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return unusable(dir, err)
		}
		return flow.Errorf(flow.Unusable,
			"%s is empty or missing, and %s of the store that it held is still there: "+
				"restore %s from a backup, or move the whole directory %s away to begin a new store",
			path, name, filepath.Base(path), dir)
	}
	return nil
}

// verify reads settings back, since SQLite ignores those it cannot have.
func verify(ctx context.Context, conn *sql.Conn, path string, want map[string]string) error {
	for pragma, value := range want {
		var got string
		if err := conn.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil {
			return fmt.Errorf("read setting %s of %s: %w", pragma, path, err)
		}
		if got != value {
			return flow.Errorf(flow.Unusable,
				"%s cannot be kept safely: %s is %s and not %s; choose a data directory on a local disk", path, pragma, got, value)
		}
	}
	return nil
}
