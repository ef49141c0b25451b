package tools_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/tools"
)

// TestErrorsSpeakOfTheParameters: what a backend says of its parameters is said of those
// that the model has written, each once.
func TestErrorsSpeakOfTheParameters(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", allTools)
	ana.does(t, "flow_send_message", `{"channel":"general","text":"one","idempotency_key":"k"}`)
	ana.does(t, "flow_new_channel", `{"name":"plans","idempotency_key":"new"}`)
	ref := refIn(t, ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`).text)
	tests := []struct{ tool, args, says, not string }{
		{"flow_send_message", `{"channel":"general","text":"two","idempotency_key":"k"}`, "this idempotency_key was used for another message", "RequestID"},
		{"flow_new_channel", `{"name":"ideas","idempotency_key":"new"}`, "this idempotency_key was used for a call with other parameters", "RequestID"},
		{"flow_new_org", `{"name":"Ideas","idempotency_key":"new"}`, "this idempotency_key was used for another call, flow_new_channel", "RequestID"},
		{"flow_new_direct_conversation", `{"org":"Home","member":"me"}`, "member is your own account", "MemberID"},
		{"flow_mark_messages_deleted", `{"channel":"general","messages":[]}`, "messages", "Messages"},
		{"flow_enumerate_messages", `{"channel":"general","before":"` + ref + `","after":"NOSUCHMESSAGE"}`, "after: ", "before: "},
	}
	for _, test := range tests {
		r := ana.use(t, test.tool, test.args)
		if !r.failed || !strings.Contains(r.text, test.says) || strings.Contains(r.text, test.not) {
			t.Errorf("%s %s says %q, want %q and not %q", test.tool, test.args, r.text, test.says, test.not)
		}
	}
}

// TestRepeatsSayThatTheyAre: what was made by an earlier call is named again and not made.
func TestRepeatsSayThatTheyAre(t *testing.T) {
	w := newWorld(t)
	ana, again := w.joins(t, "ana", allTools), w.joins(t, "ana", allTools)
	const key = `"idempotency_key":"monday"`
	org := ana.does(t, "flow_new_org", `{"name":"Open","discoverable":true}`).str("id")
	ben := w.joins(t, "ben", allTools)
	const says = "It was done by an earlier call with the same idempotency_key."
	for _, test := range []struct {
		tool, args    string
		first, second *person
	}{
		{"flow_new_channel", `{"org":"Home","name":"plans",` + key + `}`, ana, again},
		{"flow_new_org", `{"name":"Plans","idempotency_key":"tuesday"}`, ana, again},
		{"flow_new_org_join_request", `{"org":"` + org + `",` + key + `}`, ben, ben},
	} {
		first, second := test.first.does(t, test.tool, test.args), test.second.does(t, test.tool, test.args)
		if strings.Contains(first.text, says) {
			t.Errorf("%s says the first time %q", test.tool, first.text)
		}
		if second.str("note") != says || !strings.Contains(second.text, says) || second.str("link") != first.str("link") {
			t.Errorf("%s says again %q, %v, and the first time %q", test.tool, second.text, second.structured, first.text)
		}
	}
}

// TestDoneSaysWhatWasDone: to whom, how, how often, and what did not happen.
func TestDoneSaysWhatWasDone(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", allTools)
	w.joins(t, "ben", tools.Options{}).arrives(t)
	var refs []any
	for i := range 2 {
		refs = append(refs, ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"m%d"}`, i)).str("message_id"))
	}
	ana.does(t, "flow_new_channel", `{"name":"plans"}`)
	r := ana.does(t, "flow_channel_add_member", `{"channel":"plans","member":"@ben","member_state":"admin"}`)
	if !strings.Contains(r.text, "Done: Add channel member (@ben, member state a).") || r.str("member") != "@ben" || r.str("member_state") != "a" {
		t.Errorf("adding says %q, %v", r.text, r.structured)
	}
	if r := ana.does(t, "flow_set_channel_read_hwm", fmt.Sprintf(`{"channel":"general","message":%q}`, refs[1])); strings.Contains(r.text, "stays") {
		t.Errorf("marking says %q", r.text)
	}
	r = ana.does(t, "flow_set_channel_read_hwm", fmt.Sprintf(`{"channel":"general","message":%q}`, refs[0]))
	if !strings.Contains(r.text, "which is newer: marks do not move back.") || r.str("note") == "" {
		t.Errorf("marking what is older says %q", r.text)
	}
	r = ana.does(t, "flow_mark_messages_deleted", fmt.Sprintf(`{"channel":"general","messages":[%q,%q]}`, refs...))
	if !strings.Contains(r.text, "Done: Delete messages (2 messages).") {
		t.Errorf("deleting says %q", r.text)
	}
	r = ana.does(t, "flow_change_username", `{"username":"anna"}`)
	if !strings.Contains(r.text, "--account anna") || !strings.Contains(r.str("note"), "--account anna") {
		t.Errorf("renaming says %q, %v", r.text, r.structured)
	}
}

// TestExamplesAreHarmless: what an error shows to be copied does no damage, and there is
// an example only where there is something to show.
func TestExamplesAreHarmless(t *testing.T) {
	ana := newWorld(t).joins(t, "ana", allTools)
	for tool, want := range map[string]string{
		"flow_set_channel_retention_policy": `"max_days": 0`,
		"flow_set_account_lock":             `"lock_type": 0`,
	} {
		ana.cannot(t, tool, `{}`, want)
	}
	for _, tool := range []string{"flow_wait_for_messages", "flow_catch_up"} {
		if r := ana.use(t, tool, `{"colour":1}`); strings.Contains(r.text, "Example") {
			t.Errorf("%s says %q", tool, r.text)
		}
	}
}

// TestPeopleAndHits: a list of people says who of them one is oneself, and a search in
// vain what it looks for.
func TestPeopleAndHits(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	w.joins(t, "ben", tools.Options{}).arrives(t)
	r := ana.does(t, "flow_enumerate_peer_accounts", `{}`)
	if !strings.Contains(r.text, "- @ana; you: true\n- @ben") || strings.Contains(r.text, "spideroak") {
		t.Errorf("the list of people is\n%s", r.text)
	}
	for _, person := range r.list("peers") {
		if (person["you"] == true) != (person["account"] == "@ana") {
			t.Errorf("the list has %v", person)
		}
	}
	ana.does(t, "flow_new_channel", `{"name":"plans"}`)
	r = ana.does(t, "flow_enumerate_peer_accounts", `{"channel":"plans"}`)
	if people := r.list("peers"); len(people) != 1 || people[0]["account"] != "@ana" || people[0]["state"] != "a" {
		t.Errorf("in plans there are %v", people)
	}
	if r := ana.does(t, "flow_enumerate_peer_accounts", `{"channel":"Home/general"}`); len(r.list("peers")) != 2 {
		t.Errorf("in general there are %v", r.list("peers"))
	}
	ana.cannot(t, "flow_enumerate_peer_accounts", `{"channel":"plan"}`, `channel: no channel is called "plan"`)
	r = ana.does(t, "flow_search", `{"search":"nowhere to be found"}`)
	if !strings.Contains(r.text, "Each word must be there") {
		t.Errorf("a search in vain says %q", r.text)
	}
}

// TestSearchForWords: words may stand anywhere in a message and be begun, those in
// quotation marks stand together, and there are as many of the newest as are asked for.
func TestSearchForWords(t *testing.T) {
	ana := newWorld(t).joins(t, "ana", tools.Options{})
	for _, text := range []string{"The plans of the migration", "A plan: migrate on Friday", "Migrating birds", "emigration planned"} {
		ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":%q}`, text))
	}
	for _, c := range []struct {
		search string
		want   []string
	}{
		{`{"search":"migration plan"}`, []string{"The plans of the migration"}},
		{`{"search":"plan migrat"}`, []string{"The plans of the migration", "A plan: migrate on Friday"}},
		{`{"search":"\"of the migration\" PLANS"}`, []string{"The plans of the migration"}},
		{`{"search":"\"migration of\""}`, nil},
		{`{"search":"migrat","limit":1}`, []string{"Migrating birds"}},
		{`{"search":"migrat"}`, []string{"The plans of the migration", "A plan: migrate on Friday", "Migrating birds"}},
	} {
		var got []string
		for _, m := range ana.does(t, "flow_search", c.search).list("messages") {
			got = append(got, m["text"].(string))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.search, diff)
		}
	}
	ana.cannot(t, "flow_search", `{"search":"plan","limit":201}`, "limit")
}
