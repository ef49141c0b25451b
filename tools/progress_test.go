package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/backend"
	"github.com/flow-mcp/flow-mcp/tools"
)

// reports collects what a host is told of a call.
type reports struct {
	mu   sync.Mutex
	said []map[string]any
}

func (r *reports) take(n mcp.JSONRPCNotification) {
	if n.Method != string(mcp.MethodNotificationProgress) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said = append(r.said, n.Params.AdditionalFields)
}

// follows calls a tool with a progress token, and returns what is told meanwhile.
func (p *person) follows(t *testing.T, tool, args string) []map[string]any {
	t.Helper()
	var told reports
	p.host.OnNotification(told.take)
	var req mcp.CallToolRequest
	req.Params.Name, req.Params.Arguments = tool, json.RawMessage(args)
	req.Params.Meta = &mcp.Meta{ProgressToken: "token"}
	if res, err := p.host.CallTool(t.Context(), req); err != nil || res.IsError {
		t.Fatalf("%s %s: %v %+v", tool, args, err, res)
	}
	told.mu.Lock()
	defer told.mu.Unlock()
	return told.said
}

// TestProgressOfWaits: a client that wants to know is told the seconds, now and then, and
// how many they will be; never the end.
func TestProgressOfWaits(t *testing.T) {
	inBubble(t, "a wait", func(t *testing.T) {
		p := begin(t, fixed{stub(func(method string, _ json.RawMessage) (json.RawMessage, error) {
			if method == "EnumerateEvents" {
				time.Sleep(10 * time.Second)
				return json.RawMessage(`{"events":[],"next":7,"more":false}`), nil
			}
			return json.RawMessage("null"), nil
		})}, "ana", tools.Options{})
		var want []map[string]any
		for second := 2.0; second < 9; second += 2 {
			want = append(want, map[string]any{"progressToken": "token", "progress": second, "total": 9.0})
		}
		if diff := cmp.Diff(want, p.follows(t, "flow_wait_for_messages", `{"after":3,"timeout_seconds":9}`)); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
	})
}

// TestProgressOfSlowCalls: also of a search it can be seen that it still runs.
func TestProgressOfSlowCalls(t *testing.T) {
	inBubble(t, "a search", func(t *testing.T) {
		p := begin(t, fixed{stub(func(method string, _ json.RawMessage) (json.RawMessage, error) {
			if method == "Search" {
				time.Sleep(5 * time.Second)
				return json.RawMessage("[]"), nil
			}
			return json.RawMessage("null"), nil
		})}, "ana", tools.Options{})
		want := []map[string]any{{"progressToken": "token", "progress": 2.0}, {"progressToken": "token", "progress": 4.0}}
		if diff := cmp.Diff(want, p.follows(t, "flow_search", `{"search":"x"}`)); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
	})
}

// transferring is a backend that tells of a download whatever it likes.
func transferring(done ...int64) stub {
	const total = 1000
	asked := 0
	return func(method string, _ json.RawMessage) (json.RawMessage, error) {
		if method != "EnumerateEvents" {
			return json.RawMessage("null"), nil
		}
		page := flow.EventPage{Events: flow.Notifications{}, Next: flow.Cursor(asked)}
		if asked++; asked > 1 {
			time.Sleep(time.Second)
			said := flow.Transfer{AttachmentID: "FILE", Filename: "f", Total: total}
			if asked-2 < len(done) {
				said.Transferred = done[asked-2]
				page.Events = flow.Notifications{flow.DownloadProgressEvent.Make(1, said)}
			} else {
				said.Err = "over"
				page.Events = flow.Notifications{flow.DownloadErrorEvent.Make(1, said)}
			}
		}
		return json.Marshal(page)
	}
}

// TestProgressOfTransfers: bytes only rise, and the end is left to the result.
func TestProgressOfTransfers(t *testing.T) {
	inBubble(t, "a download", func(t *testing.T) {
		p := begin(t, fixed{transferring(100, 50, 300, 300, 999, 1000)}, "ana", tools.Options{})
		var told reports
		p.host.OnNotification(told.take)
		var req mcp.CallToolRequest
		req.Params.Name, req.Params.Arguments = "flow_get_attachment", json.RawMessage(`{"attachment":"FILE"}`)
		req.Params.Meta = &mcp.Meta{ProgressToken: 7}
		if res, err := p.host.CallTool(t.Context(), req); err != nil || !res.IsError {
			t.Fatalf("the result is %+v, %v", res, err)
		}
		synctest.Wait() // for the last report
		var got []float64
		for _, said := range told.said {
			got = append(got, said["progress"].(float64))
			if said["total"] != 1000.0 {
				t.Errorf("the total is %v", said["total"])
			}
		}
		if diff := cmp.Diff([]float64{100, 300, 999}, got); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
	})
}

// watched is an engine that tells when a call begins and how it ends. It takes its time
// for a search.
type watched struct {
	flow.Caller
	begun chan struct{}
	ended chan error
}

func (w *watched) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	waits := method == "EnumerateEvents" && strings.Contains(string(params), "WaitMilliseconds")
	if method != "Search" && !waits {
		return w.Caller.Call(ctx, method, params)
	}
	close(w.begun)
	if method == "Search" {
		<-ctx.Done()
	}
	result, err := w.Caller.Call(ctx, method, params)
	w.ended <- err
	return result, err
}

// TestCancelledCallsEndInTheEngine: what the host cancels ends on the other side of the
// process border, too.
func TestCancelledCallsEndInTheEngine(t *testing.T) {
	for name, args := range map[string]string{
		"flow_wait_for_messages": `{"timeout_seconds":110}`,
		"flow_search":            `{"search":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			engine := &watched{newWorld(t).caller, make(chan struct{}), make(chan error, 1)}
			ana := begin(t, fixed{served(t, engine)}, "ana", tools.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-engine.begun
				cancel()
			}()
			call := json.RawMessage(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, name, args))
			ana.server.HandleMessage(ctx, call)
			if err := <-engine.ended; err == nil {
				t.Error("the engine went on")
			}
		})
	}
}

// served is the way to caller over HTTP on loopback.
func served(t *testing.T, caller flow.Caller) flow.Caller {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	said, ready := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- (&backend.Server{Caller: caller}).Serve(ctx, 0, ready) }()
	var handshake struct {
		Token string
		Port  int `json:",string"`
	}
	if err := json.NewDecoder(said).Decode(&handshake); err != nil {
		t.Fatal(err)
	}
	way := flow.NewHTTP(handshake.Port, handshake.Token)
	t.Cleanup(func() {
		way.Close()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return way
}
