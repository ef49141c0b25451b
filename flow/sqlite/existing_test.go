package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// readOnly joins a store as a program that only reads, and says what the first call gets.
func readOnly(t *testing.T, dir string) error {
	t.Helper()
	m, err := Open(t.Context(), dir, Options{Existing: true})
	if err != nil {
		return err
	}
	defer m.Close()
	_, err = flow.Ping.Call(t.Context(), m, flow.PingInput{})
	return err
}

func TestReadersMakeNoStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if err := readOnly(t, dir); !errors.Is(err, flow.Unusable) {
		t.Errorf("a missing directory: %v", err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := readOnly(t, dir); !errors.Is(err, flow.Unusable) {
		t.Errorf("an empty directory: %v", err)
	}
	if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
		t.Errorf("the directory holds %v, %v", left, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := readOnly(t, file); !errors.Is(err, flow.Unusable) {
		t.Errorf("a file: %v", err)
	}
}

// A reader that is there while somebody makes the store makes none, keeps nobody from it,
// and has what was made.
func TestReadersWaitForAStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, lockFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Open(t.Context(), dir, Options{Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	if _, err := flow.Ping.Call(t.Context(), m, flow.PingInput{}); !errors.Is(err, flow.Unusable) {
		t.Errorf("a store that somebody has only begun: %v", err)
	}
	if left, err := os.ReadDir(dir); len(left) != 1 || err != nil {
		t.Errorf("the directory holds %v, %v", left, err)
	}
	account(t, join(t, dir), "ana")
	for err = flow.Unusable; errors.Is(err, flow.Unusable); pause(t.Context(), redialPause(0)) { // until the grudge is over
		_, err = flow.Ping.Call(t.Context(), m, flow.PingInput{})
	}
	if err != nil {
		t.Errorf("the store that was made: %v", err)
	}
	if err := readOnly(t, dir); err != nil {
		t.Errorf("another reader: %v", err)
	}
}

func TestCheckDir(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, fine := range map[string]bool{dir: true, filepath.Join(dir, "none", "yet"): true, file: false, filepath.Join(file, "below"): false} {
		if err := CheckDir(path); (err == nil) != fine || err != nil && !errors.Is(err, flow.Unusable) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
