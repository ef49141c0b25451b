package tools_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// The hard limit of a result: 20,000 tokens, at about four bytes each.
const hardLimit = 80_000

var sender = regexp.MustCompile(string(hostileSender))

// endless is a backend that answers everything with more than a model can take in. File
// is what downloads bring, and there are so many teams: one has hundreds of channels, and
// of many each has none.
func endless(t *testing.T, long, file string, teams int) stub {
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
	fetched := flow.DownloadCompleteEvent.Make(8, flow.Transfer{AttachmentID: "FILE", Filename: long[:300], Path: file})
	page, _ := json.Marshal(map[string]any{"events": json.RawMessage(fmt.Appendf(nil, "%s,%s]", strings.TrimSuffix(string(many(event)), "]"), asJSON(t, fetched))), "next": 500, "more": false})
	orgs := []flow.Org{{ID: hostileOrg, Name: "Home", State: flow.Member}}
	for i := len(orgs); i < teams; i++ {
		orgs = append(orgs, flow.Org{ID: flow.OrgID(fmt.Sprintf("%051dQ", i)), Name: fmt.Sprint(i, long[:300]), State: flow.Member})
	}
	return func(method string, _ json.RawMessage) (json.RawMessage, error) {
		op, _ := flow.Lookup(method)
		_, out := op.Types()
		switch {
		case method == "AccountId":
			return json.Marshal(ownAccount)
		case method == "EnumerateChannels" && teams > 1:
			return json.RawMessage("[]"), nil
		case method == "EnumerateOrgs":
			return json.Marshal(orgs)
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

func asJSON(t *testing.T, v any) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestEveryResultIsBounded: no tool fills the context of a model, whatever a backend
// answers, and none is silent about what it leaves out.
func TestEveryResultIsBounded(t *testing.T) {
	long := strings.Repeat(`words and "quotes" `, 20_000)
	file := filepath.Join(t.TempDir(), "long.txt")
	if err := os.WriteFile(file, []byte(strings.Repeat("\x1b\\\"\n", 50_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{"team": string(hostileOrg), "channel": string(hostileChannel), "account": string(hostileSender), "message": "MESSAGE", "other": "FILE"}
	for teams, least := range map[int]int{1: 15, 300: 2} {
		p := begin(t, fixed{endless(t, long, file, teams)}, "ana", allTools)
		cut := 0
		for _, tool := range every(t) {
			if tool.Effect != flow.Reads || teams > 1 && !slices.Contains(mustCut[teams], tool.Name) {
				continue
			}
			args, err := tools.ArgumentsOf(tool, false, ids)
			if err != nil {
				t.Fatal(err)
			}
			if tool.Name == "flow_wait_for_messages" {
				args = json.RawMessage(`{"after":1,"timeout_seconds":0}`)
			}
			r := p.use(t, tool.Name, string(args))
			if r.failed && strings.Contains(r.text, "ask for less") {
				t.Errorf("among %d teams %s fails: %.300s", teams, tool.Name, r.text)
			}
			structured := asJSON(t, r.structured)
			if len(r.text) > hardLimit+1000 || len(structured) > hardLimit*21/20 {
				t.Errorf("among %d teams %s makes %d bytes of text and %d of structure", teams, tool.Name, len(r.text), len(structured))
			}
			if cutIsSaid.MatchString(r.text) {
				cut++
			} else if slices.Contains(mustCut[teams], tool.Name) {
				t.Errorf("among %d teams %s is silent about what it leaves out:\n%.300s", teams, tool.Name, r.text)
			}
		}
		if cut < least {
			t.Errorf("among %d teams only %d results say that they were cut", teams, cut)
		}
	}
}

// cutIsSaid finds how results say that they were cut.
var cutIsSaid = regexp.MustCompile(`Cut: |more: |more are not shown|There are \d* ?more|There may be older|too much for a|more teams`)

// mustCut are tools that leave something out on that backend, by how many teams it has.
var mustCut = map[int][]string{
	1:   {"flow_get_attachment", "flow_enumerate_messages", "flow_search", "flow_enumerate_events", "flow_enumerate_channels"},
	300: {"flow_status", "flow_enumerate_orgs"},
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
