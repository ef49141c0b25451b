package tools_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/tools"
)

// What was so before is not told as if it had been done now.
func TestWhatWasDoneBefore(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{Toolsets: []string{tools.AllSet}}), w.joins(t, "ben", tools.Options{})
	ben.arrives(t)
	first := ana.does(t, "flow_send_message", `{"channel":"general","text":"first"}`).str("message_id")
	second := ana.does(t, "flow_send_message", `{"channel":"general","text":"second"}`).str("message_id")
	read := func(id string) string { return fmt.Sprintf(`{"channel":"general","message":%q}`, id) }
	remove := func(ids ...string) string {
		return fmt.Sprintf(`{"channel":"general","messages":[%s]}`, strings.Join(ids, ","))
	}
	for _, test := range []struct{ tool, args, now, again string }{
		{"flow_new_channel", `{"name":"plans","idempotency_key":"k"}`,
			"Created Home/plans; you are its only member. flow://channels/", "Home/plans is there already. flow://channels/"},
		{"flow_new_direct_conversation", `{"member":"@ben"}`, "Opened Home/@ben. flow://", "Home/@ben is there already. flow://"},
		{"flow_set_channel_read_hwm", read(second), "Done: Mark as read", "Done: Mark as read"},
		{"flow_set_channel_read_hwm", read(first), "Home/general: Nothing was changed: Mark as read", "The mark stays at ["},
		{"flow_mark_messages_deleted", remove(`"` + first + `"`), "Done: Delete messages (1 message).", "Nothing was changed: Delete messages (1 message)."},
		{"flow_mark_messages_deleted", remove(`"`+first+`"`, `"`+second+`"`), "1 of them was deleted before.", "All were deleted before."},
	} {
		for _, want := range []string{test.now, test.again} {
			if r := ana.does(t, test.tool, test.args); !strings.Contains(r.text, want) {
				t.Errorf("%s %s says %q, want %q in it", test.tool, test.args, r.text, want)
			}
		}
	}
	if r := ana.does(t, "flow_new_channel", `{"name":"plans","idempotency_key":"k"}`); r.structured["created"] != false ||
		!strings.Contains(r.text, "It was done by an earlier call with the same idempotency_key.") {
		t.Errorf("a repeat is %v: %q", r.structured, r.text)
	}
}
