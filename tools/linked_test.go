package tools_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// TestEveryResultLeadsOn: what a result tells of, the next call can name. Both forms of it
// have every identifier that the backend's answer has, or what stands for it; and what
// tells of teams, channels, people, messages or files has a link, or says how links to
// them are made.
func TestEveryResultLeadsOn(t *testing.T) {
	const word = "word"
	p := onHostile(t, word)
	ids := map[string]string{"team": string(hostileOrg), "channel": string(hostileChannel), "account": string(hostileSender), "message": "MESSAGE0", "other": "FILE"}
	looked := 0
	for _, tool := range every(t) {
		args, err := tools.ArgumentsOf(tool, false, ids)
		if err != nil {
			t.Fatal(err)
		}
		if tool.Name == "flow_wait_for_messages" {
			args = json.RawMessage(`{"after":1,"timeout_seconds":0}`)
		}
		r := p.use(t, tool.Name, string(args))
		if r.failed {
			continue
		}
		looked++
		raw, err := json.Marshal(r.structured)
		if err != nil {
			t.Fatal(err)
		}
		structured := string(raw)
		if tool.OpenWorld && !strings.Contains(structured, "flow://") && !slices.Contains(unlinked, tool.Name) {
			t.Errorf("%s has no link: %s", tool.Name, structured)
		}
		for id, shown := range leads(t, tool, word) {
			if !strings.Contains(structured, id) {
				t.Errorf("the structure of %s leaves out %s: %s", tool.Name, id, structured)
			}
			if !slices.ContainsFunc(shown, func(one string) bool { return strings.Contains(r.text, one) }) {
				t.Errorf("the text of %s has none of %q:\n%s", tool.Name, shown, r.text)
			}
		}
	}
	if looked < 80 {
		t.Errorf("only %d tools were looked at", looked)
	}
}

// unlinked are tools whose results tell of nothing that has a link, or in a form that only
// the question knows.
var unlinked = []string{"flow_is_muted_by_preferences", "flow_graphql"}

// leads returns the identifiers in what the backend answers to the operation of a tool,
// and what stands for them in a text. Of the team of a channel nobody has to be told.
func leads(t *testing.T, tool *tools.Tool, word string) map[string][]string {
	t.Helper()
	for _, op := range flow.Catalogue() {
		if tools.NameOf(op) != tool.Name {
			continue
		}
		raw, err := said(word, "")(op.Info().Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string][]string{}
		for id, shown := range map[string][]string{
			string(hostileOrg): {string(hostileOrg), word}, string(hostileChannel): {string(hostileChannel), word + "/" + word},
			string(hostileSender): {string(hostileSender), "@" + word},
			"MESSAGE0":            {"MESSAGE0", flow.MessageID("MESSAGE0").Ref()}, "FILE": {"FILE"},
		} {
			if strings.Contains(string(raw), `"`+id+`"`) && !(id == string(hostileOrg) && strings.Contains(string(raw), string(hostileChannel))) {
				found[id] = shown
			}
		}
		return found
	}
	return nil
}
