package tools_test

import (
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// hears gives the directory of a person what has happened since a place in the log, as the
// stream of notifications does.
func (p *person) hears(t *testing.T, since flow.Cursor) {
	t.Helper()
	page, err := flow.EnumerateEvents.Call(t.Context(), p.client, flow.EnumerateEventsInput{After: &since})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range page.Events {
		p.dir.Observe(n)
	}
}

// A person who has another name is found by it and shown by it at once, and by the old
// one not at all: it may be somebody else's by now.
func TestRenamedPeople(t *testing.T) {
	w := newWorld(t)
	every := tools.Options{Toolsets: []string{tools.AllSet}}
	ana, ben, cas := w.joins(t, "ana", every), w.joins(t, "ben", every), w.joins(t, "cas", every)
	ben.does(t, "flow_send_message", `{"channel":"general","text":"hello"}`)
	ana.does(t, "flow_new_direct_conversation", `{"org":"Home","member":"@ben"}`)
	ana.does(t, "flow_send_message", `{"channel":"@ben","text":"to ben"}`)
	cas.does(t, "flow_get_user_profile", `{"account":"@ben"}`)
	page, err := flow.EnumerateEvents.Call(t.Context(), ana.client, flow.EnumerateEventsInput{})
	if err != nil {
		t.Fatal(err)
	}

	ben.does(t, "flow_change_username", `{"username":"Benjamin"}`)
	if said := ben.does(t, "flow_status", `{}`).text; !strings.Contains(said, "You are @Benjamin.") {
		t.Errorf("the renamed person's own server says %q", said)
	}
	cas.does(t, "flow_get_user_profile", `{"account":"@benjamin"}`) // whose server was not told yet
	ana.hears(t, page.Next)
	ana.cannot(t, "flow_send_message", `{"channel":"@ben","text":"lost"}`, `no person`, `"@ben"`, "@Benjamin")
	ana.cannot(t, "flow_get_user_profile", `{"account":"@ben"}`, `no person`, "@Benjamin")
	for _, tool := range []string{"flow_enumerate_messages", "flow_enumerate_channel_members"} {
		if said := ana.does(t, tool, `{"channel":"general"}`).text; !strings.Contains(said, "Benjamin") || strings.Contains(said, "ben") {
			t.Errorf("%s shows %q", tool, said)
		}
	}

	w.joins(t, "ben", every).arrives(t)
	ana.cannot(t, "flow_send_message", `{"channel":"@ben","text":"not to the old ben"}`, "no direct conversation with @ben yet")
}
