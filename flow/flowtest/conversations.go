package flowtest

import (
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var conversations = []scenario{
	{"have no name and are one", directConversations},
	{"are for members of the team", directRefusals},
	{"begin with the record of who opened them", conversationHistory},
	{"have no admin", conversationRights},
	{"go on when who has left comes back", conversationsGoOn},
	{"keep nobody out of the channels", conversationsComeLast},
	{"are no channels that a directory fills", conversationsOfDirectories},
}

// talksTo returns the direct conversation with somebody.
func (p *person) talksTo(t *testing.T, org flow.OrgID, who *person) flow.ChannelID {
	t.Helper()
	return must(t, p, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: org, MemberID: who.id})
}

// creator returns whose record of membership is the first of a channel.
func (p *person) creator(t *testing.T, channel flow.ChannelID) flow.AccountID {
	t.Helper()
	history := must(t, p, flow.EnumerateChannelMemberHistory, flow.EnumerateChannelMemberHistoryInput{ChannelID: channel})
	if len(history) == 0 {
		t.Fatalf("the channel %s has no history", channel)
	}
	return history[len(history)-1].AccountID
}

func directConversations(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	bob.news(t)
	id := alice.talksTo(t, org, bob)
	for _, again := range []flow.ChannelID{alice.talksTo(t, org, bob), bob.talksTo(t, org, alice)} {
		if again != id {
			t.Errorf("two people have the conversations %s and %s", id, again)
		}
	}
	for p, other := range map[*person]*person{alice: bob, bob: alice} {
		want := flow.Channel{ID: id, OrgID: org, Purpose: flow.DirectPurpose, DirectAccountID: other.id}
		if diff := cmp.Diff(want, must(t, p, flow.GetChannel, flow.GetChannelInput{ChannelID: id})); diff != "" {
			t.Errorf("the conversation as %s sees it (-want +got):\n%s", p.name, diff)
		}
	}
	if got := channelStates(t, bob, id); len(got) != 2 {
		t.Errorf("a direct conversation has the members %v", got)
	}
	told := await(t, bob, flow.ChannelEvent)
	if len(told) != 1 || told[0].ID != id || told[0].Purpose != flow.DirectPurpose || told[0].DirectAccountID != alice.id {
		t.Errorf("bob was told of the conversation as %+v", told)
	}
	alice.send(t, id, "psst")
	if got := bob.waitMessage(t); got.Text != "psst" || got.ChannelID != id {
		t.Errorf("bob was sent %+v", got)
	}
	if alice.talksTo(t, alice.founds(t, "Other", bob), bob) == id {
		t.Errorf("the conversation in another team is the same")
	}
}

func directRefusals(t *testing.T, n *network) {
	alice, bob, mallory := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "mallory")
	org := alice.founds(t, "Team", bob)
	for _, member := range []flow.AccountID{mallory.id, "NONE", ""} {
		refuse(t, alice, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: org, MemberID: member})
	}
	refuse(t, mallory, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: org, MemberID: bob.id}, flow.NotFound)
	id := alice.talksTo(t, org, bob)
	alice.send(t, id, "between us")
	alice.admits(t, org, mallory, flow.Member)
	refuse(t, mallory, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: id}, flow.NotFound)
}

func conversationHistory(t *testing.T, n *network) {
	older, younger := n.join(t, "older"), n.join(t, "younger")
	for _, opener := range []*person{older, younger} {
		org := older.founds(t, "Team", younger)
		with := map[*person]*person{older: younger, younger: older}[opener]
		id := opener.talksTo(t, org, with)
		opener.bans(t, id, opener) // leaves
		if again := with.talksTo(t, org, opener); again != id {
			t.Errorf("after one has left, %s and %s are the conversation", id, again)
		}
		for _, p := range []*person{older, younger} {
			if got := p.creator(t, id); got != opener.id {
				t.Errorf("%s opened the conversation, and %s reads that the first record is of %s", opener.name, p.name, got)
			}
		}
	}
}

func conversationRights(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	id := bob.talksTo(t, org, alice)
	want := map[flow.AccountID]flow.MemberState{alice.id: flow.Member, bob.id: flow.Member}
	if diff := cmp.Diff(want, channelStates(t, bob, id)); diff != "" {
		t.Errorf("the two in a conversation (-want +got):\n%s", diff)
	}
	for p, other := range map[*person]*person{alice: bob, bob: alice} {
		theirs := other.send(t, id, "mine")
		for _, said := range []string{
			refuse(t, p, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: id}, flow.Denied),
			refuse(t, p, flow.SetChannelRetentionPolicy, flow.SetChannelRetentionPolicyInput{ChannelID: id, MaxMessages: 1}, flow.Denied),
			refuse(t, p, flow.MarkMessagesDeleted, deletes(id, theirs), flow.Denied),
			refuse(t, p, flow.NewChannelMemberState, becomes(id, other, flow.Banned), flow.Denied),
			refuse(t, p, flow.NewChannelMemberState, becomes(id, other, flow.Admin), flow.Denied),
			refuse(t, p, flow.NewChannelMemberState, becomes(id, p, flow.Admin), flow.Denied),
			refuse(t, p, flow.ChannelAddMember, flow.ChannelAddMemberInput(becomes(id, p, flow.Owner)), flow.Denied),
		} {
			if !strings.Contains(said, "members alike") {
				t.Errorf("%s is told to ask an admin whom there is not: %s", p.name, said)
			}
		}
		must(t, other, flow.MarkMessagesDeleted, deletes(id, theirs))
	}
	if diff := cmp.Diff(want, channelStates(t, bob, id)); diff != "" {
		t.Errorf("the two after what was refused (-want +got):\n%s", diff)
	}
	// Nobody learns of a conversation of others, not even by the reason for a refusal.
	eve := n.join(t, "eve")
	alice.admits(t, org, eve, flow.Owner)
	refuse(t, eve, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: id}, flow.NotFound)
}

func conversationsGoOn(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	id := bob.talksTo(t, org, alice)
	alice.send(t, id, "psst")
	alice.bans(t, id, alice) // leaves
	refuse(t, alice, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: id}, flow.NotFound)
	if again := alice.talksTo(t, org, bob); again != id {
		t.Errorf("the conversation that is opened again is %s and was %s", again, id)
	}
	if diff := cmp.Diff([]string{"psst"}, alice.texts(t, id, flow.MessageFilters{})); diff != "" {
		t.Errorf("who comes back reads (-want +got):\n%s", diff)
	}
	want := map[flow.AccountID]flow.MemberState{alice.id: flow.Member, bob.id: flow.Member}
	if diff := cmp.Diff(want, channelStates(t, bob, id)); diff != "" {
		t.Errorf("the two again (-want +got):\n%s", diff)
	}
}

// conversationsComeLast: a bot that admits people adds them to all that it lists, one after
// the other, and stops where that fails.
func conversationsComeLast(t *testing.T, n *network) {
	bot, human, guest := n.join(t, "bot"), n.join(t, "human"), n.join(t, "guest")
	org := bot.founds(t, "Team", human)
	channels := map[flow.ChannelID]bool{bot.opens(t, org, "general"): true, bot.opens(t, org, "random"): true}
	human.talksTo(t, org, bot)
	bot.admits(t, org, guest, flow.Member)
	for _, c := range must(t, bot, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: org}) {
		if _, err := flow.ChannelAddMember.Call(t.Context(), bot, flow.ChannelAddMemberInput{
			OrgID: org, ChannelID: c.ID, MemberAccountID: guest.id, MemberState: flow.Member,
		}); err != nil {
			break
		}
	}
	for _, c := range must(t, guest, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: org}) {
		delete(channels, c.ID)
	}
	if len(channels) > 0 {
		t.Errorf("a guest was not added to %d of the channels", len(channels))
	}
}

// conversationsOfDirectories: the program of a directory adds people to the channels which it
// is the admin of and has not made, and ends when that fails.
func conversationsOfDirectories(t *testing.T, n *network) {
	d, user := n.directory(t), n.join(t, "user")
	d.owner.admits(t, d.org, user, flow.Member)
	prescribed := d.owner.opens(t, d.org, "for all")
	d.owner.invites(t, prescribed, d.person, flow.Admin)
	d.opens(t, d.org, "log")
	d.owner.talksTo(t, d.org, d.person)
	d.talksTo(t, d.org, user)
	var filled []flow.ChannelID
	for _, c := range must(t, d, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: d.org}) {
		if channelStates(t, d.person, c.ID)[d.id] == flow.Admin && d.creator(t, c.ID) != d.id {
			filled = append(filled, c.ID)
		}
	}
	if diff := cmp.Diff([]flow.ChannelID{prescribed}, filled); diff != "" {
		t.Errorf("the channels that a directory fills (-want +got):\n%s", diff)
	}
}
