package stdio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

// addConfirm adds a tool that asks before it does anything.
func addConfirm(m *server.MCPServer) {
	addTool(m, "confirm", func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		got := server.ElicitationResponse(r.Params.InputResponses, "sure")
		if got == nil {
			return server.NewInputRequestBuilder("").Elicit("sure", mcp.ElicitationParams{
				Message:         "Sure?",
				RequestedSchema: map[string]any{"type": "object", "properties": map[string]any{}},
			}).ToolResult(), nil
		}
		return done("person said " + string(got.Action))
	})
}

func TestElicitation(t *testing.T) {
	tests := map[string]struct{ capabilities, answer, want string }{
		"accept":         {`{"elicitation":{}}`, `"result":{"action":"accept"}`, "person said accept"},
		"decline":        {`{"elicitation":{"form":{}}}`, `"result":{"action":"decline"}`, "person said decline"},
		"error":          {`{"elicitation":{}}`, `"error":{"code":-1,"message":"window closed"}`, "window closed"},
		"nonsense":       {`{"elicitation":{}}`, `"result":[]`, "decode the answer"},
		"no ability":     {`{}`, "", "did not declare elicitation"},
		"only addresses": {`{"elicitation":{"url":{}}}`, "", "did not declare elicitation"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMCP()
				addConfirm(m)
				h := serve(t, m, stdio.Options{})
				h.initialize(test.capabilities)
				h.call("1", "confirm")
				if test.answer != "" {
					if q := h.next(); q.Method != "elicitation/create" || q.Params.Message != "Sure?" {
						t.Fatalf("the server asked %s %q", q, q.Params.Message)
					}
					h.send(`{"jsonrpc":"2.0","id":"s1",%s}`, test.answer)
				}
				r := h.next()
				said := string(r.Result)
				if r.Error != nil {
					said = r.Error.Message
				}
				if string(r.ID) != "1" || !strings.Contains(said, test.want) {
					t.Errorf("the call was answered with %s %s, want %q in it", r, said, test.want)
				}
			})
		})
	}
}

func TestElicitationModern(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addConfirm(m)
		h := serve(t, m, stdio.Options{})
		h.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"confirm",%s}}`, modern)
		if r := h.next(); !strings.Contains(string(r.Result), `"resultType":"input_required"`) {
			t.Fatalf("the call was answered with %s %s", r, r.Result)
		}
		h.send(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"confirm","inputResponses":{"sure":{"action":"accept"}},%s}}`, modern)
		if r := h.next(); !strings.Contains(string(r.Result), "person said accept") {
			t.Errorf("the retry was answered with %s %s", r, r.Result)
		}
	})
}

func TestSampling(t *testing.T) {
	tests := map[string]struct{ capabilities, want string }{
		"able":     {`{"sampling":{}}`, "Paris"},
		"not able": {`{}`, "did not declare sampling"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMCP()
				addTool(m, "ask", func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
					if got := server.SamplingResponse(r.Params.InputResponses, "capital"); got != nil {
						return done(fmt.Sprint(got.Content))
					}
					return server.NewInputRequestBuilder("").Sample("capital", mcp.CreateMessageParams{MaxTokens: 7}).ToolResult(), nil
				})
				h := serve(t, m, stdio.Options{})
				h.initialize(test.capabilities)
				h.call("1", "ask")
				r := h.next()
				if r.Method == "sampling/createMessage" {
					h.send(`{"jsonrpc":"2.0","id":"s1","result":{"role":"assistant","model":"m","content":{"type":"text","text":"Paris"}}}`)
					r = h.next()
				}
				said := string(r.Result)
				if r.Error != nil {
					said = r.Error.Message
				}
				if string(r.ID) != "1" || !strings.Contains(said, test.want) {
					t.Errorf("the call was answered with %s %s, want %q in it", r, said, test.want)
				}
			})
		})
	}
}

// A question whose call was cancelled is taken back.
func TestElicitationCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addConfirm(m)
		h := serve(t, m, stdio.Options{})
		h.initialize(`{"elicitation":{}}`)
		h.call("1", "confirm")
		h.next()
		h.cancel("1")
		r := h.next()
		if r.Method != "notifications/cancelled" || string(r.Params.RequestID) != `"s1"` {
			t.Errorf("the server wrote %s %s", r, r.Params.RequestID)
		}
		h.send(`{"jsonrpc":"2.0","id":"s1","result":{"action":"accept"}}`)
		if got := h.probe(); len(got) > 0 {
			t.Errorf("after the cancellation came %v", short(got))
		}
	})
}

// With every place taken by calls that ask, the answers still get through.
func TestElicitationWhenFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		addConfirm(m)
		h := serve(t, m, stdio.Options{ToolWorkers: 1, MaxInFlight: 2})
		h.initialize(`{"elicitation":{}}`)
		h.call("1", "confirm")
		h.next()
		h.call("2", "confirm")
		h.call("3", "confirm")
		h.send(`{"jsonrpc":"2.0","id":"s1","result":{"action":"accept"}}`)
		got := h.nextN(3)
		slices.Sort(got[1:]) // the second call may ask as soon as the first has left its place
		h.send(`{"jsonrpc":"2.0","id":"s2","result":{"action":"accept"}}`)
		got = append(got, h.next().String())
		want := []string{"3 error -32000", "1 result", "elicitation/create", "2 result"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
