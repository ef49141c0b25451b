package tools_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/tools"
)

// Tools that add members are not asked about, so they take nothing away.
func TestAddingTakesNothingAway(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", asking), w.joins(t, "ben", tools.Options{})
	k := &keyboard{answer: says("decline", "null")}
	ana.sits(t, k)
	ben.arrives(t)
	ana.does(t, "flow_new_channel", `{"name":"plans"}`)
	ana.does(t, "flow_new_org", `{"name":"Lab"}`)
	for _, where := range []struct{ tool, at, lowering string }{
		{"flow_channel_add_member", `"channel":"plans"`, "flow_new_channel_member_state"},
		{"flow_org_add_member", `"org":"Lab"`, "flow_set_org_member_state"},
	} {
		add := func(state string) string {
			return fmt.Sprintf(`{%s,"member":"@ben","member_state":%q}`, where.at, state)
		}
		ana.cannot(t, where.tool, add("b"), `member_state must be one of "o", "a", "m", not "b"`, where.lowering)
		for _, state := range []string{"m", "a"} {
			if r := ana.does(t, where.tool, add(state)); r.str("member") != "@ben" || r.str("member_state") != state {
				t.Errorf("%s names neither whom nor the state: %v", where.tool, r.structured)
			}
		}
		ana.does(t, where.tool, add("a"))
		ana.cannot(t, where.tool, add("m"), "@ben is in state a and would be lowered to m", where.lowering)
		ana.cannot(t, where.lowering, add("b"), "the person declined")
	}
	if len(k.asked) != 2 {
		t.Errorf("the person was asked %d times, want 2: %q", len(k.asked), k.asked)
	}
	if r := ben.does(t, "flow_enumerate_channels", `{"org":"Home"}`); !strings.Contains(r.text, "plans") {
		t.Errorf("ben sees %s", r.text)
	}
}

// A name with an @ leads to people alone, and before a first word it says how to begin.
func TestNamesOfPeople(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", allTools), w.joins(t, "ben", tools.Options{})
	ben.arrives(t)
	for _, name := range []string{"@ben", "\uff20ben", "\u200b@ben"} {
		ana.cannot(t, "flow_new_channel", `{"org":"Home","name":"`+name+`"}`, "begins with @")
		ana.cannot(t, "flow_new_org", `{"name":"`+name+`"}`, "begins with @")
		ana.cannot(t, "flow_change_username", `{"username":"`+name+`"}`, "begins with @")
	}
	for _, to := range []string{"@ben", "Home/@Ben"} {
		ana.cannot(t, "flow_send_message", fmt.Sprintf(`{"channel":%q,"text":"hi"}`, to),
			"there is no direct conversation with @ben yet", "flow_new_direct_conversation, member=@ben")
	}
	ana.cannot(t, "flow_send_message", `{"channel":"@zoe","text":"hi"}`, `no person is called "@zoe"`, `"@ben"`)
	ana.does(t, "flow_new_direct_conversation", `{"org":"Home","member":"@ben"}`)
	ana.does(t, "flow_send_message", `{"channel":"@ben","text":"hi"}`)
	ana.does(t, "flow_new_org", `{"name":"Lab"}`)
	ana.does(t, "flow_org_add_member", `{"org":"Lab","member":"@ben","member_state":"m"}`)
	ana.does(t, "flow_new_direct_conversation", `{"org":"Lab","member":"@ben"}`)
	ana.cannot(t, "flow_send_message", `{"channel":"@ben","text":"hi"}`, `"@ben" fits 2 channels`, "Home/@ben", "Lab/@ben", "the direct conversation")
}
