package stdio_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

// TestMistakesGetSentences: what is wrong with a message is said in the words of MCP.
func TestMistakesGetSentences(t *testing.T) {
	tests := []struct{ method, params, want string }{
		{"tools/call", `{"name":7}`, "params.name must be a string, and not a number."},
		{"tools/call", `[]`, "params must be an object, and not a list."},
		{"tools/call", `{"name":"x","_meta":7}`, "params._meta must be an object, and not a number."},
		{"tools/call", `{"name":"fly"}`, `There is no tool "fly". Ask flow_status.`},
		{"tools/call", `{}`, `There is no tool "". Ask flow_status.`},
		{"tools/list", `{"cursor":true}`, "params.cursor must be a string, and not true or false."},
		{"resources/read", `{"uri":{}}`, "params.uri must be a string, and not an object."},
		{"resources/subscribe", `{"uri":[]}`, "params.uri must be a string, and not a list."},
		{"prompts/get", `{"name":"x","arguments":"y"}`, "params.arguments must be an object, and not a string."},
		{"prompts/get", `{"name":"x"}`, `There is no prompt "x"; prompts/list names those there are.`},
	}
	h := serve(t, newMCP(), stdio.Options{NoTool: func(string) string { return "Ask flow_status." }})
	h.initialize(`{}`)
	for _, test := range tests {
		h.send(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, test.method, test.params)
		r := h.next()
		if r.Error == nil || r.Error.Code != mcp.INVALID_PARAMS || r.Error.Message != test.want {
			t.Errorf("%s %s is answered with %+v, want %q", test.method, test.params, r.Error, test.want)
		}
	}
	h.send(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"http://x"}}`)
	const want = `There is no resource "http://x"; resources/list and resources/templates/list tell which there are.`
	if r := h.next(); r.Error == nil || r.Error.Code != mcp.RESOURCE_NOT_FOUND || r.Error.Message != want {
		t.Errorf("an address of nothing is answered with %+v, want %q", r.Error, want)
	}
}

// TestNobodyReadsReplies: while the host does not read, no more tools run than there is
// room for their replies.
func TestNobodyReadsReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int32
		m := newMCP()
		addTool(m, "long", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			ran.Add(1)
			return done(strings.Repeat("x", 4096))
		})
		h := serve(t, m, stdio.Options{ToolWorkers: 4})
		h.initialize(`{}`)
		for i := range 1000 {
			h.call(fmt.Sprint(i), "long")
		}
		synctest.Wait()
		if n := ran.Load(); n > 300 {
			t.Errorf("%d of 1000 tools ran", n)
		}
		for range 1000 {
			if r := h.next(); r.Error != nil {
				t.Fatalf("a call was answered with %s", r)
			}
		}
	})
}
