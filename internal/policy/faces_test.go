package policy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/policy"
	"github.com/flow-mcp/flow-mcp/internal/prompts"
	"github.com/flow-mcp/flow-mcp/resources"
	"github.com/flow-mcp/flow-mcp/tools"
)

// face is all that a host sees of a server whose policy closes the vault.
type face struct {
	*lab
	srv    *server.MCPServer
	client *flow.Client
	shown  *resources.Resources
}

func newFace(t *testing.T) *face {
	t.Helper()
	f := &face{lab: newLab(t)}
	p := &policy.Policy{Channels: policy.Channels{Read: []policy.Pattern{"Home/open", "Home/general"}}}
	f.client = flow.NewClient(policy.New(p, fixed{f.store}, nil), flow.Setup{Username: "ana"})
	dir := flow.NewDirectory(f.client)
	f.srv = server.NewMCPServer("test", "1")
	if err := tools.Register(f.srv, f.client, dir, tools.Options{Toolsets: []string{tools.AllSet}}); err != nil {
		t.Fatal(err)
	}
	f.shown = resources.Register(f.srv, f.client, dir, resources.Options{})
	prompts.Register(f.srv, dir, false)
	return f
}

// ask sends a request and returns the whole answer as text.
func (f *face) ask(t *testing.T, method, params string) string {
	t.Helper()
	answer := f.srv.HandleMessage(t.Context(), fmt.Appendf(nil, `{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params))
	raw, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// reach makes arguments of a tool that reach for the closed channel, from what its schema
// says of them.
func (f *face) reach(t *testing.T, tool mcp.Tool) string {
	t.Helper()
	raw, err := json.Marshal(tool)
	if err != nil {
		t.Fatal(err)
	}
	var entry struct {
		InputSchema struct {
			Properties map[string]struct {
				Type    string
				Enum    []any
				Minimum int
			}
		}
	}
	if err := json.Unmarshal(raw, &entry); err != nil {
		t.Fatal(err)
	}
	args := map[string]any{}
	for name, p := range entry.InputSchema.Properties {
		var value any = "x"
		switch {
		case strings.Contains(name, "channel"):
			value = f.shut
		case strings.Contains(name, "attachment"):
			value = f.file
		case strings.Contains(name, "message"):
			value = f.said
		case name == "org":
			value = "Home"
		case strings.Contains(name, "member"), strings.Contains(name, "account"), strings.Contains(name, "peer"):
			value = f.benID
		case strings.Contains(name, "search"), name == "query":
			value = "u"
		case name == "before", name == "preview", name == "timeout_seconds", name == "wait_milliseconds":
			continue
		}
		switch {
		case len(p.Enum) > 0:
			value = p.Enum[0]
		case p.Type == "integer":
			value = p.Minimum
		case p.Type == "boolean":
			value = true
		case p.Type == "object":
			value = map[string]any{}
		case p.Type == "array":
			value = []any{value}
		}
		args[name] = value
	}
	if _, waits := args["include_own"]; waits {
		args["timeout_seconds"] = 0
	}
	made, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	return string(made)
}

// No tool shows the closed channel: not when it is asked for it, nor when it is asked for
// everything.
func TestNoToolShowsAClosedChannel(t *testing.T) {
	f := newFace(t)
	var list struct{ Result mcp.ListToolsResult }
	if err := json.Unmarshal([]byte(f.ask(t, "tools/list", "{}")), &list); err != nil || len(list.Result.Tools) < 60 {
		t.Fatalf("%d tools: %v", len(list.Result.Tools), err)
	}
	for _, tool := range list.Result.Tools {
		for _, args := range []string{f.reach(t, tool), "{}", `{"channel":"vaul"}`, `{"channel":"open"}`} {
			if strings.Contains(tool.Name, "_wait_") && !strings.Contains(args, "timeout") {
				continue // it would wait
			}
			said := f.ask(t, "tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool.Name, args))
			if leak := f.leaks(said, []byte(args)...); leak != "" {
				t.Errorf("%s %s tells %q: %s", tool.Name, args, leak, said)
			}
		}
	}
	if got := do(t, f.ana, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: f.shut}); len(got) != 1 {
		t.Errorf("the closed channel holds %v", got)
	}
}

func TestNoResourceShowsAClosedChannel(t *testing.T) {
	f := newFace(t)
	vault := "flow://channels/" + string(f.shut)
	for _, uri := range []string{
		"flow://me", "flow://inbox", "flow://events?after=0", "flow://orgs/Home", "flow://accounts/@ben", "flow://channels/open",
		vault, vault + "/messages", vault + "/messages/" + string(f.said), "flow://channels/vaul", "flow://attachments/" + string(f.file),
		"flow://channels/open/messages/" + string(f.said),
	} {
		said := f.ask(t, "resources/read", fmt.Sprintf(`{"uri":%q}`, uri))
		if leak := f.leaks(said, []byte(uri)...); leak != "" {
			t.Errorf("%s tells %q: %s", uri, leak, said)
		}
	}
	if said := f.ask(t, "resources/list", "{}"); f.leaks(said) != "" || !strings.Contains(said, string(f.open)) {
		t.Errorf("the list is %s", said)
	}
	if err := f.shown.Subscribe(t.Context(), vault); err == nil {
		t.Error("the closed channel can be subscribed to")
	}
}

func TestNothingCompletesToAClosedChannel(t *testing.T) {
	f := newFace(t)
	for _, ref := range []string{
		`{"type":"ref/resource","uri":"flow://channels/{channelId}"},"argument":{"name":"channelId","value":""}`,
		`{"type":"ref/prompt","name":"summarize_channel"},"argument":{"name":"channel","value":""}`,
	} {
		if said := f.ask(t, "completion/complete", `{"ref":`+ref+`}`); f.leaks(said) != "" || !strings.Contains(said, "open") {
			t.Errorf("%s is completed by %s", ref, said)
		}
	}
}
