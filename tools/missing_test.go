package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// TestResultsSayHowCompleteTheyAre in both of their forms, and nothing when there is
// nothing to say.
func TestResultsSayHowCompleteTheyAre(t *testing.T) {
	ana := newWorld(t).joins(t, "ana", allTools)
	ana.does(t, "flow_new_channel", `{"name":"plans"}`)
	for i := range 6 {
		ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"plans","text":"%d"}`, i))
	}
	is := func(args, head string, want map[string]any) {
		t.Helper()
		r := ana.does(t, "flow_enumerate_messages", args)
		if first, _, _ := strings.Cut(r.text, "\n"); !strings.HasPrefix(first, "Home/plans: "+head+".") {
			t.Errorf("%s begins with %q, want %q", args, first, head)
		}
		got := map[string]any{}
		for _, key := range []string{"from_start", "deleted", "channel_keeps"} {
			if value, there := r.structured[key]; there {
				got[key] = value
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
	is(`{"channel":"plans"}`, "6 messages, oldest first, from the start of the history", map[string]any{"from_start": true})
	is(`{"channel":"plans","limit":2}`, "2 messages, oldest first", map[string]any{})

	third := ana.does(t, "flow_enumerate_messages", `{"channel":"plans"}`).list("messages")[2]["id"]
	ana.does(t, "flow_mark_messages_deleted", fmt.Sprintf(`{"channel":"plans","messages":[%q]}`, third))
	is(`{"channel":"plans"}`, "5 messages, oldest first, from the start of the history; 1 of this part deleted",
		map[string]any{"from_start": true, "deleted": 1.0})
	is(`{"channel":"plans","limit":2}`, "2 messages, oldest first", map[string]any{})

	ana.does(t, "flow_set_channel_retention_policy", `{"channel":"plans","max_days":30,"max_messages":1}`)
	ana.does(t, "flow_send_message", `{"channel":"plans","text":"now only this is kept"}`)
	is(`{"channel":"plans"}`, "1 message, from the start of what the channel keeps (30 days, 1 message); 6 of this part deleted",
		map[string]any{"from_start": true, "deleted": 6.0, "channel_keeps": map[string]any{"max_days": 30.0, "max_messages": 1.0}})
}

// lacking is a backend that says what it has not read. Backend is its name.
type lacking struct {
	backend string
	missing flow.Missing
}

func (l lacking) Call(ctx context.Context, method string, _ json.RawMessage) (json.RawMessage, error) {
	switch method {
	case "Config":
		return json.Marshal(map[string]string{"name": l.backend})
	case "NewSession":
		return json.RawMessage(`{"SessionID":1}`), nil
	case "Search", "EnumerateMessages":
		flow.NoteMissing(ctx, l.missing)
		return json.RawMessage(`[]`), nil
	}
	return json.RawMessage("null"), nil
}

func TestSearchSaysWhatItHasNotLookedAt(t *testing.T) {
	for _, test := range []struct {
		missing flow.Missing
		key     string
		value   any
		text    string
	}{
		{flow.Missing{Older: true}, "older_not_searched", true, "There may be older ones: search for more words, in one channel, or with a higher limit."},
		{flow.Missing{WordsOnly: true}, "only_beginnings_of_words", true, "Older messages were searched for beginnings of words only."},
		{flow.Missing{Unindexed: 7}, "not_indexed_yet", 7.0, "About 7 older messages are not indexed yet: search again later."},
	} {
		p := begin(t, fixed{lacking{"ours", test.missing}}, "ana", tools.Options{})
		r := p.does(t, "flow_search", `{"search":"words"}`)
		if r.structured[test.key] != test.value || !strings.HasSuffix(r.text, "\n"+test.text) {
			t.Errorf("%+v is told as %v and\n%s", test.missing, r.structured, r.text)
		}
	}
}

// finding is a backend of another make, whose search finds some messages, newest first.
type finding struct{ lacking }

func (f finding) Call(ctx context.Context, method string, in json.RawMessage) (json.RawMessage, error) {
	if method != "Search" {
		return f.lacking.Call(ctx, method, in)
	}
	hits := make([]flow.SearchHit, 5)
	for i := range hits {
		hits[i].Data = flow.Message{ID: flow.MessageID(flow.NewID()), ChannelID: hostileChannel, Text: fmt.Sprint("hit ", i), CreationTime: int64(1e12 - 1000*i)}
	}
	return json.Marshal(hits)
}

// TestForeignBackendSearches for all words as one text, and without a limit; both is said
// or done here.
func TestForeignBackendSearches(t *testing.T) {
	p := begin(t, fixed{lacking{}}, "ana", tools.Options{})
	for search, want := range map[string]string{
		"roof":       "\nTry another word.",
		"roof tiles": "\nThis backend looked for all of it as one text, not for each word. Try one word of it.",
	} {
		r := p.does(t, "flow_search", fmt.Sprintf(`{"search":%q}`, search))
		if said := r.structured["searched_as_one_text"] == true; !strings.HasSuffix(r.text, want) || said != (search == "roof tiles") {
			t.Errorf("that %q is not found is told as %v and\n%s", search, r.structured, r.text)
		}
	}
	p = begin(t, fixed{finding{}}, "ana", tools.Options{})
	r := p.does(t, "flow_search", `{"search":"roof tiles","limit":2}`)
	var found []any
	for _, m := range r.list("messages") {
		found = append(found, m["text"])
	}
	if diff := cmp.Diff([]any{"hit 1", "hit 0"}, found); diff != "" || r.structured["not_shown"] != 3.0 {
		t.Errorf("of five hits are shown (-want +got):\n%s\n%v", diff, r.structured)
	}
	if !strings.HasSuffix(r.text, "\nThis backend looked for all of it as one text, not for each word.\n3 more are not shown; ask for something narrower.") {
		t.Errorf("five hits are told as\n%s", r.text)
	}
}

// TestForeignBackendMayHaveMore: a backend that is not ours does not say whether there
// were messages before those that it has.
func TestForeignBackendMayHaveMore(t *testing.T) {
	p := begin(t, fixed{lacking{}}, "ana", tools.Options{})
	r := p.does(t, "flow_enumerate_messages", fmt.Sprintf(`{"channel":%q}`, hostileChannel))
	if _, claimed := r.structured["from_start"]; claimed || !strings.Contains(r.text, "the oldest that this backend has") {
		t.Errorf("it is said of a foreign backend:\n%s\n%v", r.text, r.structured)
	}
}

// brimming is a backend that says of messages it tells that there are more.
type brimming struct {
	flow.Caller
	missing flow.Missing
}

func (b brimming) Call(ctx context.Context, method string, in json.RawMessage) (json.RawMessage, error) {
	switch method {
	case "EnumerateMessages", "SearchMessageResults", "SearchMessageContext":
		flow.NoteMissing(ctx, b.missing)
	}
	return b.Caller.Call(ctx, method, in)
}

// TestFullAnswersSayHowToReadOn: that there are fewer messages than were asked for is no sign
// that these are all.
func TestFullAnswersSayHowToReadOn(t *testing.T) {
	world := newWorld(t)
	first := world.joins(t, "ana", allTools).does(t, "flow_send_message", `{"channel":"general","text":"needle 1"}`).str("message_id")
	older, newer := flow.Missing{Older: true}, flow.Missing{Newer: true}
	for _, test := range []struct {
		missing    flow.Missing
		tool, args string
		key        string
		text       string
	}{
		{older, "flow_enumerate_messages", `{"channel":"general","limit":1000}`, "older", "There may be older messages: before="},
		{newer, "flow_enumerate_messages", fmt.Sprintf(`{"channel":"general","limit":1000,"after":%q}`, first), "newer", "There may be newer messages: after="},
		{older, "flow_search_message_results", `{"id":"s","channel":"general","start":0,"stop":50}`, "older_left_out", "There are older ones, too long for one answer: ask for fewer at once."},
		{newer, "flow_search_message_context", fmt.Sprintf(`{"id":"s","channel":"general","message":%q,"before":5,"after":5}`, first), "newer_left_out", "There are newer ones, too long for one answer: ask for fewer at once."},
	} {
		ana := begin(t, fixed{brimming{world.caller, test.missing}}, "ana", allTools)
		ana.does(t, "flow_send_message", `{"channel":"general","text":"needle"}`)
		ana.does(t, "flow_start_search", `{"id":"s","url":"q=needle"}`)
		for ana.does(t, "flow_poll_search", `{"id":"s"}`).structured["done"] != true {
		}
		r := ana.does(t, test.tool, test.args)
		if r.structured[test.key] == nil || r.structured["from_start"] != nil || !strings.Contains(r.text, "\n"+test.text) {
			t.Errorf("%s %s: that the answer was full is told as %v and\n%s", test.tool, test.args, r.structured, r.text)
		}
	}
}
