package flowtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var teams = []scenario{
	{"belong to who made them", teamsHaveAnOwner},
	{"have names of 1 to 200 characters", teamNames},
	{"are joined by request", joinRequests},
	{"show nothing to who waits for an answer", joinPatience},
	{"refuse requests of members and strangers", joinRefusals},
	{"tell owners and admins of requests", joinNews},
	{"keep the history of their members", teamHistory},
	{"put banned members out of their channels too", teamBan},
	{"take banned members back", teamReadmission},
	{"are closed to others", teamsAreClosed},
}

func teamsHaveAnOwner(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	org := must(t, alice, flow.NewOrg, flow.NewOrgInput{Name: "Design", Discoverable: true})
	want := flow.Org{ID: org.ID, Name: "Design", Discoverable: true, State: flow.Owner}
	if diff := cmp.Diff(want, org); diff != "" || org.ID == "" {
		t.Errorf("NewOrg (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]flow.Org{want}, must(t, alice, flow.EnumerateOrgs, flow.EnumerateOrgsInput{})); diff != "" {
		t.Errorf("EnumerateOrgs (-want +got):\n%s", diff)
	}
	for what, members := range map[string][]flow.OrgMember{
		"members": must(t, alice, flow.EnumerateOrgMembers, flow.EnumerateOrgMembersInput{OrgID: org.ID}),
		"history": must(t, alice, flow.EnumerateOrgMemberHistory, flow.EnumerateOrgMemberHistoryInput{OrgID: org.ID}),
	} {
		if len(members) != 1 || members[0].CreationTime <= 0 {
			t.Fatalf("the %s of a new team: %+v", what, members)
		}
		members[0].CreationTime = 0
		want := []flow.OrgMember{{OrgID: org.ID, AccountID: alice.id, State: flow.Owner}}
		if diff := cmp.Diff(want, members); diff != "" {
			t.Errorf("the %s of a new team (-want +got):\n%s", what, diff)
		}
	}
	if channels := must(t, alice, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: org.ID}); len(channels) != 0 {
		t.Errorf("a new team has channels: %+v", channels)
	}
}

func teamNames(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	for _, name := range []string{"", strings.Repeat("é", 201)} {
		refuse(t, alice, flow.NewOrg, flow.NewOrgInput{Name: name}, flow.Invalid)
	}
	for _, name := range []string{"x", strings.Repeat("é", 200), "Équipe / עיצוב 🎨", "Design", "Design"} {
		if got := must(t, alice, flow.NewOrg, flow.NewOrgInput{Name: name}).Name; got != name {
			t.Errorf("the team %q is called %q", name, got)
		}
	}
}

func joinRequests(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.register(t, "bob")
	org := alice.founds(t, "Team")
	must(t, bob, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: org})
	if orgs := must(t, bob, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}); len(orgs) != 0 {
		t.Errorf("who only asked is a member of %+v", orgs)
	}
	pending := func() []flow.OrgJoinRequest {
		return must(t, alice, flow.EnumerateOrgJoinRequests, flow.EnumerateOrgJoinRequestsInput{OrgID: org})
	}
	requests := pending()
	if len(requests) != 1 || requests[0].OrgID != org || requests[0].AccountID != bob.id || requests[0].CreationTime <= 0 {
		t.Errorf("the pending requests are %+v", requests)
	}
	alice.admits(t, org, bob, flow.Member)
	if requests := pending(); len(requests) != 0 {
		t.Errorf("an accepted request is pending still: %+v", requests)
	}
	orgs := must(t, bob, flow.EnumerateOrgs, flow.EnumerateOrgsInput{})
	if len(orgs) != 1 || orgs[0].ID != org || orgs[0].State != flow.Member {
		t.Errorf("the admitted account's teams are %+v", orgs)
	}
}

// Bots list and search a team as soon as they have asked to join it, and take a refusal
// for the end.
func joinPatience(t *testing.T, n *network) {
	alice, bot := n.join(t, "alice"), n.join(t, "bot")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	alice.send(t, general, "hello")
	list, search := flow.EnumerateChannelsInput{OrgID: org}, flow.SearchInput{OrgID: org, Search: "hello"}
	refuse(t, bot, flow.EnumerateChannels, list, flow.NotFound)
	refuse(t, bot, flow.Search, search, flow.NotFound)

	must(t, bot, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: org})
	if got := must(t, bot, flow.EnumerateChannels, list); len(got) != 0 {
		t.Errorf("who waits for an answer sees the channels %+v", got)
	}
	if got := must(t, bot, flow.Search, search); len(got) != 0 {
		t.Errorf("who waits for an answer finds %+v", got)
	}
	refuse(t, bot, flow.EnumerateOrgMembers, flow.EnumerateOrgMembersInput{OrgID: org}, flow.NotFound)
	refuse(t, bot, flow.NewChannel, flow.NewChannelInput{OrgID: org, Name: "mine"}, flow.NotFound)
	refuse(t, bot, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{
		OrgID: org, MemberAccountID: bot.id, MemberState: flow.Member,
	}, flow.NotFound)
	refuse(t, bot, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: general}, flow.NotFound)

	alice.admits(t, org, bot, flow.Member)
	refuse(t, bot, flow.OrgAddMember, flow.OrgAddMemberInput{
		OrgID: org, MemberAccountID: alice.id, MemberState: flow.Member,
	}, flow.Denied)
}

func joinRefusals(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	org := alice.founds(t, "Team", bob)
	for _, p := range []*person{alice, bob} {
		text := refuse(t, p, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: org}, flow.Conflict)
		if !strings.Contains(text, "Member Already") {
			t.Errorf("the refusal of a member's request says %q, without Member Already", text)
		}
	}
	refuse(t, carol, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: "NONE"}, flow.NotFound)

	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{
		OrgID: org, MemberAccountID: bob.id, MemberState: flow.Banned,
	})
	refuse(t, bob, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: org})
	requests := must(t, alice, flow.EnumerateOrgJoinRequests, flow.EnumerateOrgJoinRequestsInput{OrgID: org})
	if len(requests) != 0 {
		t.Errorf("refused requests are pending: %+v", requests)
	}
}

func joinNews(t *testing.T, n *network) {
	alice, adam, bob, carol := n.join(t, "alice"), n.join(t, "adam"), n.join(t, "bob"), n.join(t, "carol")
	org := alice.founds(t, "Team", bob)
	alice.admits(t, org, adam, flow.Admin)
	everybody := []*person{alice, adam, bob, carol}
	for _, p := range everybody {
		p.news(t)
	}
	must(t, carol, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: org})
	for _, p := range everybody {
		var asked []flow.AccountID
		for _, notification := range p.news(t) {
			if notification.Type == flow.OrgJoinRequestEvent.Type() {
				for _, r := range decode(t, flow.OrgJoinRequestEvent, notification) {
					asked = append(asked, r.AccountID)
				}
			}
		}
		var want []flow.AccountID
		if p == alice || p == adam {
			want = []flow.AccountID{carol.id}
		}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("the requests that %s was told of (-want +got):\n%s", p.name, diff)
		}
	}
}

func teamHistory(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	for _, state := range []flow.MemberState{flow.Admin, flow.Banned} {
		must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{
			OrgID: org, MemberAccountID: bob.id, MemberState: state,
		})
	}
	type record struct {
		Who   flow.AccountID
		State flow.MemberState
	}
	var got []record
	var times []int64
	for _, m := range must(t, alice, flow.EnumerateOrgMemberHistory, flow.EnumerateOrgMemberHistoryInput{OrgID: org}) {
		got = append(got, record{m.AccountID, m.State})
		times = append(times, -m.CreationTime)
	}
	want := []record{{bob.id, flow.Banned}, {bob.id, flow.Admin}, {bob.id, flow.Member}, {alice.id, flow.Owner}}
	if diff := cmp.Diff(want, got); diff != "" || !slices.IsSorted(times) {
		t.Errorf("the team's history, newest first (-want +got):\n%s\ntimes %v", diff, times)
	}
}

// states returns the current members of a team.
func states(t *testing.T, p *person, org flow.OrgID) map[flow.AccountID]flow.MemberState {
	t.Helper()
	current := map[flow.AccountID]flow.MemberState{}
	for _, m := range must(t, p, flow.EnumerateOrgMembers, flow.EnumerateOrgMembersInput{OrgID: org}) {
		current[m.AccountID] = m.State
	}
	return current
}

func teamBan(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	own := bob.opens(t, org, "bob's own")
	direct := bob.talksTo(t, org, alice)
	bob.news(t)
	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{
		OrgID: org, MemberAccountID: bob.id, MemberState: flow.Banned,
	})
	if diff := cmp.Diff(map[flow.AccountID]flow.MemberState{alice.id: flow.Owner}, states(t, alice, org)); diff != "" {
		t.Errorf("the members after the ban (-want +got):\n%s", diff)
	}
	if got := channelStates(t, alice, general); len(got) != 1 || got[alice.id] != flow.Admin {
		t.Errorf("the channel's members after the ban: %v", got)
	}
	for _, o := range must(t, bob, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}) {
		if o.ID == org {
			t.Errorf("the banned account lists the team still")
		}
	}
	for _, channel := range []flow.ChannelID{general, own, direct} {
		refuse(t, bob, flow.GetChannel, flow.GetChannelInput{ChannelID: channel}, flow.NotFound)
		refuse(t, bob, flow.SendMessage, flow.SendMessageInput{ChannelID: channel, Text: "hi"}, flow.NotFound)
	}
	alice.send(t, general, "he is gone")
	told := false
	for _, n := range bob.news(t) {
		switch n.Type {
		case flow.OrgMemberEvent.Type():
			for _, m := range decode(t, flow.OrgMemberEvent, n) {
				told = told || m.OrgID == org && m.AccountID == bob.id && m.State == flow.Banned
			}
		case flow.MessageEvent.Type():
			t.Errorf("the banned account was sent %s", n.Data)
		}
	}
	if !told {
		t.Errorf("the banned account was not told")
	}
}

func teamReadmission(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{
		OrgID: org, MemberAccountID: bob.id, MemberState: flow.Banned,
	})
	alice.admits(t, org, bob, flow.Member)
	general := alice.opens(t, org, "general", bob)
	bob.send(t, general, "back again")
	if got := states(t, bob, org)[bob.id]; got != flow.Member {
		t.Errorf("who was taken back has the state %q", got)
	}
}

func teamsAreClosed(t *testing.T, n *network) {
	alice, mallory := n.join(t, "alice"), n.join(t, "mallory")
	org := alice.founds(t, "Team")
	for _, id := range []flow.OrgID{org, "NONE", ""} {
		refuse(t, mallory, flow.EnumerateOrgMembers, flow.EnumerateOrgMembersInput{OrgID: id}, flow.NotFound, flow.Invalid)
		refuse(t, mallory, flow.EnumerateOrgMemberHistory, flow.EnumerateOrgMemberHistoryInput{OrgID: id}, flow.NotFound, flow.Invalid)
		refuse(t, mallory, flow.EnumerateOrgJoinRequests, flow.EnumerateOrgJoinRequestsInput{OrgID: id}, flow.NotFound, flow.Invalid)
		refuse(t, mallory, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: id}, flow.NotFound, flow.Invalid)
		refuse(t, mallory, flow.NewChannel, flow.NewChannelInput{OrgID: id, Name: "mine"}, flow.NotFound, flow.Invalid)
		refuse(t, mallory, flow.OrgAddMember,
			flow.OrgAddMemberInput{OrgID: id, MemberAccountID: mallory.id, MemberState: flow.Owner}, flow.NotFound, flow.Invalid)
	}
}
