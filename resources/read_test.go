package resources_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestMe(t *testing.T) {
	h := connect(t, open(t, t.TempDir(), "ana"), handshake)
	home := h.home(t)
	me := h.read(t, "flow://me")
	if me["id"] != string(home.AccountID) || me["username"] != "ana" || me["backend"] == "" {
		t.Errorf("flow://me is %v", me)
	}
	if diff := cmp.Diff(map[string]any{"toolsets": "default"}, me["settings"]); diff != "" {
		t.Errorf("the settings (-want +got):\n%s", diff)
	}
	teams := me["teams"].([]any)
	if len(teams) != 1 || teams[0].(map[string]any)["id"] != string(home.OrgID) || teams[0].(map[string]any)["channels"] != 1.0 {
		t.Errorf("the teams are %v", teams)
	}
}

func TestTeam(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	ben.home(t)
	h := connect(t, ana, handshake)
	org := must(t, ana, flow.NewOrg, flow.NewOrgInput{Name: "Design"})
	must(t, ana, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: org.ID, MemberAccountID: ben.home(t).AccountID, MemberState: flow.Member})
	channel := must(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: org.ID, Name: "colours"})
	for _, uri := range []string{"flow://orgs/" + string(org.ID), "flow://orgs/design"} {
		team := h.read(t, uri)
		delete(team, "uri")
		want := map[string]any{
			"id": string(org.ID), "name": "Design", "state": "o", "channels": 1.0, "memberCount": 2.0,
			"members": []any{
				map[string]any{"id": string(ana.home(t).AccountID), "name": "ana", "state": "o"},
				map[string]any{"id": string(ben.home(t).AccountID), "name": "ben", "state": "m"},
			},
			"channelList": []any{map[string]any{"id": string(channel), "name": "colours"}},
		}
		if diff := cmp.Diff(want, team); diff != "" {
			t.Errorf("%s (-want +got):\n%s", uri, diff)
		}
	}
	person := h.read(t, "flow://accounts/ben")
	if person["id"] != string(ben.home(t).AccountID) || len(person["directConversations"].([]any)) != 0 {
		t.Errorf("flow://accounts/ben is %v", person)
	}
	direct := must(t, ana, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: org.ID, MemberID: ben.home(t).AccountID})
	ana.dir.Observe(flow.Notification{Type: flow.ChannelEvent.Type()})
	if diff := cmp.Diff([]any{"flow://channels/" + string(direct)}, h.read(t, "flow://accounts/%40ben")["directConversations"]); diff != "" {
		t.Errorf("the conversations with ben (-want +got):\n%s", diff)
	}
}

// texts returns the bodies of a document's messages.
func texts(document map[string]any) []string {
	var list []string
	for _, m := range document["messages"].([]any) {
		list = append(list, m.(map[string]any)["text"].(string))
	}
	return list
}

func TestChannel(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	home := ben.home(t)
	h := connect(t, ana, handshake)
	ana.home(t)
	id := ben.send(t, home.ChannelID, "Ship it \u202eon Friday 🚀\nOr not.")
	must(t, ben, flow.SendMessage, flow.SendMessageInput{
		ChannelID: home.ChannelID, Text: "@ana?", OtherData: json.RawMessage(`{"highlighted":["x"]}`),
	})
	for _, uri := range []string{"flow://channels/" + string(home.ChannelID), "flow://channels/general", "flow://channels/Home%2FGeneral", "flow://channels/Home%2F%23general"} {
		channel := h.read(t, uri)
		if channel["name"] != "general" || channel["team"] != "Home" || channel["unread"] != 2.0 || channel["memberCount"] != 2.0 {
			t.Errorf("%s is %v", uri, channel)
		}
		if diff := cmp.Diff([]string{"@ana?", "Ship it \u202eon Friday 🚀\nOr not."}, texts(channel)); diff != "" {
			t.Errorf("the messages, newest first (-want +got):\n%s", diff)
		}
		last := channel["messages"].([]any)[1].(map[string]any)
		if last["id"] != string(id) || last["from"] != "ben" || !strings.HasSuffix(last["at"].(string), "Z") {
			t.Errorf("a message is %v", last)
		}
		if diff := cmp.Diff(map[string]any{"ben": string(home.AccountID)}, channel["people"]); diff != "" {
			t.Errorf("the people (-want +got):\n%s", diff)
		}
		if data := channel["messages"].([]any)[0].(map[string]any)["otherData"]; data == nil {
			t.Errorf("the metadata of a message is missing")
		}
	}
}

// Following the links leads through the whole history, in both directions.
func TestHistory(t *testing.T) {
	h := connect(t, open(t, t.TempDir(), "ana"), handshake)
	channel := h.home(t).ChannelID
	var sent []string
	for i := range 7 {
		sent = append([]string{fmt.Sprint(i)}, sent...)
		h.send(t, channel, sent[0])
	}
	first := h.read(t, "flow://channels/general/messages?limit=3")
	var down, up []string
	oldest := first
	for page := first; page != nil; {
		oldest = page
		down = append(down, texts(page)...)
		page = h.follow(t, page, "older")
	}
	if diff := cmp.Diff(sent, down); diff != "" {
		t.Errorf("from the newest back (-want +got):\n%s", diff)
	}
	for page := oldest; len(texts(page)) > 0; page = h.follow(t, page, "newer") {
		up = append(texts(page), up...)
	}
	if diff := cmp.Diff(sent, up); diff != "" {
		t.Errorf("from the oldest on (-want +got):\n%s", diff)
	}
	if got := h.read(t, "flow://channels/general/messages"); len(texts(got)) != 7 || got["older"] != nil {
		t.Errorf("the default page is %v", got)
	}
}

// follow reads what a link of a document leads to.
func (h *host) follow(t testing.TB, document map[string]any, link string) map[string]any {
	t.Helper()
	uri, ok := document[link].(string)
	if !ok {
		return nil
	}
	return h.read(t, uri)
}

func TestMessage(t *testing.T) {
	h := connect(t, open(t, t.TempDir(), "ana"), handshake)
	channel := h.home(t).ChannelID
	var ids []flow.MessageID
	for i := range 15 {
		ids = append(ids, h.send(t, channel, fmt.Sprint(i)))
	}
	for i, want := range map[int]string{
		0:  "5 4 3 2 1",
		1:  "6 5 4 3 2 0",
		7:  "12 11 10 9 8 6 5 4 3 2",
		14: "13 12 11 10 9",
	} {
		link := flow.Link{Channel: channel, Message: ids[i]}.String()
		message := h.read(t, link)
		if message["text"] != fmt.Sprint(i) || message["from"] != "ana" {
			t.Errorf("%s is %v", link, message)
		}
		if got := strings.Join(texts(message["around"].(map[string]any)), " "); got != want {
			t.Errorf("around message %d are %s, want %s", i, got, want)
		}
		if short := h.read(t, "flow://channels/Home%2Fgeneral/messages/"+ids[i].Ref()); short["id"] != string(ids[i]) {
			t.Errorf("the reference of %s leads to %v", ids[i], short["id"])
		}
	}
	must(t, h.side, flow.MarkMessagesDeleted, flow.MarkMessagesDeletedInput{
		ChannelID: channel, Messages: []flow.MessageRef{{MessageID: ids[7]}},
	})
	params := map[string]any{"uri": flow.Link{Channel: channel, Message: ids[7]}.String()}
	if code, _ := h.fails(t, "resources/read", params); code != mcp.RESOURCE_NOT_FOUND {
		t.Errorf("a deleted message is refused with %d", code)
	}
}

func TestInbox(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	home := ben.home(t)
	h := connect(t, ana, handshake)
	me := ana.home(t).AccountID
	if inbox := h.read(t, "flow://inbox"); len(inbox["unread"].([]any)) != 0 || len(inbox["forYou"].([]any)) != 0 {
		t.Errorf("an empty inbox is %v", inbox)
	}
	ben.send(t, home.ChannelID, "for everybody")
	ben.send(t, home.ChannelID, "what do you say, @Ana?")
	must(t, ben, flow.SendMessage, flow.SendMessageInput{
		ChannelID: home.ChannelID, Text: "you!", OtherData: json.RawMessage(fmt.Sprintf(`{"highlighted":[%q]}`, me)),
	})
	direct := must(t, ben, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: home.OrgID, MemberID: me})
	last := ben.send(t, direct, "psst")
	ana.dir.Observe(flow.Notification{Type: flow.ChannelEvent.Type()})

	inbox := h.read(t, "flow://inbox")
	var unread, letters []string
	for _, e := range inbox["unread"].([]any) {
		entry := e.(map[string]any)
		unread = append(unread, fmt.Sprint(entry["name"], " ", entry["unread"]))
	}
	for _, e := range inbox["forYou"].([]any) {
		letters = append(letters, e.(map[string]any)["text"].(string))
	}
	if diff := cmp.Diff([]string{"Home/@ben 1", "Home/general 3"}, unread); diff != "" {
		t.Errorf("unread (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"psst", "you!", "what do you say, @Ana?"}, letters); diff != "" {
		t.Errorf("for ana, newest first (-want +got):\n%s", diff)
	}
	if uri := inbox["forYou"].([]any)[0].(map[string]any)["uri"]; uri != (flow.Link{Channel: direct, Message: last}).String() {
		t.Errorf("the link of a message is %v", uri)
	}
}

func TestEvents(t *testing.T) {
	h := connect(t, open(t, t.TempDir(), "ana"), handshake)
	channel := h.home(t).ChannelID
	end := h.read(t, "flow://events")
	if len(end["events"].([]any)) != 0 || end["more"] != false {
		t.Errorf("flow://events is %v", end)
	}
	h.send(t, channel, "one")
	h.send(t, channel, "two")
	page := h.read(t, end["nextUri"].(string))
	var types []any
	for _, e := range page["events"].([]any) {
		types = append(types, e.(map[string]any)["type"])
	}
	if diff := cmp.Diff([]any{"message", "message"}, types); diff != "" {
		t.Errorf("the events after %v (-want +got):\n%s", end["nextUri"], diff)
	}
	if again := h.read(t, page["nextUri"].(string)); len(again["events"].([]any)) != 0 {
		t.Errorf("after the last event there are %v", again)
	}
}

func TestNotFound(t *testing.T) {
	dir := t.TempDir()
	stranger := open(t, dir, "stranger")
	org := must(t, stranger, flow.NewOrg, flow.NewOrgInput{Name: "Secret"})
	private := must(t, stranger, flow.NewChannel, flow.NewChannelInput{OrgID: org.ID, Name: "private"})
	for version, missing := range map[string]int{handshake: mcp.RESOURCE_NOT_FOUND, modern: mcp.INVALID_PARAMS} {
		h := connect(t, open(t, dir, "ana"), version)
		meta := map[string]any{}
		if version == modern {
			meta[mcp.MetaKeyProtocolVersion] = modern
		}
		for uri, want := range map[string]int{
			"flow://nothing":                                   missing,
			"flow://channels/" + flow.NewID():                  missing,
			"flow://channels/" + string(private):               missing,
			"flow://channels/private":                          missing,
			"flow://channels/general/messages/NONE":            missing,
			"flow://channels/general/messages/abcdefgh":        missing,
			"flow://orgs/" + string(org.ID):                    missing,
			"flow://accounts/nobody":                           missing,
			"file:///etc/passwd":                               missing,
			"flow://channels/../../etc/passwd":                 mcp.INVALID_PARAMS,
			"flow://channels/%2e%2e":                           mcp.INVALID_PARAMS,
			"flow://channels/general/messages?limit=0":         mcp.INVALID_PARAMS,
			"flow://events?after=x":                            mcp.INVALID_PARAMS,
			"flow://channels/%00%ff":                           mcp.INVALID_PARAMS,
			"flow://channels/" + url.PathEscape("' OR 1=1 --"): missing,
		} {
			code, text := h.fails(t, "resources/read", map[string]any{"uri": uri, "_meta": meta})
			if code != want || text == "" {
				t.Errorf("%s: reading %s is refused with %d (%s), want %d", version, uri, code, text, want)
			}
		}
	}
}

func TestAmbiguousNamesAreRefusedWithTheCandidates(t *testing.T) {
	h := connect(t, open(t, t.TempDir(), "ana"), handshake)
	home := h.home(t)
	other := must(t, h.side, flow.NewChannel, flow.NewChannelInput{OrgID: home.OrgID, Name: "General"})
	code, text := h.fails(t, "resources/read", map[string]any{"uri": "flow://channels/general"})
	if code != mcp.INVALID_PARAMS || !strings.Contains(text, string(other)) || !strings.Contains(text, string(home.ChannelID)) {
		t.Errorf("refused with %d: %s", code, text)
	}
}
