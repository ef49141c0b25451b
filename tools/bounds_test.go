package tools_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// The hard limit of a result: 20,000 tokens, at about four bytes each.
const hardLimit = 80_000

var sender = regexp.MustCompile(string(hostileSender))

// endless is a backend that answers everything with more than a model can take in.
func endless(t *testing.T, long string) stub {
	t.Helper()
	many := func(one any) json.RawMessage {
		list := make([]any, 500)
		for i := range list {
			list[i] = one
		}
		raw, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		return sender.ReplaceAllFunc(raw, func([]byte) []byte { i++; return fmt.Appendf(nil, "%051dQ", i) }) // everybody is somebody else
	}
	text, _ := json.Marshal(long)
	message := flow.Message{ID: "MESSAGE", ChannelID: hostileChannel, OrgID: hostileOrg, SenderAccountID: hostileSender, Text: long[:3000], Attachments: []flow.Attachment{}}
	event := flow.MessageEvent.Make(7, flow.MessageChange{RegularMessages: []flow.Message{message}, ChannelMessages: []flow.Channel{}})
	page, _ := json.Marshal(map[string]any{"events": many(event), "next": 500, "more": false})
	return func(method string, _ json.RawMessage) (json.RawMessage, error) {
		op, _ := flow.Lookup(method)
		_, out := op.Types()
		switch {
		case method == "EnumerateOrgs": // of each team there are a thousand channels
			return json.Marshal([]flow.Org{{ID: hostileOrg, Name: "Home", State: flow.Member}})
		case method == "AccountId":
			return json.Marshal(ownAccount)
		case method == "EnumerateEvents":
			return page, nil
		case method == "EnumerateMessages":
			return many(message), nil
		case method == "Search":
			return many(flow.SearchHit{Data: message}), nil
		case out.Kind().String() == "slice":
			return many(map[string]any{"id": hostileChannel, "orgId": hostileOrg, "name": long[:300], "username": long[:300], "accountId": hostileSender}), nil
		case out.Kind().String() == "string":
			return text, nil
		case out.Kind().String() == "struct":
			return json.RawMessage(fmt.Sprintf(`{"name":%s,"id":%s,"username":%s,"text":%s,"data":%s}`, text, text, text, text, text)), nil
		}
		return json.RawMessage("null"), nil
	}
}

// TestEveryResultIsBounded: no tool fills the context of a model, whatever a backend
// answers, and none is silent about what it leaves out.
func TestEveryResultIsBounded(t *testing.T) {
	long := strings.Repeat(`words and "quotes" `, 20_000)
	p := begin(t, fixed{endless(t, long)}, "ana", allTools)
	values := map[string]string{"org": string(hostileOrg), "channel": string(hostileChannel), "peer": string(hostileSender),
		"message": "MESSAGE", "search": "words"}
	cut := 0
	for _, tool := range every(t) {
		var schema struct {
			Properties map[string]struct{ Type string }
			Required   []string
		}
		if err := json.Unmarshal(entry(t, tool).RawInputSchema, &schema); err != nil {
			t.Fatal(err)
		}
		if tool.Effect != flow.Reads || tool.Name == "flow_get_attachment" { // this backend never ends a transfer
			continue
		}
		args := map[string]any{}
		for _, name := range schema.Required {
			switch value, known := values[name]; {
			case known:
				args[name] = value
			case schema.Properties[name].Type == "array":
				args[name] = []string{string(hostileChannel)}
			case schema.Properties[name].Type == "integer":
				args[name] = 1
			default:
				args[name] = "x"
			}
		}
		raw, _ := json.Marshal(args)
		var req mcp.CallToolRequest
		req.Params.Name, req.Params.Arguments = tool.Name, json.RawMessage(raw)
		if tool.Name == "flow_wait_for_messages" {
			req.Params.Arguments = json.RawMessage(`{"after":1,"timeout_seconds":0}`)
		}
		res, err := p.host.CallTool(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if said := res.Content[0].(mcp.TextContent).Text; res.IsError && strings.Contains(said, "ask for less") {
			t.Errorf("%s fails: %.300s", tool.Name, said)
		}
		structured, _ := json.Marshal(res.StructuredContent)
		text := res.Content[0].(mcp.TextContent).Text
		if len(text) > hardLimit+1000 || len(structured) > hardLimit*21/20 {
			t.Errorf("%s makes %d bytes of text and %d of structure", tool.Name, len(text), len(structured))
		}
		for _, said := range []string{"Cut: ", "more: ", "more are not shown", "There are more", "There may be older", "too much for a"} {
			if strings.Contains(text, said) {
				cut++
				break
			}
		}
	}
	if cut < 15 {
		t.Errorf("only %d results say that they were cut", cut)
	}
}

// TestEventsAreCutBetweenEvents: what does not fit into one page of the event log comes
// with the next.
func TestEventsAreCutBetweenEvents(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", allTools)
	start := ana.does(t, "flow_enumerate_events", `{}`).structured["next"]
	var want, got []string
	for i := range 12 {
		ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"%d %s"}`, i, strings.Repeat("long ", 1500)))
		want = append(want, fmt.Sprint(i))
	}
	pages := 0
	for more := true; more; pages++ {
		r := ana.does(t, "flow_enumerate_events", fmt.Sprintf(`{"after":%v}`, start))
		for _, e := range r.list("events") {
			raw, _ := json.Marshal(e)
			for i := range 12 {
				if strings.Contains(string(raw), fmt.Sprintf(`"text":"%d long`, i)) {
					got = append(got, fmt.Sprint(i))
				}
			}
		}
		start = r.structured["next"]
		if more, _ = r.structured["more"].(bool); more && !strings.Contains(r.text, fmt.Sprintf("There are more: after=%v.", start)) {
			t.Errorf("the text does not say how to go on")
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") || pages < 3 {
		t.Errorf("%d pages hold %v", pages, got)
	}
}
