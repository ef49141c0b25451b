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
