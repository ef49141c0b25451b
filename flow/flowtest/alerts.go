package flowtest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var alerts = []scenario{
	{"reach those who are named, after the message", alertsReach},
	{"heed what is muted", alertsAreMuted},
	{"are for members of the channel", alertRefusals},
	{"come once for a message that is sent twice", alertsOnce},
}

// alerted returns the alerts among what was sent to p up to now.
func alerted(t *testing.T, p *person) []flow.BackendState {
	t.Helper()
	var all []flow.BackendState
	for _, n := range p.news(t) {
		if n.Type == flow.NotifyEvent.Type() {
			all = append(all, decode(t, flow.NotifyEvent, n))
		}
	}
	return all
}

// alerts sends a message and asks some for their attention.
func (p *person) alerts(t *testing.T, channel flow.ChannelID, text string, who ...*person) flow.MessageID {
	t.Helper()
	in := flow.SendMessageWithNotificationInput{SendMessageInput: flow.SendMessageInput{ChannelID: channel, Text: text}}
	for _, w := range who {
		in.PushNotifyAccountIDs = append(in.PushNotifyAccountIDs, w.id)
	}
	return must(t, p, flow.SendMessageWithNotification, in)
}

func alertsReach(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	org := alice.founds(t, "Team", bob, carol)
	general := alice.opens(t, org, "general", bob, carol)
	mention := fmt.Sprintf(`{"highlighted":[%q]}`, bob.id)
	in := flow.SendMessageWithNotificationInput{
		SendMessageInput:     flow.SendMessageInput{OrgID: org, ChannelID: general, Text: "bob!", OtherData: json.RawMessage(mention)},
		PushNotifyAccountIDs: []flow.AccountID{bob.id, alice.id, bob.id},
	}
	id := must(t, alice, flow.SendMessageWithNotification, in)
	for p := bob; ; {
		next := p.next(t)
		if next.Type == flow.MessageEvent.Type() {
			sent := decode(t, flow.MessageEvent, next).RegularMessages
			if len(sent) == 1 && sent[0].ID == id {
				if sent[0].OtherData != mention {
					t.Errorf("the metadata %s arrived as %s", mention, sent[0].OtherData)
				}
				break
			}
		}
	}
	want := []flow.BackendState{{
		EventCode: flow.Alerted, OrgID: org, ChannelID: general, MessageID: id, SenderAccountID: alice.id,
	}}
	got := []flow.BackendState{await(t, bob, flow.NotifyEvent)}
	for got[0].EventCode != flow.Alerted {
		got[0] = await(t, bob, flow.NotifyEvent)
	}
	if got[0].Text == "" {
		t.Error("an alert has no text")
	}
	got[0].Text = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bob's alert (-want +got):\n%s", diff)
	}
	for _, p := range []*person{alice, bob, carol} {
		if rest := alerted(t, p); len(rest) != 0 {
			t.Errorf("%s was alerted too: %+v", p.name, rest)
		}
		if got := p.messages(t, general, flow.MessageFilters{Limit: 1})[0]; got.ID != id || got.Text != "bob!" {
			t.Errorf("%s reads %+v", p.name, got)
		}
	}
}

func alertsAreMuted(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general, other := alice.opens(t, org, "general", bob), alice.opens(t, org, "other", bob)
	for item, id := range map[string]string{
		flow.MuteAccounts: string(alice.id), flow.MuteOrgs: string(org), flow.MuteChannels: string(general),
	} {
		set := json.RawMessage(fmt.Sprintf(`{%q:[%q]}`, item, id))
		must(t, bob, flow.SetAccountPreferences, flow.SetAccountPreferencesInput{Preferences: set})
		alice.alerts(t, general, "quiet", bob)
		if got := alerted(t, bob); len(got) != 0 {
			t.Errorf("with %s bob is alerted: %+v", set, got)
		}
		if item == flow.MuteChannels {
			loud := alice.alerts(t, other, "loud", bob)
			if got := alerted(t, bob); len(got) != 1 || got[0].MessageID != loud {
				t.Errorf("with %s bob is alerted about another channel as %+v", set, got)
			}
		}
		must(t, bob, flow.SetAccountPreferences, flow.SetAccountPreferencesInput{ClearPreferences: []string{item}})
	}
	id := alice.alerts(t, general, "loud", bob)
	if got := alerted(t, bob); len(got) != 1 || got[0].MessageID != id {
		t.Errorf("when nothing is muted any more bob is alerted as %+v", got)
	}
}

func alertRefusals(t *testing.T, n *network) {
	alice, bob, mallory := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "mallory")
	general := alice.opens(t, alice.founds(t, "Team", bob, mallory), "general", bob)
	in := flow.SendMessageWithNotificationInput{SendMessageInput: flow.SendMessageInput{ChannelID: general, Text: "hey"}}
	for _, id := range []flow.AccountID{mallory.id, "NONE", ""} {
		in.PushNotifyAccountIDs = []flow.AccountID{bob.id, id}
		refuse(t, alice, flow.SendMessageWithNotification, in, flow.NotFound)
	}
	in.PushNotifyAccountIDs = make([]flow.AccountID, flow.MaxNotified+1)
	refuse(t, alice, flow.SendMessageWithNotification, in, flow.Invalid)
	in.PushNotifyAccountIDs = nil
	refuse(t, mallory, flow.SendMessageWithNotification, in, flow.NotFound)
	if got := alice.texts(t, general, flow.MessageFilters{}); len(got) != 0 {
		t.Errorf("refused messages are in the channel: %q", got)
	}
	if got := alerted(t, bob); len(got) != 0 {
		t.Errorf("refused messages alerted bob: %+v", got)
	}
	alice.alerts(t, general, "nobody in particular")
	if got := alice.texts(t, general, flow.MessageFilters{}); len(got) != 1 {
		t.Errorf("a message that alerts nobody was not sent: %q", got)
	}
}

func alertsOnce(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	params := fmt.Sprintf(`{"SessionID":%d,"RequestID":"the one","ChannelID":%q,"Text":"hey","OtherData":null,"Attachments":null,"PushNotifyAccountIDs":[%q]}`,
		alice.ID, general, bob.id)
	first := raw(t, alice.Caller, "SendMessageWithNotification", params)
	if again := raw(t, alice.Caller, "SendMessageWithNotification", params); again != first {
		t.Errorf("the same message was sent as %s and as %s", first, again)
	}
	if got := alerted(t, bob); len(got) != 1 {
		t.Errorf("bob was alerted as %+v, want once", got)
	}
}
