package stdio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

// addReporter adds a tool that reports progress n times and returns at once.
// It returns an error result if a report was refused.
func addReporter(m *server.MCPServer, n int) {
	addTool(m, "report", func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for i := range n {
			err := server.ServerFromContext(ctx).SendNotificationToClient(ctx, "notifications/progress",
				map[string]any{"progressToken": r.Params.Meta.ProgressToken, "progress": i})
			if err != nil {
				return nil, err
			}
		}
		return done("reported")
	})
}

func TestProgressPrecedesReply(t *testing.T) {
	for name, meta := range map[string]string{
		"handshake": `"_meta":{"progressToken":%s}`,
		"modern":    modern[:len(modern)-1] + `,"progressToken":%s}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const calls, reports = 60, 20
				m := newMCP()
				addReporter(m, reports)
				h := serve(t, m, stdio.Options{})
				h.initialize(`{}`)
				token := func(i int) string { return fmt.Sprint(9007199254740993 + i) }
				for i := range calls {
					h.send(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"report",`+fmt.Sprintf(meta, token(i))+`}}`, i)
				}
				heard := make(map[string]int)
				for answered := 0; answered < calls; {
					r := h.next()
					if r.Method != "" {
						if want := heard[string(r.Params.ProgressToken)]; int(r.Params.Progress) != want {
							t.Errorf("token %s: report %v came when %d was due", r.Params.ProgressToken, r.Params.Progress, want)
						}
						heard[string(r.Params.ProgressToken)]++
						continue
					}
					answered++
					var id int
					fmt.Sscan(string(r.ID), &id)
					if r.Error != nil || heard[token(id)] != reports {
						t.Errorf("%s came after %d reports, want a result after %d", r, heard[token(id)], reports)
					}
				}
				if late := h.probe(); len(late) > 0 {
					t.Errorf("after the last reply came %v", short(late))
				}
			})
		})
	}
}

// A handler that reports faster than the client reads slows down; no report is
// lost and little is kept in memory.
func TestBurstOfReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addReporter(m, 5000)
		h := serve(t, m, stdio.Options{})
		h.initialize(`{}`)
		h.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"report","_meta":{"progressToken":"p"}}}`)
		synctest.Wait()
		got := short(h.until("1"))
		want := append(slices.Repeat([]string{"notifications/progress"}, 5000), "1 result")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestReportAfterReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		late := make(chan error)
		addTool(m, "late", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			ctx = context.WithoutCancel(ctx)
			go func() {
				time.Sleep(time.Second)
				late <- m.SendNotificationToClient(ctx, "notifications/progress", map[string]any{"progress": 1})
			}()
			return done("early")
		})
		h := serve(t, m, stdio.Options{})
		h.initialize(`{}`)
		h.call("1", "late")
		h.until("1")
		if err := <-late; err == nil {
			t.Error("the late report was accepted")
		}
		if got := h.probe(); len(got) > 0 {
			t.Errorf("after the reply came %v", short(got))
		}
	})
}

func TestLogMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addTool(m, "log", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			if err := m.SendLogMessageToClient(ctx, mcp.NewLoggingMessageNotification(mcp.LoggingLevelInfo, "t", "hello")); err != nil {
				return nil, err
			}
			return done("")
		})
		h := serve(t, m, stdio.Options{})
		h.initialize(`{}`)
		var got []string
		for _, line := range []string{
			`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"log"}}`, // the default level is error
			`{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"info"}}`,
			`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"log"}}`,
			`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"log",` + modern + `}}`,
		} {
			h.send("%s", line)
			got = append(got, short(h.probe())...)
		}
		want := []string{"1 result", "2 result", "notifications/message", "3 result", "notifications/message", "4 result"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRequestsDoNotOvertakeInitialize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hooks := &server.Hooks{}
		hooks.AddBeforeInitialize(func(context.Context, any, *mcp.InitializeRequest) { time.Sleep(time.Minute) })
		m := newMCP(server.WithHooks(hooks))
		addReporter(m, 1)
		h := serve(t, m, stdio.Options{})
		go h.send(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{"name":"t","version":"1"},"capabilities":{}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"report","_meta":{"progressToken":1}}}`)
		synctest.Wait()
		m.SendNotificationToAllClients("notifications/early", nil)
		h.server.ResourceListChanged()
		want := []string{"1 result", "notifications/progress", "2 result"}
		if diff := cmp.Diff(want, short(h.until("2"))); diff != "" {
			t.Error(diff)
		}
	})
}

// addBlocker adds a tool that returns when release is closed or its context
// ends, and a counter of the calls it got.
func addBlocker(m *server.MCPServer, name string) (release chan struct{}, started chan string) {
	release, started = make(chan struct{}), make(chan string, 100)
	addTool(m, name, func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		started <- name
		select {
		case <-release:
			return done("released")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	return release, started
}

func TestSlowCallsDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		release, _ := addBlocker(m, "slow")
		addReporter(m, 0)
		h := serve(t, m, stdio.Options{})
		h.initialize(`{}`)
		for i := range 20 {
			h.call(fmt.Sprint(i), "slow")
		}
		h.call("99", "report")
		if diff := cmp.Diff([]string{"99 result"}, short(h.until("99"))); diff != "" {
			t.Error(diff)
		}
		close(release)
		for range 20 {
			if r := h.next(); r.Error != nil {
				t.Errorf("slow call answered with %s", r)
			}
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		release, started := addBlocker(m, "slow")
		_, startedQueued := addBlocker(m, "queued")
		h := serve(t, m, stdio.Options{ToolWorkers: 2})
		h.initialize(`{}`)
		h.call("1", "slow")
		h.call(`"1"`, "slow")
		<-started
		<-started
		h.call("2", "queued")
		h.cancel("2")   // a call that waits for its turn
		h.cancel(`"1"`) // one that runs; the other one with a 1 goes on
		h.cancel("2")   // once more does nothing
		if got := h.probe(); len(got) > 0 {
			t.Errorf("cancelled calls were answered: %v", short(got))
		}
		close(release)
		if diff := cmp.Diff([]string{"1 result"}, short(h.until("1"))); diff != "" {
			t.Error(diff)
		}
		if n := len(startedQueued); n != 0 {
			t.Error("the cancelled call ran when its turn came")
		}
		h.call("2", "slow") // the id is free again
		if diff := cmp.Diff([]string{"2 result"}, short(h.until("2"))); diff != "" {
			t.Error(diff)
		}
	})
}

// What a handler says after the client cancelled is not passed on.
func TestNothingFollowsCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addTool(m, "stubborn", func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			_ = m.SendNotificationToClient(ctx, "notifications/progress", map[string]any{"progress": 1})
			return done("too late")
		})
		h := serve(t, m, stdio.Options{})
		h.initialize(`{}`)
		h.call("1", "stubborn")
		h.cancel("1")
		time.Sleep(2 * time.Second)
		if got := h.probe(); len(got) > 0 {
			t.Errorf("after the cancellation came %v", short(got))
		}
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		release, started := addBlocker(m, "slow")
		h := serve(t, m, stdio.Options{MaxInFlight: 2, MaxLine: 1000})
		h.initialize(`{}`)
		h.call("1", "slow")
		h.call("1", "slow")
		if got := h.next().String(); got != "1 error -32600" {
			t.Errorf("an id in use was answered with %s", got)
		}
		h.call("2", "slow")
		h.call("3", "slow")
		if got := h.next().String(); got != "3 error -32000" {
			t.Errorf("one request too many was answered with %s", got)
		}
		<-started
		<-started
		h.cancel("2")
		synctest.Wait()
		h.call("4", "slow")
		<-started
		close(release)
		got := h.nextN(2)
		slices.Sort(got)
		if diff := cmp.Diff([]string{"1 result", "4 result"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// Lines that wait for their handlers may not fill the memory either.
func TestRefusesTooManyBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		release, _ := addBlocker(m, "slow")
		h := serve(t, m, stdio.Options{MaxLine: 1000})
		h.initialize(`{}`)
		for i := range 5 {
			h.send("%s", pad(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"slow","arguments":{"a":"`, i), 1000, `"}}}`))
		}
		if got := h.next().String(); got != "4 error -32000" {
			t.Errorf("the fifth line was answered with %s", got)
		}
		close(release)
		for range 4 {
			h.next()
		}
	})
}

func TestClientNotifications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		roots := make(chan string, 2)
		m.AddNotificationHandler("notifications/roots/list_changed", func(ctx context.Context, _ mcp.JSONRPCNotification) {
			got, err := m.RequestRoots(ctx, mcp.ListRootsRequest{})
			if err != nil {
				roots <- err.Error()
				return
			}
			roots <- got.Roots[0].URI
		})
		h := serve(t, m, stdio.Options{})
		h.initialize(`{"roots":{}}`)
		h.send(`{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}`)
		if got := h.next(); got.Method != "roots/list" || string(got.ID) != `"s1"` {
			t.Fatalf("the server wrote %s, want roots/list", got)
		}
		h.send(`{"jsonrpc":"2.0","id":"s1","result":{"roots":[{"uri":"file:///home"}]}}`)
		if got := <-roots; got != "file:///home" {
			t.Errorf("the handler got %q", got)
		}
		h.send(`{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}`)
		h.next()
		h.stdin.Close() // nobody can answer any more
		start := time.Now()
		if got := <-roots; !strings.Contains(got, "the client is gone") {
			t.Errorf("the handler got %q", got)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("the handler waited %v for a client that is gone", took)
		}
		<-h.ended
	})
}
