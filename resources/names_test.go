package resources_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// stranger is an account of another name space, whose name may be that of somebody here.
func stranger(t *testing.T, dir, name string) (flow.Caller, flow.AccountID) {
	t.Helper()
	store := member(t, dir)
	session := must(t, store, flow.NewSession, flow.NewSessionInput{})
	c := flow.Session{Caller: store, ID: session.SessionID}
	must(t, c, flow.CreateAccount, flow.CreateAccountInput{Username: name, ServerURI: "elsewhere", Password: "12345678"})
	return c, must(t, c, flow.GetAccountID, flow.AccountIDInput{})
}

// Two people of one name are told apart wherever a document calls them by it.
func TestPeopleOfOneName(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	me, first := ana.home(t), ben.home(t)
	other, second := stranger(t, dir, "ben")
	must(t, ana, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: me.OrgID, MemberAccountID: second, MemberState: flow.Member})
	must(t, ana, flow.ChannelAddMember, flow.ChannelAddMemberInput{ChannelID: me.ChannelID, MemberAccountID: second, MemberState: flow.Member})
	id := ben.send(t, me.ChannelID, "@ana from the first")
	must(t, other, flow.SendMessage, flow.SendMessageInput{ChannelID: me.ChannelID, Text: "@ana from the second"})
	talks := map[flow.ChannelID]string{}
	for _, with := range []flow.AccountID{first.AccountID, second} {
		talk := must(t, ana, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: me.OrgID, MemberID: with})
		talks[talk] = fmt.Sprintf("Home/@ben (%s)", talk)
	}
	for talk := range talks {
		for _, c := range []flow.Caller{ben, other} {
			_, _ = flow.SendMessage.Call(t.Context(), c, flow.SendMessageInput{ChannelID: talk, Text: "psst"}) // one of them is in it
		}
	}
	h := connect(t, ana, handshake)
	authors := map[string]string{
		"@ana from the first":  fmt.Sprintf("ben (%s)", first.AccountID),
		"@ana from the second": fmt.Sprintf("ben (%s)", second),
	}
	for _, test := range []struct{ uri, member string }{
		{"flow://channels/general", "messages"}, {"flow://channels/general/messages", "messages"}, {"flow://inbox", "forYou"},
	} {
		got := map[string]string{}
		for _, one := range h.read(t, test.uri)[test.member].([]any) {
			if m := one.(map[string]any); strings.HasPrefix(m["text"].(string), "@ana") {
				got[m["text"].(string)] = m["from"].(string)
			}
		}
		if diff := cmp.Diff(authors, got); diff != "" {
			t.Errorf("authors in %s (-want +got):\n%s", test.uri, diff)
		}
	}
	message := h.read(t, "flow://channels/general/messages/"+string(id))
	if message["from"] != authors["@ana from the first"] {
		t.Errorf("the author of a message is %v", message["from"])
	}
	want := map[string]any{authors["@ana from the second"]: string(second)}
	if diff := cmp.Diff(want, message["around"].(map[string]any)["people"]); diff != "" {
		t.Errorf("people around it (-want +got):\n%s", diff)
	}
	unread := map[flow.ChannelID]string{}
	for _, one := range h.read(t, "flow://inbox")["unread"].([]any) {
		if entry := one.(map[string]any); entry["name"] != "Home/general" {
			unread[flow.ChannelID(entry["id"].(string))] = entry["name"].(string)
		}
	}
	if diff := cmp.Diff(talks, unread); diff != "" {
		t.Errorf("direct conversations in the inbox (-want +got):\n%s", diff)
	}
	code, text := h.fails(t, "resources/read", map[string]any{"uri": "flow://accounts/ben"})
	if code != mcp.INVALID_PARAMS || !strings.Contains(text, string(first.AccountID)) || !strings.Contains(text, string(second)) {
		t.Errorf("the name of both is refused with %d: %s", code, text)
	}
	if person := h.read(t, "flow://accounts/"+string(second)); person["id"] != string(second) || person["username"] != "ben" {
		t.Errorf("the second is %v", person)
	}
}

// A count that has stopped says so, and one just below that does not.
func TestUnreadOrMore(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	me := ana.home(t)
	ben.home(t)
	for range flow.UnreadCap - 1 {
		ben.send(t, me.ChannelID, "one more")
	}
	h := connect(t, ana, handshake)
	for _, want := range []struct {
		count  float64
		orMore any
	}{{flow.UnreadCap - 1, nil}, {flow.UnreadCap, true}, {flow.UnreadCap, true}} {
		entry := h.read(t, "flow://inbox")["unread"].([]any)[0].(map[string]any)
		for place, view := range map[string]map[string]any{"inbox": entry, "channel": h.read(t, "flow://channels/general")} {
			if view["unread"] != want.count || view["unreadOrMore"] != want.orMore {
				t.Errorf("the %s says %v, or more: %v; want %v, %v", place, view["unread"], view["unreadOrMore"], want.count, want.orMore)
			}
		}
		ben.send(t, me.ChannelID, "one more")
	}
}
