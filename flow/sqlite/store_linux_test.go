package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestOpenNeedsToWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	// Root may write anywhere. This thread alone becomes a user who may not.
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer unix.Setfsuid(0)
		unix.Setfsuid(nobody)
	}
	_, err := openStore(t.Context(), dir, Options{})
	if !errors.Is(err, flow.Unusable) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "may not be written to") {
		t.Errorf("a directory one may not write to: %v", err)
	}
}

// TestDirectoriesThatCannotBeSynced: there are file systems on which a directory is durable
// or is not, and nothing can be done about it.
func TestDirectoriesThatCannotBeSynced(t *testing.T) {
	const unsyncable = "/proc"
	dir, err := os.Open(unsyncable)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := dir.Sync(); err == nil {
		t.Errorf("%s can be synced, so that nothing is tested here", unsyncable)
	}
	if err := syncDir(unsyncable); err != nil {
		t.Error(err)
	}
}
