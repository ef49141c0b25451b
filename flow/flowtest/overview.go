package flowtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var overviews = []scenario{
	{"show teams and channels", stateShowsChannels},
	{"show what is unread and said last", stateShowsActivity},
	{"show of long messages the beginning", stateCutsMessages},
	{"show one moment", stateIsOneMoment},
	{"have the documented form", stateOnTheWire},
	{"have two stages", stateHasTwoStages},
}

// state is what CurrentState says.
func (p *person) state(t *testing.T, stage int) map[flow.OrgID]flow.OrgState {
	t.Helper()
	return must(t, p, flow.CurrentState, flow.CurrentStateInput{Stage: stage})
}

func stateShowsChannels(t *testing.T, n *network) {
	alice, bob := n.register(t, "alice"), n.register(t, "bob")
	if diff := cmp.Diff(map[flow.OrgID]flow.OrgState{}, alice.state(t, 0)); diff != "" {
		t.Errorf("the state of somebody without a team (-want +got):\n%s", diff)
	}
	team, empty := alice.founds(t, "Team", bob), alice.founds(t, "Empty", bob)
	general := alice.opens(t, team, "general", bob)
	alice.opens(t, team, "not for bob")
	bob.bans(t, alice.opens(t, team, "left", bob), bob)
	direct := alice.talksTo(t, team, bob)
	want := map[flow.OrgID]flow.OrgState{
		empty: {Org: flow.Org{ID: empty, Name: "Empty", Discoverable: true, State: flow.Member}, Channels: map[flow.ChannelID]flow.ChannelState{}},
		team: {Org: flow.Org{ID: team, Name: "Team", Discoverable: true, State: flow.Member}, Channels: map[flow.ChannelID]flow.ChannelState{
			general: {Channel: flow.Channel{ID: general, OrgID: team, Name: "general"}},
			direct:  {Channel: flow.Channel{ID: direct, OrgID: team, Purpose: flow.DirectPurpose, DirectAccountID: alice.id}},
		}},
	}
	if diff := cmp.Diff(want, bob.state(t, 0)); diff != "" {
		t.Errorf("bob's state (-want +got):\n%s", diff)
	}
	for id, org := range want {
		for channel, one := range org.Channels {
			one.Activity = &flow.Activity{}
			want[id].Channels[channel] = one
		}
	}
	if diff := cmp.Diff(want, bob.state(t, 1)); diff != "" {
		t.Errorf("bob's state while nobody has written (-want +got):\n%s", diff)
	}
}

func stateShowsActivity(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	team := alice.founds(t, "Team", bob)
	general, other := alice.opens(t, team, "general", bob), alice.opens(t, team, "other", bob)
	first := alice.send(t, general, "one")
	alice.send(t, general, "two")
	bob.send(t, general, "three")
	gone := alice.send(t, general, "four")
	must(t, alice, flow.MarkMessagesDeleted, flow.MarkMessagesDeletedInput{ChannelID: general, Messages: []flow.MessageRef{{MessageID: gone}}})
	flood(t, alice, other, flow.UnreadCap+2)
	bob.marks(t, general, first)
	for _, check := range []struct {
		who            *person
		unread, others int
	}{{bob, 1, flow.UnreadCap}, {alice, 1, 0}} {
		channels := check.who.state(t, 1)[team].Channels
		for id, want := range map[flow.ChannelID]int{general: check.unread, other: check.others} {
			if got := channels[id].UnreadCount; got != want || got != check.who.unread(t, id) {
				t.Errorf("%s has %d unread, want %d", check.who.name, got, want)
			}
			newest := check.who.messages(t, id, flow.MessageFilters{Limit: 1})
			if diff := cmp.Diff(&newest[0], channels[id].LastMessage); diff != "" {
				t.Errorf("the last message (-newest +got):\n%s", diff)
			}
		}
	}
}

func stateCutsMessages(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	team := alice.founds(t, "Team")
	other := func(size int) string { return `{"a":"` + strings.Repeat("x", size-8) + `"}` }
	for _, c := range []struct {
		text, other, shown, shownOther string
		cut                            bool
	}{
		{strings.Repeat("é", flow.MaxPreview/2), other(flow.MaxPreview), strings.Repeat("é", flow.MaxPreview/2), other(flow.MaxPreview), false},
		{strings.Repeat("é", flow.MaxPreview/2) + "!", "", strings.Repeat("é", flow.MaxPreview/4), "", true},
		{"short", other(flow.MaxPreview + 1), "short", "", true},
		{"with \x00 in it", "", "with \x00 in it", "", false},
	} {
		channel := alice.opens(t, team, "general")
		message := flow.SendMessageInput{ChannelID: channel, Text: c.text}
		if c.other != "" {
			message.OtherData = json.RawMessage(c.other)
		}
		must(t, alice, flow.SendMessage, message)
		got := alice.state(t, 1)[team].Channels[channel]
		if got.LastMessage.Text != c.shown || got.LastMessage.OtherData != c.shownOther || got.Cut != c.cut {
			t.Errorf("of %d bytes of text and %d of metadata %d and %d are shown, cut %v", len(c.text), len(c.other),
				len(got.LastMessage.Text), len(got.LastMessage.OtherData), got.Cut)
		}
	}
}

// stateIsOneMoment: what is unread and what was said last belong together while somebody
// writes.
func stateIsOneMoment(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	team := alice.founds(t, "Team", bob)
	general := alice.opens(t, team, "general", bob)
	const last = flow.UnreadCap - 1
	sent := make(chan error, 1)
	go func() {
		var err error
		for i := 1; i <= last && err == nil; i++ {
			_, err = flow.SendMessage.Call(t.Context(), alice, flow.SendMessageInput{ChannelID: general, Text: fmt.Sprint(i)})
		}
		sent <- err
	}()
	for count := 0; count < last; {
		got := bob.state(t, 1)[team].Channels[general]
		if got.LastMessage == nil && got.UnreadCount == 0 {
			continue
		}
		if got.LastMessage == nil || got.LastMessage.Text != fmt.Sprint(got.UnreadCount) {
			t.Fatalf("%d messages are unread and the last is %+v", got.UnreadCount, got.LastMessage)
		}
		if got.UnreadCount < count {
			t.Fatalf("%d messages are unread after %d were", got.UnreadCount, count)
		}
		count = got.UnreadCount
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func stateOnTheWire(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	if got := raw(t, alice, "CurrentState", `{"Stage":null}`); got != "{}" {
		t.Errorf("the state of somebody without a team is %s, want {}", got)
	}
	team := alice.founds(t, "Team")
	general := alice.opens(t, team, "general")
	plain := fmt.Sprintf(`"id":%q,"orgId":%q,"name":"general","purpose":""`, general, team)
	for stage, rest := range []string{"", `,"unreadCount":0,"lastMessage":null`} {
		want := fmt.Sprintf(`{%q:{"id":%q,"name":"Team","discoverable":true,"state":"o","channels":{%q:{%s%s}}}}`,
			team, team, general, plain, rest)
		got := raw(t, alice, "CurrentState", fmt.Sprintf(`{"Stage":%d}`, stage))
		if diff := cmp.Diff(parsed(t, want), parsed(t, got)); diff != "" {
			t.Errorf("stage %d (-want +got):\n%s", stage, diff)
		}
	}
}

func stateHasTwoStages(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	for _, stage := range []int{-1, 2} {
		refuse(t, alice, flow.CurrentState, flow.CurrentStateInput{Stage: stage}, flow.Invalid)
	}
}
