//go:build unix

package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// misplaced is a backend that says of its files that they lie elsewhere.
type misplaced struct {
	flow.Caller
	path string // where a fetched file is said to lie
}

func (g misplaced) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	result, err := g.Caller.Call(ctx, method, params)
	var page flow.EventPage
	if method != "EnumerateEvents" || err != nil || json.Unmarshal(result, &page) != nil {
		return result, err
	}
	for i, n := range page.Events {
		done, err := flow.DownloadCompleteEvent.Decode(n)
		if err != nil || n.Type != flow.DownloadCompleteEvent.Type() {
			continue
		}
		done.Path = g.path
		if page.Events[i].Data, err = json.Marshal(done); err != nil {
			return nil, err
		}
	}
	return json.Marshal(page)
}

// TestFetchedFilesAreFiles: a pipe at the path that a backend names makes nobody wait.
func TestFetchedFilesAreFiles(t *testing.T) {
	w := newWorld(t)
	id := w.joins(t, "ana", tools.Options{}).sends(t, "a.txt", "a")
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(written(t, "secret", "secret"), link); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link, dir, filepath.Join(dir, "none")} {
		ben := begin(t, fixed{misplaced{w.caller, path}}, "ben", tools.Options{})
		if r := ben.use(t, "flow_get_attachment", fmt.Sprintf(`{"attachment":%q}`, id)); !r.failed || strings.Contains(r.text, "secret") {
			t.Errorf("%s is shown as %s", path, r.text)
		}
	}
}
