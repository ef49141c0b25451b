//go:build linux

package examples_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
)

// TestBackendLogsWhatTheServerLogs: --log-level is for both processes. The backend logs JSON
// whatever --log-format says, because the server reads it and writes it in its own form.
func TestBackendLogsWhatTheServerLogs(t *testing.T) {
	ctx, cancel := patience()
	defer cancel()
	environ := append(os.Environ(), "FLOW_MCP_DATA_DIR="+t.TempDir(), "HOME="+t.TempDir())
	for _, level := range []string{"debug", "error"} {
		h, err := startHost(ctx, environ, mcp.LATEST_LEGACY_PROTOCOL_VERSION, "--log-level", level)
		if err != nil {
			t.Fatal(err)
		}
		defer h.close()
		if _, err := h.call(ctx, "flow_status", `{}`); err != nil {
			t.Fatal(err)
		}
		running := children(h.cmd.Process.Pid)
		if len(running) != 1 {
			t.Fatalf("the server has the children %v", running)
		}
		line, err := os.ReadFile(fmt.Sprintf("/proc/%v/cmdline", running[0]))
		if err != nil || !strings.Contains(string(line), "--log-level\x00"+level+"\x00") {
			t.Errorf("with --log-level %s the backend is started as %q, %v", level, line, err)
		}
	}
}
