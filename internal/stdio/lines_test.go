package stdio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

func TestLines(t *testing.T) {
	tests := map[string]struct {
		line string
		want []string // replies, besides that of the probe after it
	}{
		"number id":            {`{"jsonrpc":"2.0","id":7,"method":"ping"}`, []string{`7 result`}},
		"string id":            {`{"jsonrpc":"2.0","id":"7","method":"ping"}`, []string{`"7" result`}},
		"large id":             {`{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}`, []string{`9007199254740993 result`}},
		"larger id":            {`{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"no/such"}`, []string{`123456789012345678901234567890 error -32601`}},
		"id with markup":       {`{"jsonrpc":"2.0","id":"<&>","method":"ping"}`, []string{`"<&>" result`}},
		"blank lines":          {"\n  \r\n\t", []string{}},
		"white space":          {" {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"} \r", []string{`7 result`}},
		"no JSON":              {`hello`, []string{`null error -32700`}},
		"half a message":       {`{"jsonrpc":"2.0","id":7,"method":"pi`, []string{`null error -32700`}},
		"two on one line":      {`{"jsonrpc":"2.0","id":7,"method":"ping"} {}`, []string{`null error -32700`}},
		"too deep":             {strings.Repeat(`[`, 20000), []string{`null error -32700`}},
		"no UTF-8":             {"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\",\"params\":{\"a\":\"\xff\"}}", []string{`null error -32700`}},
		"batch":                {`[{"jsonrpc":"2.0","id":7,"method":"ping"}]`, []string{`null error -32600`}},
		"empty batch":          {`[]`, []string{`null error -32600`}},
		"no object":            {`42`, []string{`null error -32600`}},
		"null":                 {`null`, []string{`null error -32600`}},
		"null id":              {`{"jsonrpc":"2.0","id":null,"method":"ping"}`, []string{`null error -32600`}},
		"object id":            {`{"jsonrpc":"2.0","id":{},"method":"ping"}`, []string{`null error -32600`}},
		"no version":           {`{"id":7,"method":"ping"}`, []string{`7 error -32600`}},
		"other version":        {`{"jsonrpc":"1.0","id":7,"method":"ping"}`, []string{`7 error -32600`}},
		"no method":            {`{"jsonrpc":"2.0","id":7}`, []string{`7 error -32600`}},
		"number as method":     {`{"jsonrpc":"2.0","id":7,"method":1}`, []string{`7 error -32600`}},
		"method and result":    {`{"jsonrpc":"2.0","id":7,"method":"ping","result":{}}`, []string{`7 error -32600`}},
		"unknown method":       {`{"jsonrpc":"2.0","id":7,"method":"no/such"}`, []string{`7 error -32601`}},
		"positional params":    {`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":[1]}`, []string{`7 error -32602`}},
		"unasked reply":        {`{"jsonrpc":"2.0","id":"s1","result":{}}`, []string{}},
		"unasked error":        {`{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"no"}}`, []string{}},
		"cancel of nothing":    {`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`, []string{}},
		"cancel without id":    {`{"jsonrpc":"2.0","method":"notifications/cancelled"}`, []string{}},
		"strange meta":         {`{"jsonrpc":"2.0","id":7,"method":"ping","params":{"_meta":3}}`, []string{`7 error -32602`}},
		"longest line":         {pad(`{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"`, 100<<10, `"}}`), []string{`7 result`}},
		"line too long":        {pad(`{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":"`, 100<<10+1, `"}}`), []string{`7 error -32600`}},
		"too long, odd order":  {pad(`{"method":"ping","params":{"a":["]}"]},"id":"x","jsonrpc":"2.0","b":"`, 200<<10, `"}`), []string{`"x" error -32600`}},
		"too long, id last":    {pad(`{"method":"ping","params":{"id":9,"a":"`, 200<<10, `"},"id":7}`), []string{`null error -32600`}},
		"too long, odd id":     {pad(`{"id":{"id":7},"method":"ping","a":"`, 200<<10, `"}`), []string{`null error -32600`}},
		"much too long":        {strings.Repeat("x", 3<<20), []string{`null error -32600`}},
		"modern, unknown":      {`{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}`, []string{`7 error -32022`}},
		"modern, no ability":   {`{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`, []string{`7 error -32602`}},
		"modern initialize":    {`{"jsonrpc":"2.0","id":7,"method":"initialize","params":{` + modern + `}}`, []string{`7 error -32601`}},
		"discover, no version": {`{"jsonrpc":"2.0","id":7,"method":"server/discover","params":{}}`, []string{`7 error -32602`}},
		"discover, early":      {`{"jsonrpc":"2.0","id":7,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}}}`, []string{`7 error -32601`}},
		"listen of handshake":  {`{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true}}}`, []string{`7 error -32601`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, newMCP(), stdio.Options{MaxLine: 100 << 10})
				h.send("%s", test.line)
				if diff := cmp.Diff(test.want, short(h.probe())); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// pad fills up the middle so that the whole has n bytes.
func pad(head string, n int, tail string) string {
	return head + strings.Repeat("a", n-len(head)-len(tail)) + tail
}

func TestLastLineWithoutNewline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{})
		if _, err := h.stdin.Write([]byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)); err != nil {
			t.Fatal(err)
		}
		h.stdin.Close()
		if diff := cmp.Diff([]string{"1 result"}, short(h.rest())); diff != "" {
			t.Error(diff)
		}
		if err := <-h.ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

func TestRunTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{})
		h.probe()
		if err := h.server.Run(t.Context(), strings.NewReader(""), h.stdin); err == nil {
			t.Error("the second Run returned nil")
		}
	})
}

// notFound is an error as a room that may not import stdio makes it.
type notFound struct{}

func (notFound) Error() string { return "no such channel" }
func (notFound) RPCCode(modern bool) int {
	if modern {
		return mcp.INVALID_PARAMS
	}
	return mcp.RESOURCE_NOT_FOUND
}

// noModel is an error that says more than a code.
type noModel struct{ notFound }

func (noModel) RPCData() any { return map[string]string{"needs": "sampling"} }

func TestErrorData(t *testing.T) {
	tests := map[string]struct {
		method, params string
		want           any
	}{
		"no such URI":   {"resources/read", `"uri":"flow://nothing"`, map[string]any{"uri": "flow://nothing"}},
		"failed read":   {"resources/read", `"uri":"flow://channels/7"`, map[string]any{"uri": "flow://channels/7"}},
		"chosen":        {"prompts/get", `"name":"data"`, map[string]any{"needs": "sampling"}},
		"nothing there": {"prompts/get", `"name":"code"`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMCP()
				m.AddResourceTemplate(mcp.NewResourceTemplate("flow://channels/{id}", "channel"), func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
					return nil, notFound{}
				})
				for name, err := range map[string]error{"data": noModel{}, "code": notFound{}} {
					m.AddPrompt(mcp.NewPrompt(name), func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
						return nil, fmt.Errorf("get: %w", err)
					})
				}
				h := serve(t, m, stdio.Options{})
				h.send(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s,%s}}`, test.method, test.params, modern)
				r := h.next()
				if r.Error == nil {
					t.Fatalf("answered with %s, want an error", r)
				}
				if diff := cmp.Diff(test.want, r.Error.Data); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestErrorCodes(t *testing.T) {
	tests := map[string]struct {
		method, params string
		old, new       int
	}{
		"chosen":          {"resources/read", `"uri":"flow://channels/7"`, -32002, -32602},
		"not chosen":      {"resources/read", `"uri":"flow://orgs/7"`, -32603, -32603},
		"no such URI":     {"resources/read", `"uri":"flow://nothing"`, -32002, -32602},
		"prompt":          {"prompts/get", `"name":"p"`, -32002, -32602},
		"panic":           {"tools/call", `"name":"panics"`, -32603, -32603},
		"result not JSON": {"tools/call", `"name":"unwritable"`, -32603, -32603},
	}
	m := newMCP()
	m.AddResourceTemplate(mcp.NewResourceTemplate("flow://channels/{id}", "channel"), func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		return nil, errors.Join(errors.New("read channel 7"), notFound{})
	})
	m.AddResourceTemplate(mcp.NewResourceTemplate("flow://orgs/{id}", "org"), func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		return nil, errors.New("disk full")
	})
	m.AddPrompt(mcp.NewPrompt("p"), func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return nil, notFound{}
	})
	addTool(m, "panics", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) { panic("secret") })
	addTool(m, "unwritable", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{StructuredContent: math.NaN()}, nil
	})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, m, stdio.Options{})
				h.initialize(`{}`)
				h.send(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s}}`, test.method, test.params)
				old := h.next()
				h.send(`{"jsonrpc":"2.0","id":2,"method":%q,"params":{%s,%s}}`, test.method, test.params, modern)
				now := h.next()
				if old.Error == nil || now.Error == nil {
					t.Fatalf("answered with %s and %s, want errors", old, now)
				}
				if diff := cmp.Diff([]int{test.old, test.new}, []int{old.Error.Code, now.Error.Code}); diff != "" {
					t.Error(diff)
				}
				if strings.Contains(old.Error.Message, "secret") {
					t.Errorf("the client was told %q", old.Error.Message)
				}
			})
		})
	}
}

// FuzzLine sends arbitrary bytes. Whatever they are, what the server writes is
// lines of JSON-RPC, and the request after them is answered.
func FuzzLine(f *testing.F) {
	for _, line := range []string{
		"", "\n", "[]", "{}", "null", `{"jsonrpc":"2.0","id":1,"method":"ping"}`,
		`{"jsonrpc":"2.0","id":1.5e3,"method":"tools/list"}`,
		`{"jsonrpc":"2.0","id":"\u0000","method":"resources/subscribe","params":{"uri":"a:b"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a:b"]},` + modern + `}}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`,
		`{"jsonrpc":"2.0","id":"s1","error":null,"result":null}`,
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`,
		"{\"jsonrpc\":\"2.0\"}\n{\"id\":1,\"id\":{}}\r\n\xff",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) { sendLine(t, data) })
	})
}

func sendLine(t *testing.T, data []byte) {
	var out strings.Builder
	in := string(data) + "\n" + `{"jsonrpc":"2.0","id":"the last","method":"ping"}`
	if err := stdio.New(newMCP(), stdio.Options{MaxLine: 4096}).Run(t.Context(), strings.NewReader(in), &out); err != nil {
		t.Fatalf("Run: %v", err)
	}
	answered := false
	for line := range strings.Lines(out.String()) {
		var r struct {
			JSONRPC string           `json:"jsonrpc"`
			ID      *json.RawMessage `json:"id"`
			Method  string           `json:"method"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.JSONRPC != "2.0" {
			t.Fatalf("wrote %q: %v", line, err)
		}
		answered = answered || r.ID != nil && string(*r.ID) == `"the last"`
	}
	if !answered && !strings.Contains(in[:len(data)], "the last") {
		t.Errorf("the request after the line was not answered; wrote %q", out.String())
	}
}
