package flowtest

import (
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var channels = []scenario{
	{"have exactly one record of membership when made", channelsStartWithOne},
	{"are listed by name, and before conversations", channelsAreListed},
	{"have names of 1 to 200 characters", channelNames},
	{"have names of their own where that is asked for", channelNamesOfTheirOwn},
	{"take members, and change the state of those they have", channelMembers},
	{"keep their history when somebody leaves", channelHistory},
	{"are deleted for everybody", channelsAreDeleted},
}

func channelsStartWithOne(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	id := must(t, alice, flow.NewChannel, flow.NewChannelInput{OrgID: org, Name: "general"})
	want := flow.Channel{ID: id, OrgID: org, Name: "general"}
	if diff := cmp.Diff(want, must(t, alice, flow.GetChannel, flow.GetChannelInput{ChannelID: id})); diff != "" || id == "" {
		t.Errorf("GetChannel (-want +got):\n%s", diff)
	}
	for what, members := range map[string][]flow.ChannelMember{
		"members": must(t, alice, flow.EnumerateChannelMembers, flow.EnumerateChannelMembersInput{ChannelID: id}),
		"history": must(t, alice, flow.EnumerateChannelMemberHistory, flow.EnumerateChannelMemberHistoryInput{ChannelID: id}),
	} {
		if len(members) != 1 || members[0].CreationTime <= 0 {
			t.Fatalf("the %s of a new channel: %+v", what, members)
		}
		members[0].CreationTime = 0
		want := []flow.ChannelMember{{OrgID: org, ChannelID: id, AccountID: alice.id, State: flow.Admin}}
		if diff := cmp.Diff(want, members); diff != "" {
			t.Errorf("the %s of a new channel (-want +got):\n%s", what, diff)
		}
	}
}

func channelsAreListed(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	other := alice.founds(t, "Other", bob)
	for _, name := range []string{"random", "design", "general", "general"} {
		alice.opens(t, org, name, bob)
	}
	alice.opens(t, org, "not for bob")
	alice.opens(t, other, "elsewhere", bob)
	direct := bob.talksTo(t, org, alice)
	var names []string
	list := must(t, bob, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: org})
	for _, c := range list {
		if c.OrgID != org {
			t.Errorf("a channel of another team is listed: %+v", c)
		}
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"design", "general", "general", "random", ""}, names); diff != "" || list[len(list)-1].ID != direct {
		t.Errorf("the channels by name, and behind them the direct conversation (-want +got):\n%s", diff)
	}
}

func channelNames(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	for _, name := range []string{"", strings.Repeat("日", 201)} {
		refuse(t, alice, flow.NewChannel, flow.NewChannelInput{OrgID: org, Name: name}, flow.Invalid)
	}
	for _, name := range []string{"x", strings.Repeat("日", 200), "עיצוב 🎨", "a/b#c @d"} {
		id := alice.opens(t, org, name)
		if got := must(t, alice, flow.GetChannel, flow.GetChannelInput{ChannelID: id}).Name; got != name {
			t.Errorf("the channel %q is called %q", name, got)
		}
	}
	refuse(t, alice, flow.NewChannel, flow.NewChannelInput{OrgID: "NONE", Name: "general"}, flow.NotFound)
}

func channelNamesOfTheirOwn(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org, other := alice.founds(t, "Team", bob), alice.founds(t, "Other")
	alice.talksTo(t, org, bob)
	unique := func(org flow.OrgID, name string) flow.NewChannelInput {
		return flow.NewChannelInput{OrgID: org, Name: name, Unique: true}
	}
	key := fresh()
	design := must(t, alice.Keyed(key), flow.NewChannel, unique(org, "Design"))
	for _, name := range []string{"Design", "dESIGN", "Ｄｅｓｉｇｎ"} {
		said := refuse(t, alice, flow.NewChannel, unique(org, name), flow.Conflict)
		for _, want := range []string{`"Design"`, flow.Link{Channel: design}.String(), "use that channel, or choose another name"} {
			if !strings.Contains(said, want) {
				t.Errorf("the refusal of %q is %q, want %q in it", name, said, want)
			}
		}
	}
	if again := must(t, alice.Keyed(key), flow.NewChannel, unique(org, "Design")); again != design {
		t.Errorf("one request made the channels %s and %s", design, again)
	}
	// Neither what is elsewhere counts nor what one is not in.
	must(t, alice, flow.NewChannel, unique(other, "Design"))
	his := must(t, bob, flow.NewChannel, unique(org, "Design"))
	bob.bans(t, his, bob) // leaves
	must(t, bob, flow.NewChannel, unique(org, "Design"))
	if second := must(t, alice, flow.NewChannel, flow.NewChannelInput{OrgID: org, Name: "Design"}); second == design {
		t.Error("unasked, a second channel of a name is the first")
	}
}

func channelMembers(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general")
	alice.invites(t, general, bob, flow.Member)
	alice.invites(t, general, bob, flow.Member)
	alice.invites(t, general, bob, flow.Admin)
	want := map[flow.AccountID]flow.MemberState{alice.id: flow.Admin, bob.id: flow.Admin}
	if diff := cmp.Diff(want, channelStates(t, bob, general)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	refuse(t, alice, flow.ChannelAddMember, flow.ChannelAddMemberInput{
		ChannelID: general, MemberAccountID: carol.id, MemberState: flow.Member,
	})
	refuse(t, alice, flow.ChannelAddMember, flow.ChannelAddMemberInput{
		OrgID: "NONE", ChannelID: general, MemberAccountID: bob.id, MemberState: flow.Member,
	}, flow.NotFound, flow.Invalid)
	must(t, alice, flow.ChannelAddMember, flow.ChannelAddMemberInput{
		OrgID: org, ChannelID: general, MemberAccountID: bob.id, MemberState: flow.Member,
	})
	bob.send(t, general, "here")
}

func channelHistory(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	bob.bans(t, general, bob) // leaves
	refuse(t, bob, flow.SendMessage, flow.SendMessageInput{ChannelID: general, Text: "hi"}, flow.NotFound)
	alice.invites(t, general, bob, flow.Member)
	bob.send(t, general, "back again")
	var got []flow.MemberState
	history := must(t, bob, flow.EnumerateChannelMemberHistory, flow.EnumerateChannelMemberHistoryInput{ChannelID: general})
	for _, m := range history {
		got = append(got, m.State)
	}
	want := []flow.MemberState{flow.Member, flow.Banned, flow.Member, flow.Admin}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the channel's history, newest first (-want +got):\n%s", diff)
	}
	if last := history[len(history)-1]; last.AccountID != alice.id {
		t.Errorf("the last record is not the creation: %+v", last)
	}
}

func channelsAreDeleted(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	alice.send(t, general, "soon gone")
	everybody := []*person{alice, bob}
	for _, p := range everybody {
		p.news(t)
	}
	must(t, alice, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: general})
	for _, p := range everybody {
		if list := must(t, p, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: org}); len(list) != 0 {
			t.Errorf("%s lists %+v", p.name, list)
		}
		refuse(t, p, flow.GetChannel, flow.GetChannelInput{ChannelID: general}, flow.NotFound)
		refuse(t, p, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: general}, flow.NotFound)
		refuse(t, p, flow.SendMessage, flow.SendMessageInput{ChannelID: general, Text: "hi"}, flow.NotFound)
		own := false
		for _, n := range p.news(t) {
			if n.Type != flow.ChannelMemberEvent.Type() {
				continue
			}
			for _, m := range decode(t, flow.ChannelMemberEvent, n) {
				own = own || m.ChannelID == general && m.AccountID == p.id && m.State == flow.Banned
			}
		}
		if !own {
			t.Errorf("%s was not told of being out of the deleted channel", p.name)
		}
	}
	refuse(t, alice, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: general}, flow.NotFound)
}
