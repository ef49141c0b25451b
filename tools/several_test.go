package tools_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/tools"
)

// Whoever makes a second team of one name learns that the name alone leads nowhere any
// more, and by what the other one is meant.
func TestSecondTeamOfAName(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{Toolsets: []string{tools.AllSet}})
	found := func(name string) (note, link string) {
		r := ana.does(t, "flow_new_org", fmt.Sprintf(`{"name":%q}`, name))
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
	for _, want := range []string{"There is another team of this name", first, "give a link"} {
		if !strings.HasPrefix(first, "flow://orgs/") || !strings.Contains(note, want) || strings.Contains(note, second) {
			t.Errorf("of the second is said %q, want %q in it", note, want)
		}
	}
	note, _ = found("plan")
	for _, want := range []string{"There are 2 other teams of this name", first, second} {
		if !strings.Contains(note, want) {
			t.Errorf("of the third is said %q, want %q in it", note, want)
		}
	}
	if note, _ = found("another"); note != "" {
		t.Errorf("of another is said %q", note)
	}
}

// A model that makes a channel again is told of the one that there is, whose name goes on
// to lead to it. One that insists can have a second.
func TestSecondChannelOfAName(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{Toolsets: []string{tools.AllSet}})
	made := ana.does(t, "flow_new_channel", `{"org":"Home","name":"Plan","idempotency_key":"k"}`)
	ana.cannot(t, "flow_new_channel", `{"org":"Home","name":"plan"}`, made.str("link"), "use that channel, or choose another name")
	ana.does(t, "flow_send_message", `{"channel":"plan","text":"hello"}`)
	if again := ana.does(t, "flow_new_channel", `{"org":"Home","name":"Plan","idempotency_key":"k"}`); again.str("link") != made.str("link") {
		t.Errorf("a repeat made %q, want %q", again.str("link"), made.str("link"))
	}
	if second := ana.does(t, "flow_new_channel", `{"org":"Home","name":"Plan","unique":false}`); second.str("link") == made.str("link") {
		t.Errorf("a second one is the first: %q", second.text)
	}
}
