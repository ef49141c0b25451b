package stdio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

// logging is a server whose tool logs once at each level.
func logging(t *testing.T) (*host, *slog.Logger) {
	t.Helper()
	toClient := stdio.NewClientLog()
	log := slog.New(toClient).With("part", "test", "n", 7)
	m := newMCP()
	addTool(m, "log", func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		log.DebugContext(ctx, "d")
		log.InfoContext(ctx, "i", "took", time.Second)
		log.WarnContext(ctx, "w", "stack", "long")
		log.WithGroup("g").ErrorContext(ctx, "e", "error", errors.New("no"), "text", strings.Repeat("x", 5000))
		return done("logged")
	})
	return serve(t, m, stdio.Options{ClientLog: toClient}), log
}

// messages returns what a client was told in log records.
func messages(all []reply) []string {
	var told []string
	for _, r := range all {
		if r.Method == "notifications/message" {
			data, _ := r.Params.Data.(map[string]any)
			told = append(told, fmt.Sprint(data["message"]))
		}
	}
	return told
}

func TestLogForClientsThatShookHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, log := logging(t)
		log.Error("before anything")
		h.initialize(`{}`)
		h.call("1", "log")
		if got := messages(h.until("1")); got != nil {
			t.Errorf("a client that did not ask was told %q", got)
		}
		for level, want := range map[string][]string{"debug": {"d", "i", "w", "e"}, "warning": {"w", "e"}, "error": {"e"}, "emergency": nil} {
			h.send(`{"jsonrpc":"2.0","id":"set","method":"logging/setLevel","params":{"level":%q}}`, level)
			h.until(`"set"`)
			h.call("2", "log")
			if diff := cmp.Diff(want, messages(h.until("2"))); diff != "" {
				t.Errorf("at level %s (-want +got):\n%s", level, diff)
			}
		}
		h.send(`{"jsonrpc":"2.0","id":"set","method":"logging/setLevel","params":{"level":"warning"}}`)
		h.until(`"set"`)
		log.Warn("of no request")
		if diff := cmp.Diff([]string{"of no request"}, messages(h.probe())); diff != "" {
			t.Errorf("of no request (-want +got):\n%s", diff)
		}
	})
}

func TestLogForRequestsThatAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, log := logging(t)
		call := func(id, meta string) []reply {
			h.send(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"log","arguments":{},%s}}`, id, meta)
			return h.until(id)
		}
		for level, want := range map[string][]string{"debug": {"d", "i", "w", "e"}, "error": {"e"}} {
			meta := strings.Replace(modern, `logLevel":"debug"`, `logLevel":"`+level+`"`, 1)
			if diff := cmp.Diff(want, messages(call("1", meta))); diff != "" {
				t.Errorf("at level %s (-want +got):\n%s", level, diff)
			}
		}
		if got := messages(call("2", strings.Replace(modern, `,"io.modelcontextprotocol/logLevel":"debug"`, "", 1))); got != nil {
			t.Errorf("a request that did not ask was told %q", got)
		}
		log.Error("of no request")
		if got := messages(h.probe()); got != nil {
			t.Errorf("beside its requests the client was told %q", got)
		}
	})
}

// TestLogRecords: what a record says is what the log has, but for what would be too much.
func TestLogRecords(t *testing.T) {
	h, _ := logging(t)
	h.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"log","arguments":{},%s}}`, modern)
	var got []any
	for _, r := range h.until("1") {
		if r.Method != "" {
			got = append(got, r.Params.Data)
		}
	}
	want := []any{
		map[string]any{"message": "d", "n": 7.0},
		map[string]any{"message": "i", "n": 7.0, "took": "1s"},
		map[string]any{"message": "w", "n": 7.0},
		map[string]any{"message": "e", "n": 7.0, "g.error": "no", "g.text": strings.Repeat("x", 1000)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// TestLogIsBounded: a flood of records does not become one of notifications, and what was
// dropped is told.
func TestLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, log := logging(t)
		h.initialize(`{}`)
		h.send(`{"jsonrpc":"2.0","id":"set","method":"logging/setLevel","params":{"level":"debug"}}`)
		h.until(`"set"`)
		time.Sleep(time.Second)
		for range 1000 {
			log.Info("flood")
		}
		if got := len(messages(h.probe())); got != 20 {
			t.Errorf("of 1000 records %d were passed on at once", got)
		}
		time.Sleep(time.Second)
		log.Info("later")
		last := h.probe()
		data, _ := last[len(last)-1].Params.Data.(map[string]any)
		if data["message"] != "later" || data["dropped"] != 980.0 {
			t.Errorf("the next record is %v", data)
		}
	})
}
