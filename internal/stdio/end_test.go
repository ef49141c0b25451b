package stdio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

// The tests in this file run on the clock of synctest: the durations they
// compare are exact and take no time.

func sleeper(d time.Duration) toolFunc {
	return func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		select {
		case <-time.After(d):
			return done("slept")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// within fails the test unless Run has returned want by limit from now.
func (h *host) within(limit time.Duration, want error) {
	h.t.Helper()
	start := time.Now()
	err := <-h.ended
	if !errors.Is(err, want) {
		h.t.Errorf("Run returned %v, want %v", err, want)
	}
	if took := time.Since(start); took > limit {
		h.t.Errorf("Run returned after %v, want %v at most", took, limit)
	}
}

func TestEOFWithCallsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addTool(m, "sleep", sleeper(100*time.Millisecond))
		h := serve(t, m, stdio.Options{ToolWorkers: 5})
		h.initialize(`{}`)
		for i := range 20 {
			h.call(fmt.Sprint(i), "sleep")
		}
		h.stdin.Close()
		got := h.rest()
		for _, r := range got {
			if r.Error != nil {
				t.Errorf("answered with %s", r)
			}
		}
		if len(got) != 20 {
			t.Errorf("%d calls were answered, want 20", len(got))
		}
		h.within(0, nil)
	})
}

// One process, one shot: everything goes in at once, then the pipe closes.
func TestOneShot(t *testing.T) {
	const in = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{"name":"t","version":"1"},"capabilities":{}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"report"}}`
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addReporter(m, 0)
		var out strings.Builder
		if err := stdio.New(m, stdio.Options{}).Run(t.Context(), strings.NewReader(in), &out); err != nil {
			t.Fatalf("Run: %v", err)
		}
		first, second, _ := strings.Cut(out.String(), "\n")
		if !strings.Contains(first, `"id":1,"result"`) || !strings.Contains(second, `"id":2,"result"`) {
			t.Errorf("the server wrote\n%s", out.String())
		}
	})
}

func TestEOFWithEndlessCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addTool(m, "sleep", sleeper(time.Hour))
		h := serve(t, m, stdio.Options{})
		h.initialize(`{}`)
		h.call("1", "sleep")
		h.stdin.Close()
		start := time.Now()
		if diff := cmp.Diff([]string{"1 error -32603"}, short(h.rest())); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(start); took != 1200*time.Millisecond {
			t.Errorf("the call ended after %v", took)
		}
		h.within(0, nil)
	})
}

func TestHandlerThatIgnoresItsContext(t *testing.T) {
	ends := map[string]struct {
		end   func(h *host)
		limit time.Duration
	}{
		"EOF":              {func(h *host) { h.stdin.Close() }, 1450 * time.Millisecond},
		"context":          {func(h *host) { h.stop() }, 250 * time.Millisecond},
		"EOF then context": {func(h *host) { h.stdin.Close(); synctest.Wait(); h.stop() }, 250 * time.Millisecond},
	}
	for name, test := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMCP()
				addTool(m, "deaf", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
					time.Sleep(time.Hour)
					return done("")
				})
				h := serve(t, m, stdio.Options{})
				h.initialize(`{}`)
				h.call("1", "deaf")
				h.probe()
				test.end(h)
				h.within(test.limit, nil)
				time.Sleep(time.Hour)
			})
		})
	}
}

// A change just before the end is announced without the usual delay.
func TestEOFAfterListChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{})
		h.initialize(`{}`)
		h.probe()
		h.server.ResourceListChanged()
		h.stdin.Close()
		if diff := cmp.Diff([]string{"notifications/resources/list_changed"}, short(h.rest())); diff != "" {
			t.Error(diff)
		}
		h.within(0, nil)
		h.server.ResourceListChanged() // after the end nothing happens
	})
}

// What a last call changed is announced before its listen ends, however slowly
// the client reads, and the listen ends with a reply.
func TestEOFEndsListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *host
		m := newMCP()
		addTool(m, "change", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			time.Sleep(time.Second)
			h.server.ResourceUpdated("a:1")
			return done("changed")
		})
		h = serve(t, m, stdio.Options{})
		h.listen("9007199254740993", `{"resourceSubscriptions":["a:1"]}`)
		h.send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"change",%s}}`, modern)
		h.send(`{"jsonrpc":"2.0","id":3,"method":"server/discover","params":{%s}}`, modern)
		h.stdin.Close()
		time.Sleep(1000 * time.Millisecond)
		got := h.rest()
		last := got[len(got)-1]
		if last.String() != "9007199254740993 result" || !strings.Contains(string(last.Result), `subscriptionId":9007199254740993`) {
			t.Errorf("the listen ended with %s %s", last, last.Result)
		}
		var announced, answered bool
		for _, r := range got {
			announced = announced || r.Params.URI == "a:1"
			answered = answered || r.String() == "2 result"
		}
		if !announced || !answered {
			t.Errorf("announced: %t, answered: %t; the server wrote %v", announced, answered, short(got))
		}
		h.within(0, nil)
	})
}

func TestContextDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addTool(m, "sleep", sleeper(time.Hour))
		h := serve(t, m, stdio.Options{ToolWorkers: 1})
		h.initialize(`{}`)
		h.listen("1", `{"toolsListChanged":true}`)
		h.call("2", "sleep")
		h.call("3", "sleep")
		h.probe()
		start := time.Now()
		h.stop()
		got := make(map[string]bool)
		for _, r := range h.rest() {
			got[r.String()] = true
		}
		if diff := cmp.Diff(map[string]bool{"1 result": true, "2 error -32603": true, "3 error -32603": true}, got); diff != "" {
			t.Error(diff)
		}
		h.within(0, nil)
		if took := time.Since(start); took != 0 {
			t.Errorf("an idle server took %v to end", took)
		}
	})
}

func TestContextDoneDuringLastCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addTool(m, "sleep", sleeper(time.Hour))
		h := serve(t, m, stdio.Options{})
		h.initialize(`{}`)
		h.call("1", "sleep")
		h.stdin.Close()
		synctest.Wait()
		h.stop()
		if diff := cmp.Diff([]string{"1 error -32603"}, short(h.rest())); diff != "" {
			t.Error(diff)
		}
		h.within(0, nil)
	})
}

// A client that has stopped reading cannot keep the server alive, and cannot
// make it grow: the reader stops when enough is unwritten.
func TestBlockedClient(t *testing.T) {
	ends := map[string]struct {
		end   func(h *host)
		limit time.Duration
	}{
		"EOF":     {func(h *host) { h.stdin.Close() }, 1450 * time.Millisecond},
		"context": {func(h *host) { h.stop() }, time.Second},
	}
	for name, test := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMCP()
				addTool(m, "shout", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
					for ctx.Err() == nil {
						_ = m.SendNotificationToClient(ctx, "notifications/progress", map[string]any{"message": strings.Repeat("x", 1000)})
					}
					return done("")
				})
				h := serve(t, m, stdio.Options{})
				h.initialize(`{}`)
				h.subscribe("a:1")
				for i := range 5 {
					h.call(fmt.Sprint(i), "shout")
				}
				for range 5000 {
					h.server.ResourceUpdated("a:1")
					m.SendNotificationToAllClients("notifications/other", nil)
				}
				synctest.Wait()
				test.end(h)
				h.within(test.limit, stdio.ErrBlocked)
			})
		})
	}
}

// The end of the input is noticed also by a server whose client asks much, and reads
// nothing of what it is told.
func TestEOFBehindUnreadReplies(t *testing.T) {
	for name, line := range map[string]string{
		"no JSON": `{bad json}`, "unknown": `{"jsonrpc":"2.0","id":%d,"method":"nope"}`, "too many": `{"jsonrpc":"2.0","id":%d,"method":"ping"}`,
		"too long": strings.Repeat("x", 70_000),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, newMCP(), stdio.Options{MaxInFlight: 10, MaxLine: 64_000})
				h.initialize(`{}`)
				if strings.Contains(line, "%d") {
					for i := range 600 {
						h.send(line, i)
					}
				} else {
					for range 600 {
						h.send(line)
					}
				}
				h.stdin.Close()
				h.within(1450*time.Millisecond, stdio.ErrBlocked)
			})
		})
	}
}

// A client that asks and asks and reads nothing at all does not keep the server alive.
func TestFloodWithoutReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{MaxLine: 1000})
		h.initialize(`{}`)
		go func() {
			for i := 0; ; i++ {
				if _, err := fmt.Fprintf(h.stdin, `{"jsonrpc":"2.0","id":%d,"method":"nope"}`+"\n", i); err != nil {
					return
				}
			}
		}()
		h.within(5*time.Second+1450*time.Millisecond, stdio.ErrBlocked)
	})
}

// Of lines that are no requests any number is read, so that their end is noticed.
func TestFloodOfNonsense(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{MaxLine: 1000})
		h.initialize(`{}`)
		for range 5000 {
			h.send(`{bad json}`)
			h.send(strings.Repeat("x", 1001))
		}
		h.stdin.Close()
		h.within(1450*time.Millisecond, stdio.ErrBlocked)
	})
}

func TestRequestsWithoutReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{MaxInFlight: 10, MaxLine: 1000})
		h.initialize(`{}`)
		const n = 5000
		sent := 0
		go func() {
			for i := range n {
				h.send(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, i)
				sent = i
			}
		}()
		synctest.Wait()
		if sent > 3000 {
			t.Errorf("the server took %d requests without being read", sent)
		}
		for range n {
			h.next()
		}
	})
}

func TestClientThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		_, started := addBlocker(m, "slow")
		h := serve(t, m, stdio.Options{})
		h.initialize(`{}`)
		h.call("1", "slow")
		<-started
		gone := errors.New("nobody there")
		h.stdout.CloseWithError(gone)
		h.send(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
		h.within(0, gone)
	})
}

func TestReadFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{})
		broken := errors.New("broken")
		h.stdin.CloseWithError(broken)
		h.within(0, broken)
	})
}

func TestSessionsAreUnregistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sessions []string
		hooks := &server.Hooks{}
		hooks.AddOnRegisterSession(func(_ context.Context, s server.ClientSession) { sessions = append(sessions, "+"+s.SessionID()) })
		hooks.AddOnUnregisterSession(func(_ context.Context, s server.ClientSession) { sessions = append(sessions, "-"+s.SessionID()) })
		h := serve(t, newMCP(server.WithHooks(hooks)), stdio.Options{})
		h.initialize(`{}`)
		h.listen("1", `{"toolsListChanged":true}`)
		h.stdin.Close()
		h.rest()
		h.within(0, nil)
		if len(sessions) != 2 || sessions[0][1:] != sessions[1][1:] {
			t.Errorf("sessions registered and unregistered: %v", sessions)
		}
	})
}
