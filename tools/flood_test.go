package tools_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// softLimit is what a result with several messages may take: 6,000 tokens.
const softLimit = 24_000

// TestNoMessageFloodsAReader: what stands around the lines of a text counts, in every tool
// that shows messages, and the cut is told with the way to the rest.
func TestNoMessageFloodsAReader(t *testing.T) {
	floods := map[string]string{
		"empty lines": strings.Repeat("\n", 60_000) + "TAIL0",
		"short lines": strings.Repeat("x\n", 32_000),
		"quotes":      strings.Repeat(`"`, 60_000),
	}
	for name, flood := range floods {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
			start := ana.does(t, "flow_wait_for_messages", `{"timeout_seconds":0}`).structured["cursor"]
			ben.says(t, flood)
			for tool, args := range map[string]string{
				"flow_catch_up":           `{}`,
				"flow_wait_for_messages":  fmt.Sprintf(`{"after":%v,"timeout_seconds":0}`, start),
				"flow_enumerate_messages": `{"channel":"general"}`,
			} {
				bounded(t, tool, ana.does(t, tool, args), hardLimit)
			}
			for range 11 {
				ben.says(t, flood)
			}
			r := ana.does(t, "flow_catch_up", `{}`)
			bounded(t, "flow_catch_up", r, softLimit+5000)
			if name != "empty lines" && (!strings.Contains(r.text, "more bytes") || !strings.Contains(r.text, "older ones are not shown: flow_enumerate_messages")) {
				t.Errorf("the cut is not told: %.200s", r.text)
			}
			r = ana.does(t, "flow_wait_for_messages", fmt.Sprintf(`{"after":%v,"timeout_seconds":0}`, start))
			bounded(t, "flow_wait_for_messages", r, softLimit+5000)
		})
	}
}

// says sends a text to the channel of all.
func (p *person) says(t *testing.T, text string) {
	t.Helper()
	args, err := json.Marshal(map[string]string{"channel": "general", "text": text})
	if err != nil {
		t.Fatal(err)
	}
	p.does(t, "flow_send_message", string(args))
}

func bounded(t *testing.T, tool string, r result, limit int) {
	t.Helper()
	structured, err := json.Marshal(r.structured)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.text) > limit || len(structured) > min(limit*3/2, hardLimit) {
		t.Errorf("%s makes %d bytes of text and %d of structure, %d are allowed, and half as much again of structure", tool, len(r.text), len(structured), limit)
	}
}

// TestEmptyLinesAreFolded: what stands behind very many of them is still seen.
func TestEmptyLinesAreFolded(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	ana.says(t, "head"+strings.Repeat("\n", 60_000)+"tail\n\n\nend")
	r := ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`)
	m := r.list("messages")[0]
	if m["text"] != "head\n\ntail\n\n\nend" || m["empty_lines_left_out"] != float64(59_998) {
		t.Errorf("the message is %.80q with %v lines left out", m["text"], m["empty_lines_left_out"])
	}
	if !strings.Contains(r.text, "  + 59998 empty lines left out") {
		t.Errorf("the text does not say what it leaves out:\n%.300s", r.text)
	}
}

// TestCatchUpOfVeryMany: counts that stop are told as such, and very many channels do not
// flood a reader either.
func TestCatchUpOfVeryMany(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	ana.arrives(t)
	for i := range 130 {
		ben.says(t, fmt.Sprint("m", i))
	}
	r := ana.does(t, "flow_catch_up", `{}`)
	if !strings.Contains(r.text, fmt.Sprintf(": %d or more unread, 20 shown.", flow.UnreadCap)) || r.list("channels")[0]["unread_or_more"] != true {
		t.Errorf("of 130 unread messages it says %.300s", r.text)
	}

	many := begin(t, fixed{crowded(500)}, "ana", tools.Options{})
	r = many.does(t, "flow_catch_up", `{}`)
	bounded(t, "flow_catch_up", r, softLimit*2)
	named, _ := r.structured["not_shown"].([]any)
	beyond, _ := r.structured["not_named"].(float64)
	if shown := len(r.list("channels")); shown == 0 || shown+len(named)+int(beyond) != 500 {
		t.Errorf("of 500 channels %d are shown, %d named and %v counted", shown, len(named), beyond)
	}
	if !strings.Contains(r.text, "What is not shown: flow_enumerate_messages") {
		t.Errorf("the text does not say the way to the rest: %s", r.text[len(r.text)-300:])
	}
}

// crowded is a backend with one unread message in each of many channels.
func crowded(n int) stub {
	return func(method string, params json.RawMessage) (json.RawMessage, error) {
		switch method {
		case "EnumerateOrgs":
			return json.Marshal([]flow.Org{{ID: hostileOrg, Name: "Home", State: flow.Member}})
		case "EnumerateChannels":
			channels := make([]flow.Channel, n)
			for i := range channels {
				channels[i] = flow.Channel{ID: flow.ChannelID(fmt.Sprintf("C%051d", i)), OrgID: hostileOrg, Name: fmt.Sprint("channel ", i)}
			}
			return json.Marshal(channels)
		case "GetUnreadCount":
			return json.RawMessage("1"), nil
		case "EnumerateMessages":
			return json.Marshal([]flow.Message{{ID: "M", OrgID: hostileOrg, SenderAccountID: hostileSender, Text: "news"}})
		}
		return json.RawMessage("null"), nil
	}
}
