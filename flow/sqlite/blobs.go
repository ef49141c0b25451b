package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// digest is the SHA-256 of a content, which is its name.
type digest [sha256.Size]byte

// blobs holds the contents of files in a directory, each once: ab/cdef... is the one
// whose hash begins so. A content is whole and durable before it gets this name.
type blobs struct {
	dir    string
	copies chan struct{} // has room for the copies that may be made at once
	making sync.Mutex    // of directories: who finds one can rely on it

	// gate is held for reading from before a content is kept until the row that needs
	// it is durable, and for writing while one that no row needs is removed.
	gate sync.RWMutex
}

// blobsDir is where the contents of files lie, beside main.db.
const blobsDir = "blobs"

// incoming is where copies are made. What lies there when the store is opened is what a
// process that died has left.
const incoming = "incoming"

// maxCopies bounds how many files are copied into the store at once.
const maxCopies = 4

func openBlobs(dir string) (*blobs, error) {
	s := &blobs{dir: dir, copies: make(chan struct{}, maxCopies)}
	if err := makeDir(dir); err != nil {
		return nil, unusable(dir, err)
	}
	if err := os.RemoveAll(filepath.Join(dir, incoming)); err != nil {
		return nil, unusable(dir, err)
	}
	if err := os.Mkdir(filepath.Join(dir, incoming), 0o700); err != nil {
		return nil, unusable(dir, err)
	}
	// A process that died may have made directories that are not durable.
	if err := syncDir(dir); err != nil {
		return nil, unusable(dir, err)
	}
	return s, nil
}

// path is where a content lies.
func (s *blobs) path(d digest) string {
	name := hex.EncodeToString(d[:])
	return filepath.Join(s.dir, name[:2], name[2:])
}

// draft is a copy that is durable and has no name yet.
type draft struct {
	blobs *blobs
	path  string
	sum   digest
	size  int64

	modified time.Time // what it is a copy of
}

// copy makes a draft of a file. It may take long, and stops when ctx ends.
func (s *blobs) copy(ctx context.Context, src *source) (*draft, error) {
	select {
	case s.copies <- struct{}{}:
		defer func() { <-s.copies }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	d := &draft{blobs: s, path: filepath.Join(s.dir, incoming, flow.NewID())}
	file, err := os.OpenFile(d.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, unwritable(s.dir, err)
	}
	err = d.fill(ctx, file, src)
	if e := file.Close(); err == nil && e != nil {
		err = unwritable(s.dir, e)
	}
	if err != nil {
		d.discard()
		return nil, err
	}
	return d, nil
}

func (d *draft) fill(ctx context.Context, file *os.File, src *source) error {
	sum := sha256.New()
	// One byte more than there should be shows that the file grows.
	n, err := pour(ctx, file, io.LimitReader(src, src.info.Size()+1), sum, nil)
	var reading *readError
	switch {
	case errors.As(err, &reading):
		return unreadable(src.path, err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return unwritable(d.blobs.dir, err)
	}
	if err := src.unchanged(n); err != nil {
		return err
	}
	d.size, d.modified = n, src.info.ModTime()
	sum.Sum(d.sum[:0])
	if err := file.Sync(); err != nil {
		return unwritable(d.blobs.dir, err)
	}
	return nil
}

// keep gives the draft its name, durably. The gate must be held for reading.
func (d *draft) keep() error {
	to := d.blobs.path(d.sum)
	dir := filepath.Dir(to)
	if err := d.blobs.makeDir(dir); err != nil {
		return unwritable(d.blobs.dir, err)
	}
	if err := os.Rename(d.path, to); err != nil {
		// Windows does not replace a file that is being read; it is the same one.
		if info, e := os.Stat(to); e != nil || info.Size() != d.size {
			return unwritable(d.blobs.dir, err)
		}
	}
	if err := syncDir(dir); err != nil {
		return unwritable(d.blobs.dir, err)
	}
	return nil
}

// makeDir makes one of the directories of contents.
func (s *blobs) makeDir(dir string) error {
	s.making.Lock()
	defer s.making.Unlock()
	return makeDir(dir)
}

// discard removes the draft, unless it was kept.
func (d *draft) discard() { _ = os.Remove(d.path) }

// errDamaged says that a content is not what its name says, or is not there.
var errDamaged = flow.Errorf(flow.Unavailable, "the store's copy of this file is damaged or missing; ask its sender to send it again")

// open opens a content for reading.
func (s *blobs) open(d digest) (*os.File, error) {
	file, err := os.Open(s.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errDamaged
	}
	if err != nil {
		return nil, flow.Errorf(flow.Unavailable, "the store's copy of this file cannot be read: %s", reason(err))
	}
	return file, nil
}

// stretch is how much of a file is in memory at a time.
const stretch = 256 << 10

// readError marks a failure of the source of a copy, as opposed to its destination.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }

// pour copies src to its end into dst and sum, and says how much that was. It calls
// advanced, if there is one, after each stretch.
func pour(ctx context.Context, dst io.Writer, src io.Reader, sum hash.Hash, advanced func(int)) (int64, error) {
	buffer := make([]byte, stretch)
	var total int64
	for {
		if ctx.Err() != nil {
			return total, context.Cause(ctx)
		}
		n, err := io.ReadFull(src, buffer)
		_, _ = sum.Write(buffer[:n]) // a hash takes everything
		if _, err := dst.Write(buffer[:n]); err != nil {
			return total, fmt.Errorf("write copy: %w", err)
		}
		total += int64(n)
		if advanced != nil && n > 0 {
			advanced(n)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return total, nil
		case err != nil:
			return total, &readError{err}
		}
	}
}

// makeDirs makes a directory, and those above it, durably, unless it is there already.
func makeDirs(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if above := filepath.Dir(dir); above != dir {
		if err := makeDirs(above); err != nil {
			return err
		}
	}
	return makeDir(dir)
}

// makeDir makes a directory durable, unless it is there already.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}
