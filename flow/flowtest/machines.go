package flowtest

import (
	"strings"
	"sync"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var machines = []scenario{
	{"are local database directories", machinesAreDirectories},
	{"have a team and a channel where all accounts meet", homeIsShared},
	{"make their home once when many start at once", homeConverges},
	{"make an account once when it starts many times at once", localAccountConverges},
	{"welcome accounts that were made otherwise", homeForExisting},
	{"start for a reader what there is, and make nothing", homeForReaders},
	{"know again an account that was renamed", homeForRenamed},
	{"keep the channel where all accounts meet", homeStays},
	{"give that channel an admin when all have left it", homeIsEmpty},
}

// machinesAreDirectories: an account is local only where it has a device, though all
// machines are on one network.
func machinesAreDirectories(t *testing.T, n *network) {
	alice := register(t, open(t, n.process(t, "here")), "alice")
	bob := register(t, open(t, n.process(t, "there")), "bob")
	for machine, want := range map[string]string{"here": "alice", "there": "bob"} {
		got := must(t, n.process(t, machine), flow.EnumerateLocalAccounts, flow.EnumerateLocalAccountsInput{})
		if len(got) != 1 || got[0].Username != want {
			t.Errorf("the machine of %s lists %+v", want, got)
		}
	}
	s := open(t, n.process(t, "there"))
	if text := refuse(t, s, flow.StartUp, flow.StartUpInput{Username: "alice"}); text != "Unknown account" {
		t.Errorf("StartUp on the other machine says %q", text)
	}
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	alice.send(t, general, "hi")
	if got := bob.waitMessage(t).Text; got != "hi" {
		t.Errorf("bob was sent %q", got)
	}
}

// home starts an account of the usual machine.
func home(t *testing.T, n *network, name string) (*person, flow.Home) {
	t.Helper()
	s := open(t, n.process(t, ""))
	h := must(t, s, flow.StartUpLocal, flow.StartUpLocalInput{Username: name})
	return started(t, s, name), h
}

func homeIsShared(t *testing.T, n *network) {
	alice, first := home(t, n, "alice")
	bob, second := home(t, n, "bob")
	_, again := home(t, n, "alice")
	if diff := cmp.Diff(flow.Home{
		AccountID: alice.id, Username: "alice", OrgID: first.OrgID, ChannelID: first.ChannelID, Created: true,
	}, first); diff != "" {
		t.Errorf("the first home (-want +got):\n%s", diff)
	}
	want := first
	want.AccountID, want.Username = bob.id, "bob"
	if diff := cmp.Diff(want, second); diff != "" {
		t.Errorf("the second account's home (-want +got):\n%s", diff)
	}
	want = first
	want.Created = false
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("the first account's home, again (-want +got):\n%s", diff)
	}
	must(t, alice, flow.StartUpLocal, flow.StartUpLocalInput{Username: "alice"})

	alice.send(t, first.ChannelID, "anybody home?")
	if got := bob.waitMessage(t).Text; got != "anybody home?" {
		t.Errorf("bob was sent %q", got)
	}
	channel := must(t, bob, flow.GetChannel, flow.GetChannelInput{ChannelID: first.ChannelID})
	orgs := must(t, bob, flow.EnumerateOrgs, flow.EnumerateOrgsInput{})
	if channel.Name == "" || len(orgs) != 1 || orgs[0].Name == "" || orgs[0].ID != channel.OrgID {
		t.Errorf("the home has the channel %+v and the teams %+v", channel, orgs)
	}
	refuse(t, open(t, n.process(t, "")), flow.StartUpLocal, flow.StartUpLocalInput{Username: " "}, flow.Invalid)
}

func homeConverges(t *testing.T, n *network) {
	people := []string{"alice", "bob", "carol", "dave", "erin", "frank"}
	homes := startHomes(t, n, people...)
	names := map[flow.AccountID]bool{}
	for _, h := range homes {
		names[h.AccountID] = true
		if h.OrgID != homes[0].OrgID || h.ChannelID != homes[0].ChannelID || !h.Created {
			t.Errorf("accounts that started at once got the homes %+v and %+v", homes[0], h)
		}
	}
	if len(names) != len(people) {
		t.Errorf("%d accounts started, %d exist", len(people), len(names))
	}
	last, _ := home(t, n, "alice")
	members := must(t, last, flow.EnumerateChannelMembers, flow.EnumerateChannelMembersInput{ChannelID: homes[0].ChannelID})
	if len(members) != len(people) {
		t.Errorf("the channel of the machine has %d members, want %d", len(members), len(people))
	}
}

func localAccountConverges(t *testing.T, n *network) {
	homes := startHomes(t, n, "alice", "alice", "alice", "alice", "alice", "alice")
	made := 0
	for _, h := range homes {
		if h.AccountID != homes[0].AccountID || h.OrgID != homes[0].OrgID || h.ChannelID != homes[0].ChannelID {
			t.Errorf("one account that started many times got the homes %+v and %+v", homes[0], h)
		}
		if h.Created {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d calls say that they made the account, want 1", made)
	}
	alice, _ := home(t, n, "alice")
	if devices := must(t, alice, flow.GetDevices, flow.GetDevicesInput{}); len(devices) != 1 {
		t.Errorf("the account has %d devices on one machine: %+v", len(devices), devices)
	}
}

func homeForExisting(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	again, h := home(t, n, "alice")
	if again.id != alice.id || h.Created {
		t.Errorf("the account %s started at home as %+v", alice.id, h)
	}
	alice.send(t, h.ChannelID, "at home")
}

// homeForReaders: a program that only reads starts what there is and makes nothing.
func homeForReaders(t *testing.T, n *network) {
	in := flow.StartUpLocalInput{Username: "alice", Existing: true}
	reader := open(t, n.process(t, ""))
	refuse(t, reader, flow.StartUpLocal, in, flow.NotFound)
	if all := must(t, reader, flow.EnumerateLocalAccounts, flow.EnumerateLocalAccountsInput{}); len(all) != 0 {
		t.Errorf("it has made %+v", all)
	}
	_, bobs := home(t, n, "bob")
	if text := refuse(t, reader, flow.StartUpLocal, in, flow.NotFound); !strings.Contains(text, `"alice"`) || !strings.Contains(text, `"bob"`) {
		t.Errorf("the refusal names neither who is missing nor who is there: %s", text)
	}
	alice, want := home(t, n, "alice")
	want.Created = false
	if diff := cmp.Diff(want, must(t, reader, flow.StartUpLocal, in)); diff != "" {
		t.Errorf("the home of a reader (-want +got):\n%s", diff)
	}
	if devices := must(t, alice, flow.GetDevices, flow.GetDevicesInput{}); len(devices) != 1 {
		t.Errorf("the account has the devices %+v", devices)
	}

	register(t, open(t, n.process(t, "elsewhere")), "carol")
	refuse(t, open(t, n.process(t, "")), flow.StartUpLocal, flow.StartUpLocalInput{Username: "carol", Existing: true}, flow.NotFound)
	members := must(t, alice, flow.EnumerateOrgMembers, flow.EnumerateOrgMembersInput{OrgID: bobs.OrgID})
	if len(members) != 2 {
		t.Errorf("in the team of the machine are %+v", members)
	}

	dave := n.register(t, "dave")
	alone := must(t, open(t, n.process(t, "")), flow.StartUpLocal, flow.StartUpLocalInput{Username: "dave", Existing: true})
	if diff := cmp.Diff(flow.Home{AccountID: dave.id, Username: "dave"}, alone); diff != "" {
		t.Errorf("who is in no team of the machine has the home (-want +got):\n%s", diff)
	}
}

// homeForRenamed: who comes back under the old name is who it was, not somebody new.
func homeForRenamed(t *testing.T, n *network) {
	alice, first := home(t, n, "alice")
	must(t, alice, flow.ChangeUsername, flow.ChangeUsernameInput{Username: "liddell"})
	want := first
	want.Username, want.Created = "liddell", false
	in := flow.StartUpLocalInput{Username: "alice", AccountID: alice.id}
	if diff := cmp.Diff(want, must(t, open(t, n.process(t, "")), flow.StartUpLocal, in)); diff != "" {
		t.Errorf("the home of the renamed account (-want +got):\n%s", diff)
	}
	in.AccountID = "NONE"
	if other := must(t, open(t, n.process(t, "")), flow.StartUpLocal, in); !other.Created || other.AccountID == alice.id {
		t.Errorf("without a known id, alice is %+v", other)
	}
}

func homeStays(t *testing.T, n *network) {
	alice, h := home(t, n, "alice")
	refuse(t, alice, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: h.ChannelID}, flow.Conflict)
	bob, _ := home(t, n, "bob")
	alice.send(t, h.ChannelID, "still here")
	if got := bob.waitMessage(t).Text; got != "still here" {
		t.Errorf("bob was sent %q", got)
	}
}

// homeIsEmpty: who has left the channel is not told to meet there, and who comes into an
// empty one can let the others in again.
func homeIsEmpty(t *testing.T, n *network) {
	alice, h := home(t, n, "alice")
	leave := becomes(h.ChannelID, alice, flow.Banned)
	must(t, alice, flow.NewChannelMemberState, leave)
	for _, existing := range []bool{false, true} {
		in := flow.StartUpLocalInput{Username: "alice", Existing: existing}
		want := flow.Home{AccountID: alice.id, Username: "alice", OrgID: h.OrgID}
		if diff := cmp.Diff(want, must(t, open(t, n.process(t, "")), flow.StartUpLocal, in)); diff != "" {
			t.Errorf("the home of who has left its channel (-want +got):\n%s", diff)
		}
	}
	bob, bobs := home(t, n, "bob")
	if bobs.ChannelID != h.ChannelID {
		t.Errorf("bob's home is %+v", bobs)
	}
	must(t, bob, flow.ChannelAddMember, flow.ChannelAddMemberInput{ChannelID: h.ChannelID, MemberAccountID: alice.id, MemberState: flow.Member})
	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: h.OrgID, MemberAccountID: bob.id, MemberState: flow.Banned})
	_, gone := home(t, n, "bob")
	if diff := cmp.Diff(flow.Home{AccountID: bob.id, Username: "bob"}, gone); diff != "" {
		t.Errorf("the home of who is out of its team (-want +got):\n%s", diff)
	}
}

// startHomes starts accounts on processes of their own, all at once.
func startHomes(t *testing.T, n *network, names ...string) []flow.Home {
	t.Helper()
	var idle []flow.Session
	for range names {
		idle = append(idle, open(t, n.process(t, "")))
	}
	return together(t, len(names), func(i int) (flow.Home, error) {
		return flow.StartUpLocal.Call(t.Context(), idle[i], flow.StartUpLocalInput{Username: names[i]})
	})
}

// together does the same thing many times at once.
func together[T any](t *testing.T, times int, do func(int) (T, error)) []T {
	t.Helper()
	results, errs := make([]T, times), make([]error, times)
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() { results[i], errs[i] = do(i) })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("number %d of %d at once: %v", i+1, times, err)
		}
	}
	return results
}
