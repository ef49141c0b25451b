package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestUnusable(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"no right":                        {fs.ErrPermission, "may not be written to"},
		"a file system that is read only": {syscall.EROFS, "may not be written to"},
		"below a file":                    {syscall.ENOTDIR, "is a file"},
		"a file":                          {fs.ErrExist, "is a file"},
		"anything else":                   {syscall.EIO, "cannot be used"},
	}
	for name, tt := range tests {
		err := unusable("/data", &fs.PathError{Op: "remove", Path: "/data/socket", Err: tt.err})
		if !errors.Is(err, flow.Unusable) || !strings.Contains(err.Error(), "the data directory /data "+tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestDirectoryIsMadePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // access lists take the place of modes there
	}
	for mode, want := range map[fs.FileMode]fs.FileMode{0o755: 0o700, 0o750: 0o700, 0o700: 0o700, 0o500: 0o500} {
		dir := t.TempDir()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := newPlace(dir)
		info, statErr := os.Stat(dir)
		if err != nil || statErr != nil || info.Mode().Perm() != want {
			t.Errorf("a directory of mode %o has %o, want %o; %v", mode, info.Mode().Perm(), want, errors.Join(err, statErr))
		}
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if _, err := newPlace(dir); !errors.Is(err, flow.Unusable) {
		t.Errorf("a directory that others may write to: %v", err)
	}
}
