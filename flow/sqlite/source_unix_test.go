//go:build unix

package sqlite

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestOnlyRegularFilesAreRead(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	dir := t.TempDir()
	make := func(name string, how func(path string) error) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := how(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	target := fileOf(t, "target.txt", []byte("secret"))
	for path, word := range map[string]string{
		make("pipe", func(p string) error { return syscall.Mkfifo(p, 0o600) }):               "pipe",
		make("link", func(p string) error { return os.Symlink(target, p) }):                  "symbolic link",
		make("loop", func(p string) error { return os.Symlink(p, p) }):                       "symbolic link",
		make("dangling", func(p string) error { return os.Symlink(p+"not", p) }):             "symbolic link",
		make("pipes", func(p string) error { return os.Symlink(dir+"/pipe", p) }):            "symbolic link",
		make("sub", func(p string) error { return os.Mkdir(p, 0o700) }):                      "directory",
		make("socket", func(p string) error { _, err := net.Listen("unix", p); return err }): "socket",
		"/dev/zero": "device",
		make("line\nfeed", func(p string) error { return os.WriteFile(p, nil, 0o600) }):    "control character",
		make(`back\slash`, func(p string) error { return os.WriteFile(p, nil, 0o600) }):    "separator",
		make("not\xffutf8", func(p string) error { return os.WriteFile(p, nil, 0o600) }):   "UTF-8",
		make("\u202egpj.exe", func(p string) error { return os.WriteFile(p, nil, 0o600) }): "direction",
	} {
		_, err := ana.NewAttachment(t.Context(), ana.call, flow.NewAttachmentInput{OrgID: ana.home.OrgID, FilePath: path})
		if !errors.Is(err, flow.Invalid) || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v; want a refusal that names the %s", path, err, word)
		}
	}
	if got := contents(t, s); len(got) != 0 {
		t.Errorf("of refused files the store has %q", got)
	}
}

// TestReplacedFileIsRefused: what is opened is what was looked at.
func TestReplacedFileIsRefused(t *testing.T) {
	path := fileOf(t, "a.txt", []byte("a"))
	before, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fileOf(t, "b.txt", []byte("b")), path); err != nil {
		t.Fatal(err)
	}
	if file, err := openLooked(path, before); !errors.Is(err, flow.Conflict) {
		t.Errorf("a file that was replaced was opened: %v, %v", file, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if file, err := openLooked(path, before); !errors.Is(err, flow.Conflict) {
		t.Errorf("a pipe in the place of a file was opened: %v, %v", file, err)
	}
}
