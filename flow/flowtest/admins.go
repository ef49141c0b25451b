package flowtest

import (
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var admins = []scenario{
	{"do not leave members behind", lastAdminStays},
	{"may leave when they are alone", loneAdminLeaves},
	{"have a successor when they leave the team", adminsSucceed},
	{"are not chosen where there is one", adminsStay},
}

// becomes is a change of state in a channel.
func becomes(channel flow.ChannelID, who *person, state flow.MemberState) flow.NewChannelMemberStateInput {
	return flow.NewChannelMemberStateInput{ChannelID: channel, MemberAccountID: who.id, MemberState: state}
}

func lastAdminStays(t *testing.T, n *network) {
	owner, alice, bob, carol := n.join(t, "owner"), n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	org := owner.founds(t, "Team", alice, bob, carol)
	general := alice.opens(t, org, "general", bob, carol)
	before := channelStates(t, bob, general)
	for _, state := range []flow.MemberState{flow.Member, flow.Banned} {
		text := refuse(t, alice, flow.NewChannelMemberState, becomes(general, alice, state), flow.Conflict)
		if !strings.Contains(text, "make one of them an admin") || !strings.Contains(text, "DeleteChannel") {
			t.Errorf("the refusal does not say what to do first: %s", text)
		}
		refuse(t, alice, flow.ChannelAddMember, flow.ChannelAddMemberInput(becomes(general, alice, state)), flow.Conflict)
	}
	if diff := cmp.Diff(before, channelStates(t, bob, general)); diff != "" {
		t.Errorf("refusals changed the members (-before +after):\n%s", diff)
	}

	alice.bans(t, general, carol) // who is no admin
	must(t, alice, flow.NewChannelMemberState, becomes(general, bob, flow.Admin))
	must(t, alice, flow.NewChannelMemberState, becomes(general, alice, flow.Member))
	refuse(t, bob, flow.NewChannelMemberState, becomes(general, bob, flow.Member), flow.Conflict)
	must(t, alice, flow.NewChannelMemberState, becomes(general, alice, flow.Banned))
	want := map[flow.AccountID]flow.MemberState{bob.id: flow.Admin}
	if diff := cmp.Diff(want, channelStates(t, bob, general)); diff != "" {
		t.Errorf("the members (-want +got):\n%s", diff)
	}
}

func loneAdminLeaves(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := bob.opens(t, org, "general", alice)
	bob.bans(t, general, alice)
	text := refuse(t, bob, flow.NewChannelMemberState, becomes(general, bob, flow.Member), flow.Conflict)
	if !strings.Contains(text, "DeleteChannel") {
		t.Errorf("the refusal does not say what to do instead: %s", text)
	}
	must(t, bob, flow.NewChannelMemberState, becomes(general, bob, flow.Banned))
	refuse(t, bob, flow.GetChannel, flow.GetChannelInput{ChannelID: general}, flow.NotFound)
}

// adminsSucceed: nobody is kept in a team because a channel needs its admin. Who comes next
// is a person before a program, and who is not locked before who is; then the states in the
// team count, and then who has been in the channel for the longest.
func adminsSucceed(t *testing.T, n *network) {
	owner, _ := home(t, n, "owner")
	people := map[string]*person{"owner": owner}
	for _, name := range []string{"admin", "early", "late", "locked", "locker"} {
		people[name], _ = home(t, n, name)
	}
	vault, _ := n.escrowAccount(t)
	people["vault"] = vault
	owner.lock(t, "locked", flow.FullLock)
	org := owner.founds(t, "Team")
	owner.admits(t, org, people["admin"], flow.Admin)
	for _, name := range []string{"early", "late", "locked", "vault"} {
		owner.admits(t, org, people[name], flow.Member)
	}
	leaver := n.join(t, "leaver")
	for what, tt := range map[string]struct {
		members []string // in the order in which they come
		next    string
	}{
		"owner of the team":      {[]string{"early", "admin", "owner"}, "owner"},
		"admin of the team":      {[]string{"early", "admin"}, "admin"},
		"the earliest":           {[]string{"late", "early"}, "late"},
		"somebody who can":       {[]string{"locked", "early"}, "early"},
		"somebody who is locked": {[]string{"locked"}, "locked"},
		"a person":               {[]string{"vault", "locked"}, "locked"},
		"a program":              {[]string{"vault"}, "vault"},
	} {
		t.Run(what, func(t *testing.T) {
			owner.admits(t, org, leaver, flow.Member)
			var members []*person
			for _, name := range tt.members {
				members = append(members, people[name])
			}
			channel := leaver.opens(t, org, "of a leaver", members...)
			witness := people[tt.next]
			if tt.next != "locked" {
				witness.news(t)
			}
			must(t, leaver, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: leaver.id, MemberState: flow.Banned})
			if tt.next == "locked" {
				owner.lock(t, "locked", flow.Unlocked)
				defer owner.lock(t, "locked", flow.FullLock)
			}
			want := map[flow.AccountID]flow.MemberState{}
			for _, m := range members {
				want[m.id] = flow.Member
			}
			want[witness.id] = flow.Admin
			if diff := cmp.Diff(want, channelStates(t, witness, channel)); diff != "" {
				t.Errorf("the members (-want +got):\n%s", diff)
			}
			for told := false; !told; {
				for _, m := range await(t, witness, flow.ChannelMemberEvent) {
					told = told || m.ChannelID == channel && m.AccountID == witness.id && m.State == flow.Admin
				}
			}
			must(t, witness, flow.SetChannelRetentionPolicy, flow.SetChannelRetentionPolicyInput{ChannelID: channel, MaxMessages: 5})
		})
	}
}

func adminsStay(t *testing.T, n *network) {
	owner, leaver, second, member := n.join(t, "owner"), n.join(t, "leaver"), n.join(t, "second"), n.join(t, "member")
	org := owner.founds(t, "Team", leaver, second, member)
	led := leaver.opens(t, org, "led by two", owner, member)
	leaver.invites(t, led, second, flow.Admin)
	joined := second.opens(t, org, "of another", leaver, member)
	empty := leaver.opens(t, org, "alone")
	direct := leaver.talksTo(t, org, member)
	owner.admits(t, org, leaver, flow.Banned)
	for channel, want := range map[flow.ChannelID]map[flow.AccountID]flow.MemberState{
		led:    {owner.id: flow.Member, second.id: flow.Admin, member.id: flow.Member},
		joined: {second.id: flow.Admin, member.id: flow.Member},
		direct: {member.id: flow.Member},
	} {
		if diff := cmp.Diff(want, channelStates(t, member, channel)); diff != "" {
			t.Errorf("the members (-want +got):\n%s", diff)
		}
	}
	refuse(t, owner, flow.GetChannel, flow.GetChannelInput{ChannelID: empty}, flow.NotFound)
}
