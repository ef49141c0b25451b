package tools_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
	"github.com/flow-mcp/flow-mcp/internal/folders"
	"github.com/flow-mcp/flow-mcp/tools"
)

// world is a store on which several people meet.
type world struct{ caller flow.Caller }

func newWorld(t testing.TB) *world {
	t.Helper()
	store, err := sqlite.Open(context.Background(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{store}
}

// fixed is a backend that is always there.
type fixed struct{ flow.Caller }

func (f fixed) Endpoint(context.Context) (flow.Endpoint, error) {
	return flow.Endpoint{Caller: f.Caller, Generation: 1}, nil
}

// person is an account with a server and a client of its own.
type person struct {
	client *flow.Client
	dir    *flow.Directory
	server *server.MCPServer
	host   *client.Client
}

// joins starts an account and a server for it.
func (w *world) joins(t testing.TB, name string, o tools.Options) *person {
	t.Helper()
	return begin(t, fixed{w.caller}, name, o)
}

func begin(t testing.TB, dialer flow.Dialer, name string, o tools.Options) *person {
	t.Helper()
	if o.Folders == nil { // tests work with files of their own
		places := []string{os.TempDir()}
		var err error
		if o.Folders, err = folders.New(folders.Options{Send: places, Save: places}); err != nil {
			t.Fatal(err)
		}
	}
	p := &person{client: flow.NewClient(dialer, flow.Setup{Username: name})}
	p.dir = flow.NewDirectory(p.client)
	srv := server.NewMCPServer("test", "1")
	if err := tools.Register(srv, p.client, p.dir, o); err != nil {
		t.Fatal(err)
	}
	host, err := client.NewInProcessClient(srv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Initialize(t.Context(), mcp.InitializeRequest{}); err != nil {
		t.Fatal(err)
	}
	p.server, p.host = srv, host
	return p
}

// arrives makes the account. The status would do that too, but not however slow a machine is.
func (p *person) arrives(t testing.TB) {
	t.Helper()
	if _, err := p.client.Identity(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// result is what a tool said.
type result struct {
	text       string
	structured map[string]any
	failed     bool
	code       string
}

// use calls a tool, which may fail.
func (p *person) use(t testing.TB, tool, args string) result {
	t.Helper()
	return p.useIn(t.Context(), t, tool, args)
}

// useIn calls a tool in a context of its own.
func (p *person) useIn(ctx context.Context, t testing.TB, tool, args string) result {
	t.Helper()
	var req mcp.CallToolRequest
	req.Params.Name, req.Params.Arguments = tool, json.RawMessage(args)
	res, err := p.host.CallTool(ctx, req)
	if err != nil {
		t.Fatalf("%s %s: %v", tool, args, err)
	}
	r := result{failed: res.IsError}
	for _, c := range res.Content {
		if text, ok := c.(mcp.TextContent); ok {
			r.text += text.Text
		}
	}
	r.structured, _ = res.StructuredContent.(map[string]any)
	if res.Meta != nil {
		r.code, _ = res.Meta.AdditionalFields["flow-mcp.github.io/code"].(string)
	}
	return r
}

// does calls a tool, which must succeed.
func (p *person) does(t testing.TB, tool, args string) result {
	t.Helper()
	r := p.use(t, tool, args)
	if r.failed {
		t.Fatalf("%s %s failed: %s", tool, args, r.text)
	}
	return r
}

// cannot calls a tool, which must fail and say all of want.
func (p *person) cannot(t testing.TB, tool, args string, want ...string) {
	t.Helper()
	r := p.use(t, tool, args)
	if !r.failed {
		t.Errorf("%s %s succeeded: %s", tool, args, r.text)
	}
	for _, part := range want {
		if !strings.Contains(r.text, part) {
			t.Errorf("%s %s says %q, want it to contain %q", tool, args, r.text, part)
		}
	}
}

// str returns a text member of the structured result.
func (r result) str(name string) string {
	text, _ := r.structured[name].(string)
	return text
}

// list returns a list of objects in the structured result.
func (r result) list(name string) []map[string]any {
	var all []map[string]any
	entries, _ := r.structured[name].([]any)
	for _, e := range entries {
		one, _ := e.(map[string]any)
		all = append(all, one)
	}
	return all
}
