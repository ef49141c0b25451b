package flowtest

import (
	"context"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var rights = []scenario{
	{"in teams follow the states", teamRights},
	{"in channels follow the states", channelRights},
	{"in channels do not come from the team", outsideRights},
	{"end with a state that does not exist", unknownStates},
}

// attempt is something that somebody tries in a team or channel that was made for it.
type attempt[ID any] struct {
	what    string
	do      func(context.Context, ID) error
	allowed bool
}

func teamRights(t *testing.T, n *network) {
	owner, admin, member, outside := n.join(t, "owner"), n.join(t, "admin"), n.join(t, "member"), n.join(t, "outside")
	add := func(who *person, state flow.MemberState) func(context.Context, flow.OrgID) error {
		return func(ctx context.Context, org flow.OrgID) error {
			_, err := flow.OrgAddMember.Call(ctx, who, flow.OrgAddMemberInput{
				OrgID: org, MemberAccountID: outside.id, MemberState: state,
			})
			return err
		}
	}
	set := func(who, whom *person, state flow.MemberState) func(context.Context, flow.OrgID) error {
		return func(ctx context.Context, org flow.OrgID) error {
			_, err := flow.SetOrgMemberState.Call(ctx, who, flow.SetOrgMemberStateInput{
				OrgID: org, MemberAccountID: whom.id, MemberState: state,
			})
			return err
		}
	}
	requests := func(who *person) func(context.Context, flow.OrgID) error {
		return func(ctx context.Context, org flow.OrgID) error {
			_, err := flow.EnumerateOrgJoinRequests.Call(ctx, who, flow.EnumerateOrgJoinRequestsInput{OrgID: org})
			return err
		}
	}
	for _, a := range []attempt[flow.OrgID]{
		{"owner adds a member", add(owner, flow.Member), true},
		{"owner adds an admin", add(owner, flow.Admin), true},
		{"owner adds an owner", add(owner, flow.Owner), true},
		{"admin adds a member", add(admin, flow.Member), true},
		{"admin adds an admin", add(admin, flow.Admin), true},
		{"admin adds an owner", add(admin, flow.Owner), false},
		{"member adds a member", add(member, flow.Member), false},
		{"owner makes the admin an owner", set(owner, admin, flow.Owner), true},
		{"owner makes the admin a member", set(owner, admin, flow.Member), true},
		{"owner bans the admin", set(owner, admin, flow.Banned), true},
		{"owner bans the member", set(owner, member, flow.Banned), true},
		{"admin makes the member an admin", set(admin, member, flow.Admin), true},
		{"admin makes the member an owner", set(admin, member, flow.Owner), false},
		{"admin makes itself an owner", set(admin, admin, flow.Owner), false},
		{"admin bans the member", set(admin, member, flow.Banned), true},
		{"admin bans the owner", set(admin, owner, flow.Banned), false},
		{"admin makes the owner a member", set(admin, owner, flow.Member), false},
		{"member makes itself an admin", set(member, member, flow.Admin), false},
		{"member bans the admin", set(member, admin, flow.Banned), false},
		{"member bans the owner", set(member, owner, flow.Banned), false},
		{"owner reads the requests", requests(owner), true},
		{"admin reads the requests", requests(admin), true},
		{"member reads the requests", requests(member), false},
	} {
		t.Run(a.what, func(t *testing.T) {
			org := owner.founds(t, "Team", member)
			owner.admits(t, org, admin, flow.Admin)
			judge(t, a.allowed, states, owner, org, a.do)
		})
	}
}

// judge checks that an attempt was allowed, or denied with a sentence and without effect
// on the members that witness sees.
func judge[ID any](
	t *testing.T, allowed bool, members func(*testing.T, *person, ID) map[flow.AccountID]flow.MemberState,
	witness *person, in ID, do func(context.Context, ID) error,
) {
	t.Helper()
	before := members(t, witness, in)
	err := do(t.Context(), in)
	switch {
	case allowed && err != nil:
		t.Errorf("was refused: %v", err)
	case !allowed && err == nil:
		t.Errorf("was allowed")
	case !allowed:
		refusal(t, "the attempt", err, flow.Denied)
		if diff := cmp.Diff(before, members(t, witness, in)); diff != "" {
			t.Errorf("a refused attempt changed the members (-before +after):\n%s", diff)
		}
	}
}

// channelStates returns the current members of a channel.
func channelStates(t *testing.T, p *person, channel flow.ChannelID) map[flow.AccountID]flow.MemberState {
	t.Helper()
	current := map[flow.AccountID]flow.MemberState{}
	for _, m := range must(t, p, flow.EnumerateChannelMembers, flow.EnumerateChannelMembersInput{ChannelID: channel}) {
		current[m.AccountID] = m.State
	}
	return current
}

// channelRights: founder owns the team and is an admin of the channel, head owns the channel,
// and lay owns the team and is a plain member of the channel.
func channelRights(t *testing.T, n *network) {
	founder, head, lay := n.join(t, "founder"), n.join(t, "head"), n.join(t, "lay")
	admin, member, other, outside := n.join(t, "admin"), n.join(t, "member"), n.join(t, "other"), n.join(t, "outside")
	org := founder.founds(t, "Team", head, admin, member, other, outside)
	founder.admits(t, org, lay, flow.Owner)
	set := func(who, whom *person, state flow.MemberState) func(context.Context, flow.ChannelID) error {
		return func(ctx context.Context, channel flow.ChannelID) error {
			_, err := flow.NewChannelMemberState.Call(ctx, who, becomes(channel, whom, state))
			return err
		}
	}
	add := func(who, whom *person, state flow.MemberState) func(context.Context, flow.ChannelID) error {
		return func(ctx context.Context, channel flow.ChannelID) error {
			_, err := flow.ChannelAddMember.Call(ctx, who, flow.ChannelAddMemberInput(becomes(channel, whom, state)))
			return err
		}
	}
	remove := func(who *person) func(context.Context, flow.ChannelID) error {
		return func(ctx context.Context, channel flow.ChannelID) error {
			_, err := flow.DeleteChannel.Call(ctx, who, flow.DeleteChannelInput{ChannelID: channel})
			return err
		}
	}
	for _, a := range []attempt[flow.ChannelID]{
		{"admin adds a member", add(admin, outside, flow.Member), true},
		{"admin adds an admin", add(admin, outside, flow.Admin), true},
		{"admin adds an owner", add(admin, outside, flow.Owner), false},
		{"member adds a member", add(member, outside, flow.Member), false},
		{"admin makes the member an admin", set(admin, member, flow.Admin), true},
		{"admin makes the member an owner", set(admin, member, flow.Owner), false},
		{"admin bans the member", set(admin, member, flow.Banned), true},
		{"member bans another", set(member, other, flow.Banned), false},
		{"member bans the admin", set(member, admin, flow.Banned), false},
		{"member makes itself an admin", set(member, member, flow.Admin), false},
		{"member leaves", set(member, member, flow.Banned), true},
		{"admin makes itself an owner", set(admin, admin, flow.Owner), false},
		{"admin bans the owner", set(admin, head, flow.Banned), false},
		{"admin makes the owner a member", set(admin, head, flow.Member), false},
		{"admin adds the owner as a member", add(admin, head, flow.Member), false},
		{"owner adds an owner", add(head, outside, flow.Owner), true},
		{"owner makes the member an owner", set(head, member, flow.Owner), true},
		{"owner bans the admin", set(head, admin, flow.Banned), true},
		{"owner steps down", set(head, head, flow.Admin), true},
		{"admin who owns the team adds an owner", add(founder, outside, flow.Owner), true},
		{"admin who owns the team makes itself an owner", set(founder, founder, flow.Owner), true},
		{"admin who owns the team makes the member an owner", set(founder, member, flow.Owner), true},
		{"admin who owns the team bans the owner", set(founder, head, flow.Banned), true},
		{"member who owns the team makes itself an owner", set(lay, lay, flow.Owner), false},
		{"member who owns the team makes itself an admin", set(lay, lay, flow.Admin), false},
		{"member who owns the team adds a member", add(lay, outside, flow.Member), false},
		{"member who owns the team deletes the channel", remove(lay), false},
		{"owner deletes the channel", remove(head), true},
		{"admin deletes the channel", remove(admin), true},
		{"member deletes the channel", remove(member), false},
	} {
		t.Run(a.what, func(t *testing.T) {
			channel := admin.opens(t, org, "general", member, other, lay)
			admin.invites(t, channel, founder, flow.Admin)
			founder.invites(t, channel, head, flow.Owner)
			judge(t, a.allowed, channelStates, admin, channel, a.do)
		})
	}
}

// outsideRights: channels are by invitation only, even for the team's owner.
func outsideRights(t *testing.T, n *network) {
	owner, bob := n.join(t, "owner"), n.join(t, "bob")
	org := owner.founds(t, "Team", bob)
	private := bob.opens(t, org, "private")
	secret := bob.send(t, private, "the plan")
	for _, id := range []flow.ChannelID{private, "NONE"} {
		refuse(t, owner, flow.GetChannel, flow.GetChannelInput{ChannelID: id}, flow.NotFound)
		refuse(t, owner, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: id}, flow.NotFound)
		refuse(t, owner, flow.EnumerateChannelMembers, flow.EnumerateChannelMembersInput{ChannelID: id}, flow.NotFound)
		refuse(t, owner, flow.EnumerateChannelMemberHistory, flow.EnumerateChannelMemberHistoryInput{ChannelID: id}, flow.NotFound)
		refuse(t, owner, flow.SendMessage, flow.SendMessageInput{ChannelID: id, Text: "hi"}, flow.NotFound)
		refuse(t, owner, flow.GetUnreadCount, flow.GetUnreadCountInput{ChannelID: id}, flow.NotFound)
		refuse(t, owner, flow.GetChannelReadHWM, flow.GetChannelReadHWMInput{ChannelID: id}, flow.NotFound)
		refuse(t, owner, flow.SetChannelReadHWM, flow.SetChannelReadHWMInput{ChannelID: id, MessageID: secret}, flow.NotFound)
		refuse(t, owner, flow.Search, flow.SearchInput{ChannelID: id, Search: "plan"}, flow.NotFound)
		refuse(t, owner, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: id}, flow.NotFound)
		refuse(t, owner, flow.MarkMessagesDeleted, flow.MarkMessagesDeletedInput{
			ChannelID: id, Messages: []flow.MessageRef{{MessageID: secret}},
		}, flow.NotFound)
		refuse(t, owner, flow.ChannelAddMember, flow.ChannelAddMemberInput{
			ChannelID: id, MemberAccountID: owner.id, MemberState: flow.Admin,
		}, flow.NotFound)
		refuse(t, owner, flow.NewChannelMemberState, becomes(id, owner, flow.Admin), flow.NotFound)
	}
	if got := bob.texts(t, private, flow.MessageFilters{}); len(got) != 1 {
		t.Errorf("the private channel holds %q", got)
	}
}

func unknownStates(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	for _, state := range []flow.MemberState{"", "x", "O", "member"} {
		refuse(t, alice, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: org, MemberAccountID: carol.id, MemberState: state}, flow.Invalid)
		refuse(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: bob.id, MemberState: state}, flow.Invalid)
		refuse(t, alice, flow.ChannelAddMember, flow.ChannelAddMemberInput{ChannelID: general, MemberAccountID: bob.id, MemberState: state}, flow.Invalid)
		refuse(t, alice, flow.NewChannelMemberState, becomes(general, bob, state), flow.Invalid)
	}
	refuse(t, alice, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: org, MemberAccountID: "NONE", MemberState: flow.Member}, flow.NotFound)
	refuse(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: carol.id, MemberState: flow.Admin}, flow.NotFound, flow.Conflict)
	refuse(t, alice, flow.ChannelAddMember, flow.ChannelAddMemberInput{ChannelID: general, MemberAccountID: carol.id, MemberState: flow.Member})
	refuse(t, alice, flow.NewChannelMemberState, becomes(general, carol, flow.Member), flow.NotFound, flow.Conflict)
}
