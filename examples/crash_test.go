//go:build unix

package examples_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

// begun starts a server for a test, on the store of the test.
func begun(t testing.TB, ctx context.Context, store, account string) *host {
	t.Helper()
	environ := append(os.Environ(), "FLOW_MCP_DATA_DIR="+store, "HOME="+t.TempDir())
	h, err := startHost(ctx, environ, mcp.LATEST_LEGACY_PROTOCOL_VERSION, "--account", account, "--toolsets", "all")
	if err != nil {
		t.Fatalf("start the server of %s: %v", account, err)
	}
	t.Cleanup(h.close)
	return h
}

// TestBackendsKilledWhileSending kills the backends of both servers again and again while
// messages are sent through them. What was acknowledged must be there once.
func TestBackendsKilledWhileSending(t *testing.T) {
	// A supervisor takes six crashes in a row for a backend that cannot run, and then
	// answers calls at once that it is away.
	const senders, kills = 8, 5
	ctx, cancel := context.WithTimeout(t.Context(), wholeTime)
	defer cancel()
	store := t.TempDir()
	ana, ben := begun(t, ctx, store, "ana"), begun(t, ctx, store, "ben")
	channel := generalChannel(t, ctx, ben)
	if err := ben.subscribe(ctx, channel); err != nil {
		t.Fatal(err)
	}

	stop := make(chan struct{})
	var acknowledged sync.Map
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				body := fmt.Sprintf("<%d-%d>", sender, i)
				result, err := ana.call(ctx, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":%q}`, body))
				if err != nil {
					t.Errorf("the server stopped answering: %v", err)
					return
				}
				if !result.IsError {
					acknowledged.Store(body, true)
				}
			}
		})
	}
	for i := range kills {
		for _, h := range []*host{ana, ben}[i%2:] {
			for _, pid := range children(h.cmd.Process.Pid) {
				_ = kill(pid)
			}
		}
		if err := ben.waitUpdate(ctx, channel); err != nil {
			t.Fatalf("after kill %d: %v", i, err)
		}
		// The next kill must hit sends under way, so wait for new ones to be acknowledged.
		before := size(&acknowledged)
		for size(&acknowledged) < before+50 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
	close(stop)
	sending.Wait()

	seen := bodies(t, ctx, ben, channel)
	acknowledged.Range(func(body, _ any) bool {
		if n := seen[body.(string)]; n != 1 {
			t.Errorf("the acknowledged message %s is there %d times", body, n)
		}
		return true
	})
	for body, n := range seen {
		if n > 1 {
			t.Errorf("message %s is there %d times", body, n)
		}
	}
	t.Logf("%d messages were acknowledged over %d kills", size(&acknowledged), kills)
}

func size(m *sync.Map) int {
	n := 0
	m.Range(func(any, any) bool { n++; return true })
	return n
}

func generalChannel(t testing.TB, ctx context.Context, h *host) string {
	t.Helper()
	list, err := h.client.ListResources(ctx, mcp.ListResourcesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list.Resources {
		if strings.HasSuffix(r.Name, "general") {
			return r.URI
		}
	}
	t.Fatal("there is no channel general")
	return ""
}

// bodies counts the bodies of all messages of the channel, page by page.
func bodies(t *testing.T, ctx context.Context, h *host, channel string) map[string]int {
	t.Helper()
	seen, before := map[string]int{}, ""
	for {
		filter := `{"limit":1000}`
		if before != "" {
			filter = fmt.Sprintf(`{"limit":1000,"before":%q}`, before)
		}
		result, err := h.call(ctx, "flow_enumerate_messages", fmt.Sprintf(`{"channel":%q,"filters":%s}`, channel, filter))
		if err != nil || result.IsError {
			t.Fatalf("read the channel: %v %s", err, text(result.Content))
		}
		page, _ := result.StructuredContent.(map[string]any)
		list, _ := page["messages"].([]any)
		if len(list) == 0 {
			return seen
		}
		for _, one := range list {
			seen[one.(map[string]any)["text"].(string)]++
		}
		before = list[0].(map[string]any)["id"].(string) // a page stands oldest first
	}
}

// TestClientThatStopsReading floods a subscribed channel while the host does not read.
// The server must stay small, still announce the last state, and end when told.
func TestClientThatStopsReading(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), wholeTime)
	defer cancel()
	store := t.TempDir()
	deaf, ana := begun(t, ctx, store, "deaf"), begun(t, ctx, store, "ana")
	channel := generalChannel(t, ctx, deaf)
	if err := deaf.subscribe(ctx, channel); err != nil {
		t.Fatal(err)
	}

	deaf.out.stop()
	var sending sync.WaitGroup
	for range 20 {
		sending.Go(func() {
			for range 250 {
				if _, err := ana.call(ctx, "flow_send_message", `{"channel":"general","text":"flood"}`); err != nil {
					t.Errorf("send: %v", err)
					return
				}
			}
		})
	}
	sending.Wait()
	if kib := resident(t, deaf.cmd.Process.Pid); kib > 64<<10 {
		t.Errorf("the server grew to %d KiB", kib)
	}
	deaf.out.resume()
	if err := deaf.waitUpdate(ctx, channel); err != nil {
		t.Fatal(err)
	}

	deaf.out.stop()
	remember(deaf)
	if err := deaf.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-deaf.exited:
	case <-time.After(patienceTime):
		t.Error("SIGTERM did not end a server whose output nobody reads")
	}
	deaf.out.resume()
}

// resident returns the resident memory of a process in KiB.
func resident(t testing.TB, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib
}
