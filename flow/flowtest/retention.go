package flowtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var retention = []scenario{
	{"is shown and announced", retentionIsShown},
	{"by count removes what is too much, then and later", retentionByCount},
	{"counts only what is there", retentionCounts},
	{"is told as the reason for what is missing", retentionIsMissed},
	{"leaves read marks and unread counts right", retentionAndReading},
	{"is for owners and admins of the channel", retentionRefusals},
}

// keeps sets what a channel keeps.
func (p *person) keeps(t *testing.T, channel flow.ChannelID, days, messages int) {
	t.Helper()
	must(t, p, flow.SetChannelRetentionPolicy, flow.SetChannelRetentionPolicyInput{
		ChannelID: channel, MaxDays: days, MaxMessages: messages,
	})
}

// removals returns the ids of messages that p is told are gone, until there are so many.
func (p *person) removals(t *testing.T, channel flow.ChannelID, count int) []flow.MessageID {
	t.Helper()
	var ids []flow.MessageID
	for len(ids) < count {
		for _, d := range await(t, p, flow.MessageDeletionEvent) {
			if d.ChannelID != channel {
				t.Errorf("messages were deleted in the channel %s", d.ChannelID)
			}
			ids = append(ids, d.MessageIDs...)
		}
	}
	return ids
}

func retentionIsShown(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	if got := raw(t, alice.Caller, "SetChannelRetentionPolicy", fmt.Sprintf(
		`{"SessionID":%d,"OrgID":%q,"ChannelID":%q,"MaxDays":30,"MaxMessages":0}`, alice.ID, org, general)); got != "null" {
		t.Errorf("SetChannelRetentionPolicy returns %s, want null", got)
	}
	bob.news(t)
	for _, c := range []struct {
		what string
		by   *person
		want flow.Channel
	}{
		{"channel", alice, flow.Channel{ID: general, OrgID: org, Name: "general", Retention: flow.Retention{MaxDays: 365, MaxMessages: 5000}}},
		{"channel that keeps all", alice, flow.Channel{ID: general, OrgID: org, Name: "general"}},
	} {
		for range 2 { // the second time nothing is new
			c.by.keeps(t, c.want.ID, c.want.Retention.MaxDays, c.want.Retention.MaxMessages)
		}
		if diff := cmp.Diff([]flow.Channel{c.want}, announced(t, bob, flow.ChannelEvent)); diff != "" {
			t.Errorf("%s: bob is told (-want +got):\n%s", c.what, diff)
		}
		if diff := cmp.Diff(c.want, must(t, bob, flow.GetChannel, flow.GetChannelInput{ChannelID: c.want.ID})); diff != "" {
			t.Errorf("%s: bob gets (-want +got):\n%s", c.what, diff)
		}
		if list := must(t, bob, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: org}); !slices.Contains(list, c.want) {
			t.Errorf("%s: bob lists %+v", c.what, list)
		}
	}
	alice.keeps(t, general, 3, 0)
	if got := must(t, bob, flow.CurrentState, flow.CurrentStateInput{})[org].Channels[general].Retention; got.MaxDays != 3 {
		t.Errorf("the current state shows %+v", got)
	}
	carol := n.join(t, "carol")
	alice.admits(t, org, carol, flow.Member)
	alice.keeps(t, general, 0, 100)
	alice.invites(t, general, carol, flow.Member)
	for {
		told := await(t, carol, flow.ChannelEvent)
		if told[0].ID == general {
			if want := (flow.Retention{MaxMessages: 100}); told[0].Retention != want {
				t.Errorf("who is added is told %+v", told[0])
			}
			break
		}
	}
}

func retentionByCount(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	const many, keep = 250, 10
	flood(t, alice, general, many)
	before := alice.messages(t, general, flow.MessageFilters{})
	alice.keeps(t, general, 0, keep)
	var want []flow.MessageID
	for _, m := range slices.Backward(before[keep:]) {
		want = append(want, m.ID)
	}
	for _, p := range []*person{alice, bob} {
		if diff := cmp.Diff(want, p.removals(t, general, len(want))); diff != "" {
			t.Errorf("%s is told that these are gone, oldest first (-want +got):\n%s", p.name, diff)
		}
		if diff := cmp.Diff(before[:keep], p.messages(t, general, flow.MessageFilters{})); diff != "" {
			t.Errorf("%s still reads (-want +got):\n%s", p.name, diff)
		}
	}
	for i := range 5 { // from now on each message that comes has another one go
		alice.send(t, general, fmt.Sprint("later ", i))
		if got := alice.texts(t, general, flow.MessageFilters{}); len(got) != keep || got[0] != fmt.Sprint("later ", i) {
			t.Fatalf("after message %d the channel holds %q", i, got)
		}
		oldest := before[keep-1-i].ID
		if got := bob.removals(t, general, 1); got[0] != oldest {
			t.Errorf("after message %d %v is gone, want %s", i, got, oldest)
		}
	}
	if got := found(t, bob, general, "flood"); len(got) != keep-5 {
		t.Errorf("a search finds %d of the %d that are left", len(got), keep-5)
	}
	alice.keeps(t, general, 0, 0)
	alice.send(t, general, "more")
	if got := alice.texts(t, general, flow.MessageFilters{}); len(got) != keep+1 {
		t.Errorf("a channel that keeps all holds %q", got)
	}
}

func retentionCounts(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	alice.keeps(t, general, 0, 3)
	one, two := alice.send(t, general, "one"), alice.send(t, general, "two")
	alice.send(t, general, "three")
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, two))
	alice.send(t, general, "four")
	if got := alice.texts(t, general, flow.MessageFilters{}); !slices.Equal(got, []string{"four", "three", "one"}) {
		t.Errorf("a deleted message takes the place of another: %q", got)
	}
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, one, two))
	alice.send(t, general, "five")
	alice.send(t, general, "six")
	if got := alice.texts(t, general, flow.MessageFilters{}); !slices.Equal(got, []string{"six", "five", "four"}) {
		t.Errorf("the newest three are %q", got)
	}
}

// retentionIsMissed: who reads a channel is told how much of that part is gone, and, back
// at its beginning, what the channel keeps.
func retentionIsMissed(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general")
	var ids []flow.MessageID
	for i := range 8 {
		ids = append(ids, alice.send(t, general, fmt.Sprint(i)))
	}
	missing := func(p *person, f flow.MessageFilters, want flow.Missing) {
		t.Helper()
		ctx, receipt := flow.WithReceipt(t.Context())
		if _, err := flow.EnumerateMessages.Call(ctx, p, flow.EnumerateMessagesInput{ChannelID: general, Filters: &f}); err != nil {
			t.Fatal(err)
		}
		if got := receipt.Missing(); got != want {
			t.Errorf("of %+v this is missing: %+v, want %+v", f, got, want)
		}
	}
	missing(alice, flow.MessageFilters{}, flow.Missing{})
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, ids[1], ids[4], ids[7]))
	ctx, receipt := flow.WithReceipt(t.Context())
	if _, err := flow.MarkMessagesDeleted.Call(ctx, alice, deletes(general, ids[4], ids[1])); err != nil || receipt.Missing().Deleted != 2 {
		t.Errorf("of two that were deleted before are gone %+v, error %v", receipt.Missing(), err)
	}
	missing(alice, flow.MessageFilters{}, flow.Missing{Deleted: 3})
	missing(alice, flow.MessageFilters{Limit: 3}, flow.Missing{Deleted: 2}) // 6 to 3, and what came after
	missing(alice, flow.MessageFilters{Limit: 1}, flow.Missing{Deleted: 1})
	missing(alice, flow.MessageFilters{Before: ids[4]}, flow.Missing{Deleted: 1})
	missing(alice, flow.MessageFilters{Before: ids[4], Limit: 1}, flow.Missing{})
	missing(alice, flow.MessageFilters{Message: ids[4]}, flow.Missing{Deleted: 1})
	missing(alice, flow.MessageFilters{Message: ids[5]}, flow.Missing{})
	missing(alice, flow.MessageFilters{After: ids[2]}, flow.Missing{Deleted: 1}) // up to what it shows
	missing(alice, flow.MessageFilters{After: ids[6]}, flow.Missing{Deleted: 1}) // it shows none

	alice.keeps(t, general, 0, 2)
	alice.removals(t, general, 3+3)
	keeps := flow.Retention{MaxMessages: 2}
	missing(alice, flow.MessageFilters{}, flow.Missing{Deleted: 6, Retention: keeps})
	missing(alice, flow.MessageFilters{Limit: 1}, flow.Missing{Deleted: 1})
	missing(alice, flow.MessageFilters{Before: ids[0]}, flow.Missing{})
	alice.invites(t, general, bob, flow.Member) // who sees what was said before
	missing(bob, flow.MessageFilters{}, flow.Missing{Deleted: 6, Retention: keeps})
}

func retentionAndReading(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	first := alice.send(t, general, "one")
	for _, text := range []string{"two", "three", "four"} {
		alice.send(t, general, text)
	}
	must(t, bob, flow.SetChannelReadHWM, flow.SetChannelReadHWMInput{ChannelID: general, MessageID: first})
	unread := func(want int) {
		t.Helper()
		if got := must(t, bob, flow.GetUnreadCount, flow.GetUnreadCountInput{ChannelID: general}); got != want {
			t.Errorf("bob has %d unread messages, want %d", got, want)
		}
	}
	unread(3)
	alice.keeps(t, general, 0, 2)
	bob.removals(t, general, 2)
	unread(2)
	if got := must(t, bob, flow.GetChannelReadHWM, flow.GetChannelReadHWMInput{ChannelID: general}); got.MessageID != first {
		t.Errorf("bob's read mark is %+v, want %s, which is gone", got, first)
	}
	last := alice.send(t, general, "five")
	unread(2)
	must(t, bob, flow.SetChannelReadHWM, flow.SetChannelReadHWMInput{ChannelID: general, MessageID: last})
	unread(0)
	alice.send(t, general, "six")
	unread(1)
}

func retentionRefusals(t *testing.T, n *network) {
	alice, bob, mallory := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "mallory")
	general := alice.opens(t, alice.founds(t, "Team", bob, mallory), "general", bob)
	set := func(days, messages int) flow.SetChannelRetentionPolicyInput {
		return flow.SetChannelRetentionPolicyInput{ChannelID: general, MaxDays: days, MaxMessages: messages}
	}
	alice.send(t, general, "one")
	alice.send(t, general, "two")
	refuse(t, bob, flow.SetChannelRetentionPolicy, set(0, 1), flow.Denied)
	refuse(t, mallory, flow.SetChannelRetentionPolicy, set(0, 1), flow.NotFound)
	for _, wrong := range [][2]int{{-1, 0}, {0, -1}, {flow.MaxRetentionDays + 1, 0}, {0, flow.MaxRetentionMessages + 1}} {
		refuse(t, alice, flow.SetChannelRetentionPolicy, set(wrong[0], wrong[1]), flow.Invalid)
	}
	elsewhere := set(0, 1)
	elsewhere.OrgID = "NONE"
	refuse(t, alice, flow.SetChannelRetentionPolicy, elsewhere, flow.NotFound, flow.Invalid)
	if got := alice.texts(t, general, flow.MessageFilters{}); len(got) != 2 {
		t.Errorf("refused policies left %q", got)
	}
	must(t, alice, flow.NewChannelMemberState, becomes(general, bob, flow.Admin))
	must(t, bob, flow.SetChannelRetentionPolicy, set(0, 2)) // an admin
}
