package flowtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var accounts = []scenario{
	{"are known by name and id", accountsAreKnown},
	{"need names of their own", accountNames},
	{"are listed where they have a device", localAccounts},
	{"change their name", accountsAreRenamed},
	{"tell of their new name whoever shares a team", renamesAreTold},
	{"change their password", passwordsChange},
	{"confirm no address", emailIsNotConfirmed},
}

func accountsAreKnown(t *testing.T, n *network) {
	s := open(t, n.process(t, ""))
	must(t, s, flow.CreateAccount, flow.CreateAccountInput{
		Username: "alice", ServerURI: "flow.example", Password: password,
		DeviceName: "laptop", Platform: "linux", OSRelease: "6.1",
	})
	alice := started(t, s, "alice")
	identifier := must(t, alice, flow.Identifier, flow.IdentifierInput{})
	if diff := cmp.Diff(flow.AccountIdentifier{Username: "alice", ServerURI: "flow.example"}, identifier); diff != "" {
		t.Errorf("Identifier (-want +got):\n%s", diff)
	}
	devices := must(t, alice, flow.GetDevices, flow.GetDevicesInput{})
	if len(devices) != 1 {
		t.Fatalf("a new account has %d devices, want 1", len(devices))
	}
	if devices[0].CreationTime <= 0 {
		t.Errorf("the device was made at %d ms", devices[0].CreationTime)
	}
	devices[0].CreationTime = 0
	want := flow.Device{
		ID: must(t, alice, flow.GetDeviceID, flow.DeviceIDInput{}), AccountID: alice.id,
		Name: "laptop", Authorized: true, Platform: "linux", OSRelease: "6.1",
	}
	if diff := cmp.Diff(want, devices[0]); diff != "" {
		t.Errorf("the first device (-want +got):\n%s", diff)
	}
}

func accountNames(t *testing.T, n *network) {
	n.register(t, "alice")
	for _, name := range []string{"", " ", " bob", "bob ", "bob\n", "me", "M\u200dE"} {
		s := open(t, n.process(t, ""))
		refuse(t, s, flow.CreateAccount, flow.CreateAccountInput{Username: name, Password: password}, flow.Invalid)
		refuse(t, s, flow.StartUpLocal, flow.StartUpLocalInput{Username: name}, flow.Invalid)
	}
	s := open(t, n.process(t, "elsewhere"))
	refuse(t, s, flow.CreateAccount, flow.CreateAccountInput{Username: "carol", Password: "shorter"}, flow.Invalid)
	refuse(t, s, flow.CreateAccount, flow.CreateAccountInput{Username: "alice", Password: password}, flow.Conflict)
	must(t, s, flow.CreateAccount, flow.CreateAccountInput{Username: "bob", Password: password, PhoneNumber: "0123"})
	other := open(t, n.process(t, ""))
	refuse(t, other, flow.CreateAccount,
		flow.CreateAccountInput{Username: "carol", Password: password, PhoneNumber: "0123"}, flow.Conflict)
	for _, name := range []string{"Zoë Müller 明", "дарья@example.com"} {
		p := register(t, open(t, n.process(t, "")), name)
		if got := must(t, p, flow.Identifier, flow.IdentifierInput{}).Username; got != name {
			t.Errorf("the account %q is called %q", name, got)
		}
	}
}

func localAccounts(t *testing.T, n *network) {
	p := n.process(t, "")
	if got := raw(t, p, "EnumerateLocalAccounts", "{}"); got != "[]" {
		t.Errorf("a machine without accounts lists %s, want []", got)
	}
	register(t, open(t, p), "zoe")
	n.register(t, "adam")
	var names []string
	for _, account := range must(t, n.process(t, ""), flow.EnumerateLocalAccounts, flow.EnumerateLocalAccountsInput{}) {
		names = append(names, account.Username)
	}
	if diff := cmp.Diff([]string{"zoe", "adam"}, names); diff != "" {
		t.Errorf("the first account made is the default (-want +got):\n%s", diff)
	}
}

func accountsAreRenamed(t *testing.T, n *network) {
	alice, bob := n.register(t, "alice"), n.join(t, "bob")
	phone := n.device(t, "elsewhere", "alice")
	rename := func(name, secret string) flow.ChangeUsernameInput {
		return flow.ChangeUsernameInput{Username: name, Password: secret}
	}
	refuse(t, alice, flow.ChangeUsername, rename("alice liddell", "a guess"))
	refuse(t, alice, flow.ChangeUsername, rename("bob", password), flow.Conflict)
	refuse(t, alice, flow.ChangeUsername, rename("", password), flow.Invalid)
	refuse(t, alice, flow.ChangeUsername, rename("Me", password), flow.Invalid)
	must(t, alice, flow.ChangeUsername, rename("alice liddell", password))

	if got := must(t, alice, flow.Identifier, flow.IdentifierInput{}).Username; got != "alice liddell" {
		t.Errorf("the renamed account is called %q", got)
	}
	if got := must(t, bob, flow.GetPeer, flow.GetPeerInput{PeerUsername: "alice liddell"}).AccountID; got != alice.id {
		t.Errorf("the new name leads to %s, want %s", got, alice.id)
	}
	refuse(t, bob, flow.GetPeer, flow.GetPeerInput{PeerUsername: "alice"}, flow.NotFound)
	must(t, open(t, n.process(t, "")), flow.StartUp, flow.StartUpInput{Username: "alice liddell"})
	if got := must(t, phone, flow.Identifier, flow.IdentifierInput{}).Username; got != "alice liddell" {
		t.Errorf("a session on another device of the renamed account calls it %q", got)
	}
	n.join(t, "alice") // the old name is free
}

// renamesAreTold: each device of whoever shares a team hears of a new name once, in its
// place among the messages, also when it was away.
func renamesAreTold(t *testing.T, n *network) {
	alice, bob, stranger := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "stranger")
	talk := alice.opens(t, alice.founds(t, "One", bob), "talk", bob)
	bob.founds(t, "Two", alice)
	phone := n.returns(t, "alice")
	away := n.process(t, "bob")
	end := bob.end(t)
	for _, p := range []*person{alice, phone, bob, stranger} {
		p.news(t)
	}
	rename := func(name string) {
		must(t, alice, flow.ChangeUsername, flow.ChangeUsernameInput{Username: name})
	}
	alice.send(t, talk, "before")
	rename("alice liddell")
	rename("alice liddell") // is so already
	alice.send(t, talk, "between")
	alice.says(t, `{"displayName":"Al"}`)
	rename("Alice")
	alice.send(t, talk, "after")

	story := []string{"message before", "profile " + unsaid(t, "alice liddell"), "message between",
		`profile {"displayName":"Al"}`, `profile {"displayName":"Al"}`, "message after"}
	for _, p := range []*person{alice, phone, bob} {
		if diff := cmp.Diff(story, told(t, alice, talk, p.news(t))); diff != "" {
			t.Errorf("what %s was told (-want +got):\n%s", p.name, diff)
		}
	}
	if got := told(t, alice, talk, stranger.news(t)); got != nil {
		t.Errorf("who shares no team was told %q", got)
	}
	late := open(t, away)
	must(t, late, flow.StartUp, flow.StartUpInput{Username: "bob"})
	kept := told(t, alice, talk, started(t, late, "bob").eventsAfter(t, end, 0, 0).Events)
	if diff := cmp.Diff(newest(story), newest(kept)); diff != "" {
		t.Errorf("what the log kept for who was away (-want +got):\n%s", diff)
	}
	if got := must(t, bob, flow.GetPeerFromID, flow.GetPeerFromIDInput{PeerID: alice.id}).Username; got != "Alice" {
		t.Errorf("the renamed account is called %q", got)
	}
}

// newest leaves out the profiles before the last one, which the log need not keep.
func newest(story []string) []string {
	left := slices.Clone(story)
	slices.Reverse(left)
	seen := false
	left = slices.DeleteFunc(left, func(line string) bool {
		if !strings.HasPrefix(line, flow.ProfileItem+" ") {
			return false
		}
		older := seen
		seen = true
		return older
	})
	slices.Reverse(left)
	return left
}

// told writes what notifications tell of somebody's profile and of the messages of a channel.
func told(t *testing.T, who *person, channel flow.ChannelID, news []flow.Notification) (story []string) {
	t.Helper()
	for _, n := range news {
		switch n.Type {
		case flow.ProfileEvent.Type():
			for _, p := range decode(t, flow.ProfileEvent, n) {
				content, err := json.Marshal(parsed(t, p.Content)) // in the order of unsaid
				if err != nil || p.AccountID != who.id {
					t.Errorf("a profile of %s was told: %v", p.AccountID, err)
				}
				story = append(story, p.Item+" "+string(content))
			}
		case flow.MessageEvent.Type():
			for _, m := range decode(t, flow.MessageEvent, n).RegularMessages {
				if m.ChannelID == channel {
					story = append(story, "message "+m.Text)
				}
			}
		}
	}
	return story
}

func passwordsChange(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	refuse(t, alice, flow.ChangePassword, flow.ChangePasswordInput{NewPassword: "short"}, flow.Invalid)
	phone := n.device(t, "phone", "alice")
	must(t, alice, flow.ChangePassword, flow.ChangePasswordInput{NewPassword: "tomorrow and tomorrow"})
	s := open(t, n.process(t, "elsewhere"))
	refuse(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: password})
	must(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: "tomorrow and tomorrow"})
	// What was there before stays: the password is for new devices.
	must(t, phone, flow.ChangePassword, flow.ChangePasswordInput{NewPassword: "creeps in this petty pace"})
	must(t, open(t, n.process(t, "phone")), flow.StartUp, flow.StartUpInput{Username: "alice"})
}

// emailIsNotConfirmed: nothing is mailed, and any code does.
func emailIsNotConfirmed(t *testing.T, n *network) {
	s := open(t, n.process(t, ""))
	must(t, s, flow.ConfirmEmail, flow.ConfirmEmailInput{Username: "alice@example.com"})
	refuse(t, s, flow.ConfirmEmail, flow.ConfirmEmailInput{Username: ""}, flow.Invalid)
	refuse(t, s, flow.ConfirmEmail, flow.ConfirmEmailInput{Username: "a\nb"}, flow.Invalid)
	must(t, s, flow.CreateAccount, flow.CreateAccountInput{
		Username: "alice@example.com", Password: password, EmailConfirmCode: "1234",
	})
	must(t, s, flow.ConfirmEmail, flow.ConfirmEmailInput{Username: "liddell@example.com"})
	must(t, s, flow.ChangeUsername, flow.ChangeUsernameInput{
		Username: "liddell@example.com", Password: password, EmailConfirmCode: "5678",
	})
}
