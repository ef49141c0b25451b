package folders

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Staged is a copy of a file that may be sent, at a path where nobody else can change it
// before the backend reads it.
type Staged struct {
	Path   string
	Source Sight // what was copied
	dir    string
}

// Sum is what the content of a file is known by.
type Sum [sha256.Size]byte

// Close removes the copy.
func (s Staged) Close() error { return os.RemoveAll(s.dir) }

// Stage opens a file and copies what it has opened. The copy has the same name.
func (f *Folders) Stage(ctx context.Context, path string, roots []string) (Staged, error) {
	from, err := f.Open(path, roots)
	if err != nil {
		return Staged{}, err
	}
	defer from.Close()
	if f.staging != "" {
		if err := os.MkdirAll(f.staging, 0o700); err != nil {
			return Staged{}, unusable(err)
		}
	}
	f.sweep()
	dir, err := os.MkdirTemp(f.staging, "send-")
	if err != nil {
		return Staged{}, unusable(err)
	}
	s := Staged{Path: filepath.Join(dir, filepath.Base(path)), Source: Sight{Path: from.Name()}, dir: dir}
	sum := sha256.New()
	if s.Source.Size, err = f.copy(ctx, s.Path, io.TeeReader(from, sum)); err != nil {
		_ = s.Close()
		return Staged{}, err
	}
	sum.Sum(s.Source.Sum[:0])
	return s, nil
}

// Sight is a file that may be sent, as it was looked at.
type Sight struct {
	Path string // where it really lies
	Size int64
	Sum  Sum
}

// Look reads a file that may be sent, and leaves no copy.
func (f *Folders) Look(ctx context.Context, path string, roots []string) (Sight, error) {
	from, err := f.Open(path, roots)
	if err != nil {
		return Sight{}, err
	}
	defer from.Close()
	s, sum := Sight{Path: from.Name()}, sha256.New()
	if s.Size, err = f.pass(ctx, sum, from); err != nil {
		return Sight{}, err
	}
	sum.Sum(s.Sum[:0])
	return s, nil
}

// abandoned is how old a copy is that a process has left behind which was killed.
const abandoned = 24 * time.Hour

// sweep removes such copies.
func (f *Folders) sweep() {
	if f.staging == "" {
		return
	}
	entries, _ := os.ReadDir(f.staging)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), "send-") && time.Since(info.ModTime()) > abandoned {
			_ = os.RemoveAll(filepath.Join(f.staging, e.Name()))
		}
	}
}

// copyPiece is how much is copied between two looks at the context.
const copyPiece = 16 << 20

func (f *Folders) copy(ctx context.Context, path string, from io.Reader) (size int64, err error) {
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, unusable(err)
	}
	defer to.Close()
	if size, err = f.pass(ctx, to, from); err != nil {
		return size, err
	}
	if err := to.Close(); err != nil {
		return size, unusable(err)
	}
	return size, nil
}

// pass copies a file that may still be growing, until ctx ends, and returns its size.
func (f *Folders) pass(ctx context.Context, to io.Writer, from io.Reader) (size int64, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return size, context.Cause(ctx)
		}
		n, err := io.CopyN(to, from, copyPiece)
		if size += n; size > f.most {
			return size, flow.Errorf(flow.Invalid, "the file grows beyond the %d bytes that are allowed", f.most)
		}
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, unusable(err)
		}
	}
}

func unusable(err error) error {
	return flow.Errorf(flow.Unusable, "the file cannot be copied for sending: %v", Reason(err))
}
