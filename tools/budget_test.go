package tools_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// instead answers one method of a backend with something else.
type instead struct {
	flow.Caller
	method string
	answer func(said json.RawMessage) any
	alone  bool // the backend itself is not asked
}

func (b instead) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if method == b.method && b.alone {
		return json.Marshal(b.answer(nil))
	}
	raw, err := b.Caller.Call(ctx, method, params)
	if err != nil || method != b.method {
		return raw, err
	}
	return json.Marshal(b.answer(raw))
}

// people returns a caller whose team has so many people beside the first.
func people(caller flow.Caller, n int) flow.Caller {
	return instead{caller, "EnumeratePeerAccounts", func(raw json.RawMessage) any {
		var all []flow.Peer
		_ = json.Unmarshal(raw, &all) // the store's answer
		for i := range n {
			one := all[0]
			one.AccountID = flow.AccountID(flow.EncodeID(fmt.Appendf(nil, "%032d", i)))
			one.Username = fmt.Sprintf("person%04d", i)
			all = append(all, one)
		}
		return all
	}, false}
}

// size returns how long a result is in both of its forms.
func (r result) size(t *testing.T) (text, structured int) {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false) // as it goes over the wire
	if err := e.Encode(r.structured); err != nil {
		t.Fatal(err)
	}
	return len(r.text), out.Len() - 1
}

// TestOnlyWhatIsShownCosts: what a list leaves out adds no identifiers, and a long one is
// read to its end.
func TestOnlyWhatIsShownCosts(t *testing.T) {
	p := begin(t, fixed{people(newWorld(t).caller, 2500)}, "ana", allTools)
	r := p.does(t, "flow_enumerate_peer_accounts", `{"query":"person0007"}`)
	if ids, _ := r.structured["ids"].(map[string]any); len(ids) != 1 || len(r.list("peers")) != 1 {
		t.Errorf("one person of many is %v", r.structured)
	}
	seen, pages := map[any]bool{}, 0
	for left := true; left; pages++ {
		r := p.does(t, "flow_enumerate_peer_accounts", fmt.Sprintf(`{"offset":%d}`, len(seen)))
		for _, one := range r.list("peers") {
			seen[one["account"]] = true
		}
		if text, structured := r.size(t); text > softLimit*11/10 || structured > hardLimit {
			t.Errorf("page %d has %d bytes of text and %d of structure", pages, text, structured)
		}
		_, left = r.structured["not_shown"]
		if left && !strings.Contains(r.text, fmt.Sprintf("offset=%d", len(seen))) {
			t.Fatalf("page %d does not say how to go on: %s", pages, r.text[len(r.text)-100:])
		}
	}
	if len(seen) != 2501 || pages < 3 {
		t.Errorf("%d pages show %d of 2,501 people", pages, len(seen))
	}
}

// TestCatchUpNamesFewOfMany channels that it does not show, whatever they are called.
func TestCatchUpNamesFewOfMany(t *testing.T) {
	backend := crowded(1700)
	long := strings.Repeat("é", 150)
	p := begin(t, fixed{stub(func(method string, params json.RawMessage) (json.RawMessage, error) {
		if method == "EnumerateMessages" {
			return json.Marshal([]flow.Message{{ID: "M", OrgID: hostileOrg, SenderAccountID: hostileSender, Text: strings.Repeat(`"`, 1000)}})
		}
		raw, err := backend(method, params)
		return bytes.ReplaceAll(raw, []byte(`"channel `), []byte(`"`+long)), err
	})}, "ana", tools.Options{})
	for _, args := range []string{`{}`, `{"limit":1}`} {
		r := p.does(t, "flow_catch_up", args)
		if text, structured := r.size(t); text > softLimit*2 || structured > softLimit*2 {
			t.Errorf("%s makes %d bytes of text and %d of structure", args, text, structured)
		}
		named, _ := r.structured["not_shown"].([]any)
		if beyond, _ := r.structured["not_named"].(float64); len(named) == 0 || len(r.list("channels"))+len(named)+int(beyond) != 1700 {
			t.Errorf("%s shows %d channels, names %d and counts %v", args, len(r.list("channels")), len(named), beyond)
		}
		if ids, _ := r.structured["ids"].(map[string]any); len(ids) > len(r.list("channels"))+1 {
			t.Errorf("%s has the identifiers of %d names", args, len(ids))
		}
	}
}

// events returns the backend of a world whose account has an event log with these.
func (w *world) events(all ...flow.Notification) flow.Caller {
	return instead{w.caller, "EnumerateEvents", func(json.RawMessage) any {
		return flow.EventPage{Events: all, Next: all[len(all)-1].Seq}
	}, true}
}

// TestLongMessagesPassThroughAWait: what a message carries beside its text is cut too, and
// the cursor always leads on.
func TestLongMessagesPassThroughAWait(t *testing.T) {
	name := strings.Repeat(`"`, 240)
	var files []flow.Attachment
	for i := range 300 {
		files = append(files, flow.Attachment{ID: flow.AttachmentID(fmt.Sprintf("F%051d", i)), Filename: name, Size: 1})
	}
	for what, m := range map[string]flow.Message{
		"files": {Attachments: files},
		"data":  {OtherData: strings.Repeat(`{"`, 100_000)},
		"text":  {Text: strings.Repeat(`\`, 100_000)},
	} {
		m.ID, m.OrgID, m.ChannelID, m.SenderAccountID = "M1", hostileOrg, hostileChannel, hostileSender
		next := m
		next.ID = "M2"
		w := newWorld(t)
		p := begin(t, fixed{w.events(
			flow.MessageEvent.Make(7, flow.MessageChange{RegularMessages: []flow.Message{m}}),
			flow.MessageEvent.Make(8, flow.MessageChange{RegularMessages: []flow.Message{next}}),
		)}, "ana", allTools)
		for tool, key := range map[string]string{"flow_wait_for_messages": "messages", "flow_enumerate_events": "events"} {
			r := p.does(t, tool, `{"after":6}`)
			if text, structured := r.size(t); text > hardLimit || structured > hardLimit {
				t.Errorf("%s: %s makes %d bytes of text and %d of structure", what, tool, text, structured)
			}
			if len(r.list(key)) != 1 || !strings.Contains(r.text, "after=7") {
				t.Errorf("%s: %s shows %d of two and ends with %q", what, tool, len(r.list(key)), r.text[len(r.text)-200:])
			}
		}
	}
}

// TestAnEventWithTooManyMessages says how many it does not show.
func TestAnEventWithTooManyMessages(t *testing.T) {
	many := make([]flow.Message, 1000)
	for i := range many {
		many[i] = flow.Message{ID: flow.MessageID(fmt.Sprintf("M%051d", i)), OrgID: hostileOrg, ChannelID: hostileChannel, SenderAccountID: hostileSender, Text: "x"}
	}
	p := begin(t, fixed{newWorld(t).events(flow.MessageEvent.Make(7, flow.MessageChange{RegularMessages: many}))}, "ana", allTools)
	r := p.does(t, "flow_wait_for_messages", `{"after":6}`)
	left, _ := r.structured["not_shown"].(float64)
	if shown := len(r.list("messages")); shown < 100 || shown+int(left) != 1000 || !strings.Contains(r.text, fmt.Sprintf("%v more came with the last one", left)) {
		t.Errorf("%d messages are shown and %v are not", shown, left)
	}
	r = p.does(t, "flow_enumerate_events", `{"after":6}`)
	if _, structured := r.size(t); structured > hardLimit || !strings.Contains(r.text, "Cut: ") {
		t.Errorf("such an event takes %d bytes and ends with %q", structured, r.text[len(r.text)-200:])
	}
}

// TestLongEntriesAreCutInBothForms, pictures are told by their size, and an entry alone is
// shown longer.
func TestLongEntriesAreCutInBothForms(t *testing.T) {
	w := newWorld(t)
	ana, ben, cas := w.joins(t, "ana", allTools), w.joins(t, "ben", allTools), w.joins(t, "cas", allTools)
	for p, content := range map[*person]string{
		ana: `{"displayName":"Ana","photo":"data:image/png;base64,` + strings.Repeat("A", 150_000) + `"}`,
		ben: `{"displayName":"Ben","biography":"` + strings.Repeat("long ", 10_000) + `"}`,
		cas: `{"displayName":"Cas"}`,
	} {
		if _, err := flow.SetProfile.Call(t.Context(), p.client, flow.SetProfileInput{Content: content}); err != nil {
			t.Fatal(err)
		}
	}
	r := cas.does(t, "flow_enumerate_profiles", `{}`)
	if text, structured := r.size(t); text > 10_000 || structured > 10_000 || len(r.list("profiles")) != 3 {
		t.Errorf("three profiles are %d, %d bytes of text and %d of structure", len(r.list("profiles")), text, structured)
	}
	raw, _ := json.Marshal(r.structured)
	for _, form := range []string{r.text, string(raw)} {
		for _, want := range []string{"data:image/png;base64,(150000 characters)", "Cas", "the long parts of 1 profiles"} {
			if !strings.Contains(form, want) {
				t.Errorf("%.1000s does not contain %q", form, want)
			}
		}
	}
	r = cas.does(t, "flow_enumerate_profiles", `{"query":"Ben"}`)
	if content, _ := r.list("profiles")[0]["content"].(string); len(content) < 50_000 {
		t.Errorf("a profile alone has %d bytes", len(content))
	}
}

// TestSearchContextIsInItsOrder: its before and after are counts, not places in a history.
func TestSearchContextIsInItsOrder(t *testing.T) {
	p := newWorld(t).joins(t, "ana", allTools)
	var middle string
	for i := range 7 {
		if r := p.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"needle %d"}`, i)); i == 3 {
			middle = r.str("message_id")
		}
	}
	p.does(t, "flow_start_search", `{"id":"a","url":"q=needle"}`)
	for p.does(t, "flow_poll_search", `{"id":"a"}`).structured["done"] != true {
	}
	r := p.does(t, "flow_search_message_context", fmt.Sprintf(`{"id":"a","channel":"general","message":%q,"before":2,"after":2}`, middle))
	var texts []string
	for _, m := range r.list("messages") {
		texts = append(texts, m["text"].(string))
	}
	if got := strings.Join(texts, ", "); got != "needle 1, needle 2, needle 3, needle 4, needle 5" {
		t.Errorf("around a message are %s", got)
	}
	for _, claim := range []string{"from_start", "older", "newer"} {
		if r.structured[claim] != nil {
			t.Errorf("a part of a search has %s", claim)
		}
	}
	// The hits come newest first, and are shown in the order that all messages are.
	hits := p.does(t, "flow_search_message_results", `{"id":"a","channel":"general","start":0,"stop":2}`)
	texts = nil
	for _, m := range hits.list("messages") {
		texts = append(texts, m["text"].(string))
	}
	if !slices.IsSorted(texts) || len(texts) < 2 || !strings.Contains(hits.text, "oldest first") {
		t.Errorf("hits are %q under %s", texts, hits.text)
	}
}

// TestWhatIsAcceptedSilentlyIsChecked like what is told of.
func TestWhatIsAcceptedSilentlyIsChecked(t *testing.T) {
	p := newWorld(t).joins(t, "ana", allTools)
	for _, test := range [][2]string{
		{`"org":{"a":1}`, "org must be a string"},
		{`"org":true`, "org must be a string"},
		{`"attachments":5`, "attachments[0] must be an object"},
		{`"attachments":[{"bogus":1}]`, `There is no parameter "bogus"`},
	} {
		p.cannot(t, "flow_send_message", `{"channel":"general","text":"x",`+test[0]+`}`, test[1], "Example: ")
	}
	p.cannot(t, "flow_enumerate_messages", `{"channel":"general","org":{"a":1}}`, "org must be a string")
	p.does(t, "flow_send_message", `{"channel":"general","text":"x","org":"Home"}`)
}
