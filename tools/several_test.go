package tools_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/tools"
)

// Who makes a second thing of one name learns that the name alone leads nowhere any more,
// and by what the other one is meant.
func TestSecondOfAName(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{Toolsets: []string{tools.AllSet}})
	for tool, things := range map[string]struct{ other, links, args string }{
		"flow_new_channel": {"channel", "flow://channels/", `{"org":"Home","name":%q}`},
		"flow_new_org":     {"team", "flow://orgs/", `{"name":%q}`},
	} {
		t.Run(tool, func(t *testing.T) {
			found := func(name string) (note, link string) {
				r := ana.does(t, tool, fmt.Sprintf(things.args, name))
				if r.str("note") != "" && !strings.Contains(r.text, r.str("note")) {
					t.Errorf("the text does not have the note in it: %q", r.text)
				}
				return r.str("note"), r.str("link")
			}
			note, first := found("Plan")
			if note != "" {
				t.Errorf("of the first is said %q", note)
			}
			note, second := found("PLAN")
			for _, want := range []string{"There is another " + things.other + " of this name", first, "give a link"} {
				if !strings.HasPrefix(first, things.links) || !strings.Contains(note, want) || strings.Contains(note, second) {
					t.Errorf("of the second is said %q, want %q in it", note, want)
				}
			}
			note, _ = found("plan")
			for _, want := range []string{"There are 2 other " + things.other + "s of this name", first, second} {
				if !strings.Contains(note, want) {
					t.Errorf("of the third is said %q, want %q in it", note, want)
				}
			}
			if note, _ = found("another"); note != "" {
				t.Errorf("of another is said %q", note)
			}
		})
	}
	// Channels of one name in several teams are told apart by those.
	ana.does(t, "flow_new_org", `{"name":"Lab"}`)
	if r := ana.does(t, "flow_new_channel", `{"org":"Lab","name":"another"}`); r.str("note") != "" {
		t.Errorf("of a channel in another team is said %q", r.str("note"))
	}
}
