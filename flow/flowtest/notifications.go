package flowtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var notifications = []scenario{
	{"lead somebody into a team and a channel, in order", newsOfBeingAdded},
	{"tell the others of it", newsOfOthers},
	{"hold one message each, and both lists", newsOfMessages},
	{"come exactly once and in order under many senders", newsUnderLoad},
	{"wait for devices that are away", newsAfterAbsence},
	{"are not repeated once they were acknowledged", newsAreAcknowledged},
	{"come again when their answer did not arrive", newsComeAgain},
	{"stay within the channel", newsStayInside},
}

func newsOfBeingAdded(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	alice.send(t, general, "before bob")
	bob.news(t)
	alice.admits(t, org, bob, flow.Member)
	alice.invites(t, general, bob, flow.Member)
	alice.send(t, general, "welcome")
	news := bob.news(t)
	want := []string{"org", "org-member-event", "channel", "channel-member-event", "channel-session-key-share", "message of channels", "message"}
	got := types(t, news)
	// A program may hear of its membership before the channel itself.
	if i := slices.Index(got, "channel-member-event"); i >= 0 && i+1 < len(got) && got[i+1] == "channel" {
		got[i], got[i+1] = got[i+1], got[i]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("what bob was told (-want +got):\n%s", diff)
	}
	orgs := decode(t, flow.OrgEvent, news[0])
	wantOrg := []flow.Org{{ID: org, Name: "Team", Discoverable: true, State: flow.Member}}
	if diff := cmp.Diff(wantOrg, orgs); diff != "" {
		t.Errorf("the team (-want +got):\n%s", diff)
	}
	for _, n := range news[2:4] {
		if n.Type != flow.ChannelEvent.Type() {
			continue
		}
		if told := decode(t, flow.ChannelEvent, n); len(told) != 1 || told[0].ID != general || told[0].OrgID != org {
			t.Errorf("the channel as announced: %+v", told)
		}
	}
	named := decode(t, flow.MessageEvent, news[5]).ChannelMessages
	wantChannel := []flow.Channel{{ID: general, OrgID: org, Name: "general"}}
	if diff := cmp.Diff(wantChannel, named); diff != "" {
		t.Errorf("the channel's name (-want +got):\n%s", diff)
	}
	seqs := make([]flow.Cursor, len(news))
	for i, n := range news {
		seqs[i] = n.Seq
	}
	if !slices.IsSorted(seqs) || seqs[0] <= 0 {
		t.Errorf("the positions in the event log are %v", seqs)
	}
}

func newsOfOthers(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	bob.news(t)
	alice.admits(t, org, carol, flow.Member)
	alice.invites(t, general, carol, flow.Member)
	must(t, alice, flow.NewChannelMemberState, becomes(general, carol, flow.Admin))
	carol.bans(t, general, carol)
	var got []string
	for _, n := range bob.news(t) {
		switch n.Type {
		case flow.OrgMemberEvent.Type():
			for _, m := range decode(t, flow.OrgMemberEvent, n) {
				got = append(got, fmt.Sprintf("team: %v %s", m.AccountID == carol.id && m.OrgID == org, m.State))
			}
		case flow.ChannelMemberEvent.Type():
			for _, m := range decode(t, flow.ChannelMemberEvent, n) {
				got = append(got, fmt.Sprintf("channel: %v %s", m.AccountID == carol.id && m.ChannelID == general, m.State))
			}
		case flow.ChannelSessionKeyShareEvent.Type(), flow.ChannelSessionKeyEvent.Type():
			got = append(got, "key")
		default:
			t.Errorf("bob was sent a notification of type %s: %s", n.Type, n.Data)
		}
	}
	want := []string{"team: true m", "channel: true m", "key", "channel: true a", "channel: true b", "key"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what bob was told of carol (-want +got):\n%s", diff)
	}
}

func newsOfMessages(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	alice.news(t)
	bob.news(t)
	for i := range 5 {
		alice.send(t, general, fmt.Sprint(i))
	}
	for _, p := range []*person{alice, bob} {
		var texts []string
		for _, n := range p.news(t) {
			members := parsed(t, string(n.Data)).(map[string]any)
			for _, list := range []string{"regularMessages", "channelMessages"} {
				if _, ok := members[list].([]any); !ok {
					t.Errorf("%s is no list in %s", list, n.Data)
				}
			}
			change := decode(t, flow.MessageEvent, n)
			if len(change.RegularMessages) != 1 {
				t.Errorf("a notification holds %d messages, want 1", len(change.RegularMessages))
			}
			for _, m := range change.RegularMessages {
				texts = append(texts, m.Text)
			}
		}
		if diff := cmp.Diff([]string{"0", "1", "2", "3", "4"}, texts); diff != "" {
			t.Errorf("what %s was sent, oldest first (-want +got):\n%s", p.name, diff)
		}
	}
}

func newsUnderLoad(t *testing.T, n *network) {
	const senders, each = 4, 40
	reader, second := n.join(t, "reader"), n.join(t, "second reader")
	var writers []*person
	for i := range senders {
		writers = append(writers, n.join(t, fmt.Sprintf("writer %d", i)))
	}
	org := reader.founds(t, "Team", append(writers, second)...)
	general := reader.opens(t, org, "general", append(writers, second)...)
	everybody := append([]*person{reader, second}, writers...)
	for _, p := range everybody {
		p.news(t)
	}
	sent := together(t, senders, func(writer int) (ids []flow.MessageID, err error) {
		for i := 0; i < each && err == nil; i++ {
			var id flow.MessageID
			id, err = flow.SendMessage.Call(t.Context(), writers[writer], flow.SendMessageInput{
				ChannelID: general, Text: fmt.Sprintf("%d/%d", writer, i),
			})
			ids = append(ids, id)
		}
		return ids, err
	})
	var want []flow.MessageID
	for _, m := range slices.Backward(reader.messages(t, general, flow.MessageFilters{})) {
		want = append(want, m.ID)
	}
	for writer, ids := range sent {
		if !subsequence(ids, want) {
			t.Errorf("writer %d's messages are not in the channel in the order in which they were sent", writer)
		}
	}
	for _, p := range everybody {
		var got []flow.MessageID
		for _, n := range p.news(t) {
			for _, m := range decode(t, flow.MessageEvent, n).RegularMessages {
				got = append(got, m.ID)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || len(want) != senders*each {
			t.Errorf("%d messages as the channel holds them and as %s was told (-want +got):\n%s", len(want), p.name, diff)
		}
	}
}

// subsequence reports whether part stands in whole in its order.
func subsequence(part, whole []flow.MessageID) bool {
	for _, id := range whole {
		if len(part) > 0 && part[0] == id {
			part = part[1:]
		}
	}
	return len(part) == 0
}

func newsAfterAbsence(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	var general flow.ChannelID
	t.Run("bob is here", func(t *testing.T) {
		bob := n.join(t, "bob")
		general = alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
		alice.send(t, general, "read by bob")
		if got := bob.waitMessage(t).Text; got != "read by bob" {
			t.Errorf("bob was sent %q", got)
		}
		bob.news(t) // acknowledges it
	})
	alice.send(t, general, "missed by bob")
	t.Run("bob is back", func(t *testing.T) {
		bob := n.returns(t, "bob")
		alice.send(t, general, "seen by bob")
		var got []string
		for len(got) == 0 || got[len(got)-1] != "seen by bob" {
			if m := bob.waitMessage(t); m.ChannelID == general {
				got = append(got, m.Text)
			}
		}
		if diff := cmp.Diff([]string{"missed by bob", "seen by bob"}, got); diff != "" {
			t.Errorf("what bob was sent when back (-want +got):\n%s", diff)
		}
	})
}

func newsAreAcknowledged(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	var general flow.ChannelID
	texts := func(t *testing.T, p *person, last string) []string {
		t.Helper()
		var got []string
		for len(got) == 0 || got[len(got)-1] != last {
			got = append(got, p.waitMessage(t).Text)
		}
		return got
	}
	t.Run("bob is here", func(t *testing.T) {
		bob := n.join(t, "bob")
		general = alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
		alice.send(t, general, "one")
		texts(t, bob, "one")
		alice.send(t, general, "two")
		texts(t, bob, "two") // the call that returned two acknowledged one
	})
	t.Run("bob is back", func(t *testing.T) {
		bob := n.returns(t, "bob")
		if diff := cmp.Diff([]string{"two"}, texts(t, bob, "two")); diff != "" {
			t.Errorf("what was not acknowledged is sent again, and nothing else (-want +got):\n%s", diff)
		}
	})
}

// newsComeAgain: a program that says so gets the last answer again, whatever it was, and
// nothing is acknowledged by that.
func newsComeAgain(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	var all flow.Notifications
	wait := func() {
		t.Helper()
		batch := must(t, bob, flow.WaitForNotification, flow.WaitForNotificationInput{})
		for range 2 {
			again := must(t, bob, flow.WaitForNotification, flow.WaitForNotificationInput{Again: true})
			if diff := cmp.Diff(batch, again[:min(len(again), len(batch))]); diff != "" {
				t.Errorf("the answer as it comes again (-before +again):\n%s", diff)
			}
			batch = again // which may hold what has happened since
		}
		all = append(all, batch...)
	}
	for wait(); all[len(all)-1].Seq != 0; wait() { // up to the word that bob is up to date
	}
	start := bob.end(t)
	alice.send(t, general, "one")
	wait()
	alice.send(t, general, "two")
	wait()
	var texts []string
	for _, n := range all {
		if n.Seq > start {
			texts = append(texts, decode(t, flow.MessageEvent, n).RegularMessages[0].Text)
		}
	}
	if diff := cmp.Diff([]string{"one", "two"}, texts); diff != "" {
		t.Errorf("what bob was told (-want +got):\n%s", diff)
	}
}

func newsStayInside(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	org := alice.founds(t, "Team", bob, carol)
	pair := alice.opens(t, org, "pair", bob)
	direct := alice.talksTo(t, org, bob)
	carol.news(t)
	id := alice.send(t, pair, "for two")
	alice.send(t, direct, "for two")
	must(t, alice, flow.MarkMessagesDeleted, deletes(pair, id))
	alice.bans(t, pair, bob)
	must(t, alice, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: pair})
	for _, n := range carol.news(t) {
		t.Errorf("carol was told of a channel that she is not in: %s %s", n.Type, n.Data)
	}
}
