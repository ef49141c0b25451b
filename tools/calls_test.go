package tools_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/schemas"
	"github.com/flow-mcp/flow-mcp/tools"
)

var allTools = tools.Options{Toolsets: []string{tools.AllSet}}

// texts returns the bodies of messages.
func texts(messages []map[string]any) []string {
	var all []string
	for _, m := range messages {
		text, _ := m["text"].(string)
		all = append(all, text)
	}
	return all
}

func TestSendAndRead(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	sent := ana.does(t, "flow_send_message", `{"channel":"general","text":"the launch is on Friday"}`)
	ben.does(t, "flow_send_message", `{"channel":"#general","text":"good\nto know"}`)

	read := ben.does(t, "flow_enumerate_messages", `{"channel":"Home/general"}`)
	if diff := cmp.Diff([]string{"the launch is on Friday", "good\nto know"}, texts(read.list("messages"))); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	first := read.list("messages")[0]
	if first["id"] != sent.str("message_id") || first["sender"] != "@ana" || read.str("channel") != "Home/general" {
		t.Errorf("the first message is %v in %s", first, read.str("channel"))
	}
	if !strings.HasSuffix(sent.str("link"), "/messages/"+sent.str("message_id")) {
		t.Errorf("the link to the message is %s", sent.str("link"))
	}
	for _, want := range []string{"Home/general: 2 messages, oldest first, from the start of the history.", "@ana: the launch is on Friday\n", "@ben: good\n  | to know"} {
		if !strings.Contains(read.text, want) {
			t.Errorf("the text lacks %q:\n%s", want, read.text)
		}
	}
	ids, _ := read.structured["ids"].(map[string]any)
	if channel, _ := ids["Home/general"].(string); len(channel) != 52 || ids["@ana"] == nil {
		t.Errorf("the identifiers of the names are %v", ids)
	}
}

func TestEverythingTakesNamesIdsAndLinks(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", allTools)
	w.joins(t, "ben", tools.Options{}).arrives(t)
	sent := ana.does(t, "flow_send_message", `{"channel":"general","text":"one"}`)
	link := sent.str("link")
	channelLink, _, _ := strings.Cut(link, "/messages/")
	channelID := strings.TrimPrefix(channelLink, "flow://channels/")
	ref := refIn(t, ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`).text)

	for _, channel := range []string{"general", "GENERAL", "#general", "Home/general", "#Home/general", channelID, channelLink, link, `\"Home/general\"`, "Anything (" + channelID + ")"} {
		r := ana.does(t, "flow_get_channel", fmt.Sprintf(`{"channel":"%s"}`, channel))
		if r.str("id") != channelID {
			t.Errorf("channel %s is %v", channel, r.structured)
		}
	}
	for _, message := range []string{ref, "[" + ref + "]", sent.str("message_id"), link} {
		ana.does(t, "flow_set_channel_read_hwm", fmt.Sprintf(`{"channel":"general","message":%q}`, message))
	}
	for _, account := range []string{"@ben", "ben", "BEN"} {
		r := ana.does(t, "flow_get_peer_from_id", fmt.Sprintf(`{"peer":%q}`, account))
		if r.str("username") != "ben" || r.str("account") != "@ben" {
			t.Errorf("account %s is %v", account, r.structured)
		}
	}
	for _, account := range []string{"me", "@me", "@ana"} {
		if r := ana.does(t, "flow_get_peer_from_id", fmt.Sprintf(`{"peer":%q}`, account)); r.str("username") != "ana" {
			t.Errorf("account %s is %v", account, r.structured)
		}
	}
	for _, org := range []string{"Home", "home", ana.does(t, "flow_enumerate_channels", `{"org":"Home"}`).str("link")} {
		ana.does(t, "flow_enumerate_org_members", fmt.Sprintf(`{"org":%q}`, org))
	}
}

// refIn returns the first short reference in a text.
func refIn(t *testing.T, text string) string {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > 10 && line[0] == '[' && line[9] == ']' {
			return line[1:9]
		}
	}
	t.Fatalf("no reference in %s", text)
	return ""
}

// TestShortReferencesOutliveTheServer: a reference that an earlier server showed still
// leads to the message.
func TestShortReferencesOutliveTheServer(t *testing.T) {
	w := newWorld(t)
	first := w.joins(t, "ana", tools.Options{})
	first.does(t, "flow_send_message", `{"channel":"general","text":"keep"}`)
	first.does(t, "flow_send_message", `{"channel":"general","text":"drop"}`)
	ref := refIn(t, first.does(t, "flow_enumerate_messages", `{"channel":"general","limit":1}`).text)

	second := w.joins(t, "ana", tools.Options{})
	second.does(t, "flow_mark_messages_deleted", fmt.Sprintf(`{"channel":"general","messages":[%q]}`, ref))
	left := second.does(t, "flow_enumerate_messages", `{"channel":"general"}`)
	if diff := cmp.Diff([]string{"keep"}, texts(left.list("messages"))); diff != "" {
		t.Errorf("messages left (-want +got):\n%s", diff)
	}
	second.cannot(t, "flow_mark_messages_deleted", `{"channel":"general","messages":["aaaaaaaa"]}`, "no message [aaaaaaaa]", "give its id")
}

func TestModelsMistakesAreMended(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	ana.does(t, "flow_send_message", `{"ChannelID":"general","Text":"one","org":"Home"}`)
	ana.does(t, "flow_send_message", `{"channel_id":["general"],"text":2}`)
	r := ana.does(t, "flow_enumerate_messages", `{"channel":"general","filters":{"Limit":"2"},"after":null}`)
	if diff := cmp.Diff([]string{"one", "2"}, texts(r.list("messages"))); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	ref := refIn(t, r.text)
	ana.does(t, "flow_mark_messages_deleted", fmt.Sprintf(`{"channel":"general","messages":%q}`, ref))
}

func TestIdempotencyKeySendsOnce(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	args := `{"channel":"general","text":"once","idempotency_key":"k1"}`
	first, again := ana.does(t, "flow_send_message", args), ana.does(t, "flow_send_message", args)
	other := w.joins(t, "ana", tools.Options{}).does(t, "flow_send_message", args)
	if first.str("message_id") != again.str("message_id") || first.str("message_id") != other.str("message_id") {
		t.Errorf("three sends with one key are %q, %q, %q", first.str("message_id"), again.str("message_id"), other.str("message_id"))
	}
	if n := len(ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`).list("messages")); n != 1 {
		t.Errorf("%d messages were sent", n)
	}
}

func TestPaging(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	for i := range 7 {
		ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"m%d"}`, i))
	}
	newest := ana.does(t, "flow_enumerate_messages", `{"channel":"general","limit":3}`)
	if diff := cmp.Diff([]string{"m4", "m5", "m6"}, texts(newest.list("messages"))); diff != "" {
		t.Errorf("the newest (-want +got):\n%s", diff)
	}
	older := ana.does(t, "flow_enumerate_messages", fmt.Sprintf(`{"channel":"general","limit":3,"before":%q}`, newest.str("older")))
	if diff := cmp.Diff([]string{"m1", "m2", "m3"}, texts(older.list("messages"))); diff != "" {
		t.Errorf("the older (-want +got):\n%s", diff)
	}
	newer := ana.does(t, "flow_enumerate_messages", fmt.Sprintf(`{"channel":"general","limit":2,"after":%q}`, older.str("newer")))
	if diff := cmp.Diff([]string{"m4", "m5"}, texts(newer.list("messages"))); diff != "" {
		t.Errorf("the newer (-want +got):\n%s", diff)
	}
	if strings.Contains(newest.text, "from the start") {
		t.Errorf("a page of three of seven claims to be all:\n%s", newest.text)
	}
	if !strings.Contains(newest.text, "There may be older messages: before="+refIn(t, newest.text)) {
		t.Errorf("the text does not say how to read on:\n%s", newest.text)
	}
}

func TestListsAreFilteredAndPaged(t *testing.T) {
	var many []flow.Channel
	for i := range 600 {
		id := flow.ChannelID(fmt.Sprintf("C%03d", i))
		many = append(many, flow.Channel{ID: id, OrgID: hostileOrg, Name: fmt.Sprintf("a channel with a long name, number %03d", i)})
	}
	ana := begin(t, fixed{stub(func(method string, _ json.RawMessage) (json.RawMessage, error) {
		switch method {
		case "EnumerateOrgs":
			return json.Marshal([]flow.Org{{ID: hostileOrg, Name: "Home"}})
		case "EnumerateChannels":
			return json.Marshal(many)
		}
		return json.RawMessage("null"), nil
	})}, "ana", tools.Options{})
	few := ana.does(t, "flow_enumerate_channels", `{"org":"Home","query":"NUMBER 59"}`)
	if n := len(few.list("channels")); n != 10 {
		t.Errorf("%d channels have \"number 59\" in their name, want 10", n)
	}
	seen, offset := 0, 0
	for pages := 0; ; pages++ {
		r := ana.does(t, "flow_enumerate_channels", fmt.Sprintf(`{"org":"Home","offset":%d}`, offset))
		if len(r.text) > 25_000 {
			t.Errorf("a page has %d bytes", len(r.text))
		}
		seen += len(r.list("channels"))
		offset = seen
		if r.structured["not_shown"] == nil {
			if pages == 0 {
				t.Error("all is on one page")
			}
			break
		}
		if want := fmt.Sprintf("offset=%d", offset); !strings.Contains(r.text, want) {
			t.Fatalf("the text does not say how to read on with %s: %s", want, r.text[len(r.text)-200:])
		}
	}
	if seen != 600 {
		t.Errorf("%d channels were on all pages, want 600", seen)
	}
}

func TestLongMessagesAreCutAndReachable(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	long := strings.Repeat("lorem ipsum ", 2500)
	for i := range 8 {
		ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"%d %s"}`, i, long))
	}
	r := ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`)
	shown := r.list("messages")
	if len(r.text) > 30_000 || len(shown) == 0 || len(shown) == 8 {
		t.Errorf("8 messages of 30 kB make a text of %d bytes with %d messages", len(r.text), len(shown))
	}
	last := shown[len(shown)-1]["text"].(string)
	if !strings.HasPrefix(last, "7 ") || shown[len(shown)-1]["cut_bytes"] == nil {
		t.Errorf("the newest message shown is %.20s", last)
	}
	whole := ana.does(t, "flow_enumerate_messages", `{"channel":"general","limit":1}`)
	if got := whole.list("messages")[0]["text"]; got != "7 "+long {
		t.Errorf("alone, the message has %d of %d bytes", len(got.(string)), len(long)+2)
	}
}

// TestResultsFitTheirSchemas calls every reading tool, with nothing there and with
// something there, and validates what it answers.
func TestResultsFitTheirSchemas(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", allTools)
	file := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(file, []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	made := ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"","files":[%q]}`, file))
	attachment := fmt.Sprintf("%q", made.list("files")[0]["id"])
	vault := w.escrow(t, ana)
	readAll(t, ana, vault, `"NONE"`, attachment)
	gone := ana.does(t, "flow_send_message", `{"channel":"general","text":"taken back"}`)
	ana.does(t, "flow_mark_messages_deleted", fmt.Sprintf(`{"channel":"general","messages":[%q]}`, gone.str("message_id")))
	w.joins(t, "ben", tools.Options{}).arrives(t)
	ana.does(t, "flow_new_direct_conversation", `{"org":"Home","member":"@ben"}`)
	sent := ana.does(t, "flow_send_message", `{"channel":"general","text":"found","other_data":{"highlighted":[]}}`)
	readAll(t, ana, vault, fmt.Sprintf("%q", sent.str("message_id")), attachment)
}

// escrow starts an escrow account in the team and channel of the machine. Only a program
// can make one.
func (w *world) escrow(t *testing.T, owner *person) *person {
	t.Helper()
	opened, err := flow.NewSession.Call(t.Context(), w.caller, flow.NewSessionInput{})
	if err != nil {
		t.Fatal(err)
	}
	made, err := flow.CreateEscrowAccount.Call(t.Context(), flow.Session{Caller: w.caller, ID: opened.SessionID}, flow.CreateEscrowAccountInput{})
	if err != nil {
		t.Fatal(err)
	}
	owner.does(t, "flow_org_add_member", fmt.Sprintf(`{"org":"Home","member":%q,"member_state":"m"}`, made.Username))
	owner.does(t, "flow_channel_add_member", fmt.Sprintf(`{"channel":"general","member":%q,"member_state":"m"}`, made.Username))
	return w.joins(t, made.Username, allTools)
}

// readAll calls every reading tool, as somebody who may.
func readAll(t *testing.T, p, escrow *person, message, attachment string) {
	t.Helper()
	values := map[string]string{"org": `"Home"`, "channel": `"general"`, "peer": `"me"`, "peer_username": `"ana"`,
		"search": `"found"`, "timeout_seconds": "0", "message": message, "attachment": attachment,
		"account": `"@ana"`, "fingerprint": `"..."`, "provided_hash": `"..."`,
		"key": `"..."`, "channels": `["general"]`, "query": `"{ channels { nodes { lastMessage { text } } } }"`,
		"id": `"s"`, "url": `"q=found"`, "start": "0", "stop": "10", "before": "1", "after": "1"}
	built := p.does(t, "flow_new_auto_add_to_channels_pref", `{"org":"Home","channels":["general"]}`)
	values["data"] = fmt.Sprintf("%q", built.str("new_auto_add_to_channels_pref"))
	for _, tool := range every(t) {
		if tool.Effect != flow.Reads {
			continue
		}
		var schema struct {
			Properties map[string]json.RawMessage
			Required   []string
		}
		if err := json.Unmarshal(entry(t, tool).RawInputSchema, &schema); err != nil {
			t.Fatal(err)
		}
		if _, ok := schema.Properties["id"]; ok {
			searches(t, p)
		}
		if tool.Name == "flow_search_message_context" && message == `"NONE"` {
			continue // there is no hit yet
		}
		var args []string
		for name := range schema.Properties {
			if value, ok := values[name]; ok && (name == "timeout_seconds" || slices.Contains(schema.Required, name)) {
				args = append(args, fmt.Sprintf("%q:%s", name, value))
			}
		}
		given := "{" + strings.Join(args, ",") + "}"
		if slices.Contains(pages, tool.Name) {
			p.cannot(t, tool.Name, given, "no", "page")
			continue
		}
		reader := p
		if tool.Group == flow.EscrowGroup {
			reader = escrow
		}
		fits(t, tool, reader.does(t, tool.Name, given))
	}
}

// searches starts a search and waits until it is done.
func searches(t *testing.T, p *person) {
	t.Helper()
	p.does(t, "flow_start_search", `{"id":"s","url":"q=found"}`)
	for p.does(t, "flow_poll_search", `{"id":"s"}`).structured["done"] != true {
	}
}

// pages are the tools that show a page of a company that there is not.
var pages = []string{"flow_get_organization_billing_url", "flow_get_org_admin_dashboard_url"}

func fits(t *testing.T, tool *tools.Tool, r result) {
	t.Helper()
	checker, err := schemas.Compile(entry(t, tool).RawOutputSchema)
	if err != nil {
		t.Fatal(err)
	}
	if problems := checker.Check(any(r.structured)); len(problems) > 0 {
		t.Errorf("the result of %s does not fit its schema: %+v\n%v", tool.Name, problems, r.structured)
	}
	if strings.TrimSpace(r.text) == "" {
		t.Errorf("%s says nothing as text", tool.Name)
	}
}

// TestWritingToolsAnswerAsTheySay runs through the life of a team.
func TestWritingToolsAnswerAsTheySay(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", allTools)
	w.joins(t, "ben", tools.Options{}).arrives(t)
	steps := []struct{ tool, args, says string }{
		{"flow_new_org", `{"name":"Lab","discoverable":true}`, "name: Lab"},
		{"flow_org_add_member", `{"org":"Lab","member":"@ben","member_state":"m"}`, "Lab: Done: Add team member (@ben, member state m)."},
		{"flow_new_channel", `{"org":"Lab","name":"plans"}`, "Created Lab/plans; you are its only member."},
		{"flow_channel_add_member", `{"channel":"plans","member":"@ben","member_state":"m"}`, "Lab/plans: Done: Add channel member (@ben, member state m)."},
		{"flow_new_direct_conversation", `{"org":"Lab","member":"@ben"}`, "Opened Lab/@ben."},
		{"flow_send_message", `{"channel":"Lab/@ben","text":"psst"}`, "Lab/@ben: sent. Message ["},
		{"flow_new_channel_member_state", `{"channel":"plans","member":"@ben","member_state":"b"}`, "Done"},
		{"flow_set_org_member_state", `{"org":"Lab","member":"@ben","member_state":"b"}`, "Done"},
		{"flow_delete_channel", `{"channel":"plans"}`, "Done: Delete channel."},
		{"flow_set_device_name", `{"name":"desk"}`, "Done: Set device name."},
	}
	for _, step := range steps {
		r := ana.does(t, step.tool, step.args)
		if !strings.Contains(r.text, step.says) {
			t.Errorf("%s says %q, want it to contain %q", step.tool, r.text, step.says)
		}
		for _, tool := range every(t) {
			if tool.Name == step.tool {
				fits(t, tool, r)
			}
		}
	}
}
