package tools_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// TestCatchingUpPassesOverOwnMessages: what somebody else wrote is found behind any
// number of one's own messages, whether or not there is a read mark.
func TestCatchingUpPassesOverOwnMessages(t *testing.T) {
	for _, marked := range []bool{true, false} {
		t.Run(fmt.Sprint("marked ", marked), func(t *testing.T) {
			w := newWorld(t)
			ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
			said := ben.does(t, "flow_send_message", `{"channel":"general","text":"first"}`)
			if marked {
				ana.does(t, "flow_set_channel_read_hwm", fmt.Sprintf(`{"channel":"general","message":%q}`, said.str("message_id")))
				ben = w.joins(t, "ben", tools.Options{})
			}
			for range 25 {
				ana.does(t, "flow_send_message", `{"channel":"general","text":"own"}`)
			}
			want := []string{"first"}
			if marked {
				want = []string{"help!"}
				ben.does(t, "flow_send_message", `{"channel":"general","text":"help!"}`)
			}
			r := ana.does(t, "flow_catch_up", `{}`)
			channels := r.list("channels")
			if len(channels) != 1 {
				t.Fatalf("the result is %v", r.structured)
			}
			if diff := cmp.Diff(want, texts(result{structured: channels[0]}.list("messages"))); diff != "" {
				t.Errorf("unread (-want +got):\n%s", diff)
			}
			if strings.Contains(r.text, "not shown") || !strings.Contains(r.text, "1 unread, 1 shown") {
				t.Errorf("the text is %q", r.text)
			}
		})
	}
}

func TestChannelsOfTeamsWithOneName(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", allTools)
	ids := map[string]string{}
	for range 2 {
		made := ana.does(t, "flow_new_org", `{"name":"Twin"}`)
		org := made.str("id")
		if !strings.Contains(made.text, "Twin") || !strings.Contains(made.text, "\nid: "+org) {
			t.Errorf("the new team is announced as %q", made.text)
		}
		ids[org] = ana.does(t, "flow_new_channel", fmt.Sprintf(`{"org":%q,"name":"plans"}`, org)).str("channel_id")
	}
	for org, channel := range ids {
		for _, args := range []string{
			fmt.Sprintf(`{"org":%q,"channel":"plans","text":"x"}`, org),
			fmt.Sprintf(`{"channel":"%s/plans","text":"x"}`, org),
		} {
			if r := ana.does(t, "flow_send_message", args); !strings.Contains(r.str("link"), channel) {
				t.Errorf("%s went to %s, want %s", args, r.str("link"), channel)
			}
		}
	}
	for org, channel := range ids { // candidates that look alike can be told apart
		ana.cannot(t, "flow_send_message", `{"channel":"plan","text":"x"}`, channel)
		ana.cannot(t, "flow_enumerate_channels", `{"org":"Twin"}`, org)
	}
}

func TestTheOnlyTeamIsImplied(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", allTools)
	if r := ana.does(t, "flow_enumerate_channels", `{}`); r.str("org") != "Home" || len(r.list("channels")) != 1 {
		t.Errorf("the channels of the only team are %v", r.structured)
	}
	ana.does(t, "flow_new_channel", `{"name":"plans"}`)
	ana.does(t, "flow_new_org", `{"name":"Lab"}`)
	ana.cannot(t, "flow_enumerate_channels", `{}`, "org: say which team", "Home", "Lab")
	ana.cannot(t, "flow_new_channel", `{"name":"plans"}`, "org: say which team")
	w.joins(t, "ben", allTools).cannot(t, "flow_new_org_join_request", `{}`, "org is missing")
}

func TestWhatIsNotFoundIsBlamedOnAParameter(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", allTools)
	unknown := flow.NewID()
	tests := []struct{ tool, args, says, next string }{
		{"flow_send_message", `{"channel":%q,"text":"x"}`, "channel: no such channel", "flow_enumerate_channels"},
		{"flow_enumerate_messages", `{"channel":%q}`, "channel: no such channel", "flow_enumerate_channels"},
		{"flow_enumerate_channels", `{"org":%q}`, "org: no such team", "flow_status"},
		{"flow_catch_up", `{"org":%q}`, "org: you are not in this team", "flow_status"},
		{"flow_new_direct_conversation", `{"member":%q}`, "member: ", "flow_"},
		{"flow_set_channel_read_hwm", `{"channel":"general","message":%q}`, "message: ", "flow_enumerate_messages"},
	}
	for _, test := range tests {
		ana.cannot(t, test.tool, fmt.Sprintf(test.args, unknown), test.says, test.next)
	}
}

func TestLimitsBeginAtOne(t *testing.T) {
	ana := newWorld(t).joins(t, "ana", allTools)
	for _, limit := range []int{0, -1} {
		args := fmt.Sprintf(`{"channel":"general","limit":%d}`, limit)
		ana.cannot(t, "flow_enumerate_messages", args, fmt.Sprintf("limit must be at least 1, not %d", limit))
		ana.cannot(t, "flow_catch_up", fmt.Sprintf(`{"limit":%d}`, limit), "limit must be at least 1")
	}
}

// TestPanicsAreLoggedWithoutTheirWords: a panic may quote a message.
func TestPanicsAreLoggedWithoutTheirWords(t *testing.T) {
	var log bytes.Buffer
	p := begin(t, fixed{stub(func(string, json.RawMessage) (json.RawMessage, error) { panic("attack at dawn") })}, "ana",
		tools.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	p.use(t, "flow_enumerate_channels", `{}`)
	if text := log.String(); strings.Contains(text, "attack") || !strings.Contains(text, "panic=string") || !strings.Contains(text, "review_test.go") {
		t.Errorf("the log says %s", text)
	}
}

// broken is a backend that is up, but whose store is not usable.
type broken struct{}

func (broken) Call(_ context.Context, method string, _ json.RawMessage) (json.RawMessage, error) {
	if method == "Config" {
		return json.RawMessage(`{"name":"test"}`), nil
	}
	return nil, flow.Errorf(flow.Denied, "the store is of a newer version; update flow-mcp")
}

func TestStatusTellsWhatKeepsTheStoreShut(t *testing.T) {
	r := begin(t, fixed{broken{}}, "ana", tools.Options{}).does(t, "flow_status", `{}`)
	if !strings.Contains(r.text, "The backend does not work: the store is of a newer version; update flow-mcp.") {
		t.Errorf("the status is %q", r.text)
	}
}

func TestStatusIsShort(t *testing.T) {
	r := newWorld(t).joins(t, "ana", tools.Options{}).does(t, "flow_status", `{}`)
	if strings.Contains(r.text, "flow_get_devices") || strings.Count(r.text, "\n") > 8 || strings.Count(r.text, "--toolsets") != 1 ||
		!strings.Contains(r.text, "\nTools that are off: ") || !strings.HasSuffix(r.text, ". On with --toolsets default,SET, when the server is started.") {
		t.Errorf("the status is %q", r.text)
	}
	if off, _ := json.Marshal(r.structured["off"]); !bytes.Contains(off, []byte("flow_get_devices")) {
		t.Errorf("the structure leaves out which tools are off: %s", off)
	}
}

// moved is a backend that can change to another store.
type moved struct {
	caller     flow.Caller
	generation int
}

func (m *moved) Endpoint(context.Context) (flow.Endpoint, error) {
	return flow.Endpoint{Caller: m.caller, Generation: m.generation}, nil
}

// TestStatusKnowsTheStoreOfToday: names of a store that was replaced are not shown, even
// before the notification of the new connection has come.
// A server that only reads says nothing of what would come before a write.
func TestStatusOfAReader(t *testing.T) {
	r := newWorld(t).joins(t, "ana", tools.Options{ReadOnly: true}).does(t, "flow_status", `{}`)
	for _, part := range []string{"Files can be", "Consent"} {
		if strings.Contains(r.text, part) {
			t.Errorf("the status speaks of %q: %q", part, r.text)
		}
	}
	now, err := time.Parse(time.RFC3339, r.str("now"))
	if ago := time.Since(now); err != nil || ago.Abs() > time.Hour || !strings.Contains(r.text, now.Format("It is 2006-01-02 15:04 UTC.")) {
		t.Errorf("now is %v, %v in %q", now, err, r.text)
	}
}

func TestStatusKnowsTheStoreOfToday(t *testing.T) {
	old, next := newWorld(t), newWorld(t)
	backend := &moved{old.caller, 1}
	ana := begin(t, backend, "ana", allTools)
	ana.does(t, "flow_new_org", `{"name":"Yesterday"}`)
	if r := ana.does(t, "flow_status", `{}`); !strings.Contains(r.text, "Yesterday") {
		t.Fatalf("the status is %q", r.text)
	}
	backend.caller, backend.generation = next.caller, 2
	r := ana.does(t, "flow_status", `{}`)
	if strings.Contains(r.text, "Yesterday") || !strings.Contains(r.text, "UTC.\nTeam Home:") {
		t.Errorf("after the store was replaced the status is %q", r.text)
	}
}
