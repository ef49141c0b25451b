package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// TestWaitingLosesAndRepeatsNothing reads what another sends by a chain of waits, each on
// a server of its own.
func TestWaitingLosesAndRepeatsNothing(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	cursor := ana.does(t, "flow_wait_for_messages", `{"timeout_seconds":0}`).structured["cursor"]
	var want []string
	for i := range 60 {
		want = append(want, fmt.Sprint("m", i))
	}
	var sent atomic.Bool
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		defer sent.Store(true)
		for _, text := range want {
			ben.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":%q}`, text))
		}
	})
	var got []string
	for len(got) < len(want) {
		over := sent.Load()
		again := w.joins(t, "ana", tools.Options{})
		r := again.does(t, "flow_wait_for_messages", fmt.Sprintf(`{"after":%v,"timeout_seconds":30}`, cursor))
		if r.structured["timed_out"] == true && over {
			t.Fatalf("nothing came after %d messages", len(got))
		}
		got = append(got, texts(r.list("messages"))...)
		cursor = r.structured["cursor"]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-sent +received):\n%s", diff)
	}
}

// TestWaitingForAnAnswer: what was answered between the question and the wait is there.
func TestWaitingForAnAnswer(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	ben.does(t, "flow_send_message", `{"channel":"general","text":"before"}`)
	sent := ana.does(t, "flow_send_message", `{"channel":"general","text":"red?"}`)
	ben.does(t, "flow_send_message", `{"channel":"general","text":"green"}`)
	for _, message := range []string{sent.str("message_id"), sent.str("link"), "flow://channels/general/messages/" + flow.MessageID(sent.str("message_id")).Ref()} {
		r := w.joins(t, "ana", tools.Options{}).does(t, "flow_wait_for_messages", fmt.Sprintf(`{"after_message":%q}`, message))
		if diff := cmp.Diff([]string{"green"}, texts(r.list("messages"))); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", message, diff)
		}
	}
	ana.cannot(t, "flow_wait_for_messages", fmt.Sprintf(`{"after_message":%q,"after":0}`, sent.str("message_id")), "not both")
	ana.cannot(t, "flow_wait_for_messages", `{"after_message":"aaaaaaaa"}`, "after_message", "no message [aaaaaaaa]")
}

func TestWaitingPicksMessages(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	ben.arrives(t)
	start := ana.does(t, "flow_wait_for_messages", `{"timeout_seconds":0}`).structured["cursor"]
	ana.does(t, "flow_new_direct_conversation", `{"org":"Home","member":"@ben"}`)
	ana.does(t, "flow_send_message", `{"channel":"general","text":"own"}`)
	ben.does(t, "flow_send_message", `{"channel":"general","text":"public"}`)
	ben.does(t, "flow_send_message", `{"channel":"@ana","text":"private"}`)
	tests := []struct {
		args string
		want []string
	}{
		{``, []string{"public", "private"}},
		{`,"channel":"@ben"`, []string{"private"}},
		{`,"include_own":true`, []string{"own", "public", "private"}},
	}
	for _, test := range tests {
		r := ana.does(t, "flow_wait_for_messages", fmt.Sprintf(`{"after":%v,"timeout_seconds":0%s}`, start, test.args))
		if diff := cmp.Diff(test.want, texts(r.list("messages"))); diff != "" {
			t.Errorf("with %s (-want +got):\n%s", test.args, diff)
		}
		if r.structured["timed_out"] != false || !strings.Contains(r.text, fmt.Sprintf("after=%v", r.structured["cursor"])) {
			t.Errorf("with %s the result is %v\n%s", test.args, r.structured, r.text)
		}
	}
	r := ana.does(t, "flow_wait_for_messages", `{"timeout_seconds":0,"channel":"general"}`)
	if r.structured["timed_out"] != true || !strings.Contains(r.text, "Nothing new.\nWait on with channel=Home/general after=") {
		t.Errorf("a wait in vain says %q", r.text)
	}
}

// TestWaitingCutsBetweenMessages: what does not fit into one result comes with the next.
func TestWaitingCutsBetweenMessages(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	cursor := ana.does(t, "flow_wait_for_messages", `{"timeout_seconds":0}`).structured["cursor"]
	for i := range 8 {
		ben.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"%d %s"}`, i, strings.Repeat("long ", 1500)))
	}
	var got []string
	waits := 0
	for ; len(got) < 8; waits++ {
		r := ana.does(t, "flow_wait_for_messages", fmt.Sprintf(`{"after":%v,"timeout_seconds":0}`, cursor))
		for _, text := range texts(r.list("messages")) {
			got = append(got, text[:1])
		}
		cursor = r.structured["cursor"]
	}
	if waits < 2 || strings.Join(got, "") != "01234567" {
		t.Errorf("%d waits brought %q", waits, got)
	}
}

// TestWaitingEnds: a wait takes as long as it should, and no longer than its caller
// waits, whether the backend waits with it or not.
func TestWaitingEnds(t *testing.T) {
	for name, patience := range map[string]time.Duration{"patient": 20 * time.Second, "impatient": 0} {
		inBubble(t, name, func(t *testing.T) {
			asked := 0
			p := begin(t, fixed{stub(func(method string, _ json.RawMessage) (json.RawMessage, error) {
				if method == "EnumerateEvents" {
					asked++
					time.Sleep(patience)
					return json.RawMessage(`{"events":[],"next":7,"more":false}`), nil
				}
				return json.RawMessage("null"), nil
			})}, "ana", tools.Options{})
			before := time.Now()
			r := p.does(t, "flow_wait_for_messages", `{"after":3,"timeout_seconds":30}`)
			if took := time.Since(before); took < 30*time.Second || took > 41*time.Second || r.structured["timed_out"] != true {
				t.Errorf("a wait of 30 s took %v: %v", took, r.structured)
			}
			if asked > 200 {
				t.Errorf("the backend was asked %d times", asked)
			}
		})
	}
}

func TestWaitingWithoutAnEventLog(t *testing.T) {
	p := begin(t, fixed{stub(func(method string, _ json.RawMessage) (json.RawMessage, error) {
		if method == "EnumerateEvents" {
			return nil, flow.Errorf(flow.Unsupported, "unknown method EnumerateEvents")
		}
		return json.RawMessage("null"), nil
	})}, "ana", tools.Options{})
	p.cannot(t, "flow_wait_for_messages", `{}`, "keeps no event log", "flow_enumerate_messages")
}

func TestCatchingUp(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	if r := ben.does(t, "flow_catch_up", `{}`); !strings.HasPrefix(r.text, "Nothing is unread. It is 2") {
		t.Errorf("with nothing unread it says %q", r.text)
	}
	read := ana.does(t, "flow_send_message", `{"channel":"general","text":"read"}`)
	ben.does(t, "flow_set_channel_read_hwm", fmt.Sprintf(`{"channel":"general","message":%q}`, read.str("message_id")))
	for i := range 5 {
		ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"m%d"}`, i))
	}
	ana.does(t, "flow_new_direct_conversation", `{"org":"Home","member":"@ben"}`)
	for i := range 4 { // none of them read yet: the newest are worth most
		ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"@ben","text":"m%d"}`, i))
	}
	ana.does(t, "flow_send_message", `{"channel":"@ben","text":"psst"}`)

	for range 2 { // it marks nothing
		r := ben.does(t, "flow_catch_up", `{"org":"Home","limit":3}`)
		got := map[string][]string{}
		for _, channel := range r.list("channels") {
			one := result{structured: channel}
			got[one.str("channel")] = texts(one.list("messages"))
		}
		want := map[string][]string{"Home/general": {"m0", "m1", "m2"}, "Home/@ana": {"m2", "m3", "psst"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("unread (-want +got):\n%s", diff)
		}
		for _, part := range []string{"=== Home/general: 5 unread, 3 shown.", "2 newer ones are not shown: flow_enumerate_messages channel=Home/general, after=", "2 older ones are not shown: flow_enumerate_messages channel=Home/@ana, before="} {
			if !strings.Contains(r.text, part) {
				t.Errorf("the text lacks %q:\n%s", part, r.text)
			}
		}
	}
	last := ben.does(t, "flow_enumerate_messages", `{"channel":"general"}`).list("messages")[5]["id"]
	ben.does(t, "flow_set_channel_read_hwm", fmt.Sprintf(`{"channel":"general","message":%q}`, last))
	if n := len(ben.does(t, "flow_catch_up", `{}`).list("channels")); n != 1 {
		t.Errorf("after one of two channels was read, %d are unread", n)
	}
}

func TestStatus(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{ReadOnly: true, Version: "1.2.3"})
	r := ana.does(t, "flow_status", `{}`)
	for _, want := range []string{"You are @ana.", "Team Home: 1 channel, 1 person.", "works.", "1.2.3", "read-only",
		"accounts 12", "--toolsets default,SET"} {
		if !strings.Contains(r.text, want) {
			t.Errorf("the status lacks %q:\n%s", want, r.text)
		}
	}
}

// nowhere is a backend that cannot be started.
type nowhere struct{}

func (nowhere) Endpoint(context.Context) (flow.Endpoint, error) {
	return flow.Endpoint{}, flow.Errorf(flow.Unavailable, "the backend cannot be started: no such file")
}

// stuck is a backend that never comes up.
type stuck struct{}

func (stuck) Endpoint(ctx context.Context) (flow.Endpoint, error) {
	<-ctx.Done()
	return flow.Endpoint{}, context.Cause(ctx)
}

func TestStatusWithoutABackend(t *testing.T) {
	for name, dialer := range map[string]flow.Dialer{"cannot be started": nowhere{}, "did not answer within 5s": stuck{}} {
		inBubble(t, name, func(t *testing.T) {
			p := begin(t, dialer, "ana", tools.Options{})
			r := p.does(t, "flow_status", `{}`)
			if !strings.Contains(r.text, "The backend does not work") || !strings.Contains(r.text, name) {
				t.Errorf("the status is %q", r.text)
			}
			backend, _ := r.structured["backend"].(map[string]any)
			if backend["works"] != false {
				t.Errorf("the structure says %v", r.structured)
			}
		})
	}
}
