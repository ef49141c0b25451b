package flowtest

import (
	"context"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

var locks = []scenario{
	{"that are full refuse everything until they are lifted", fullLock},
	{"that are of the directory leave the way out", ldapLock},
	{"lose no notification", lockedQueue},
	{"are for owners of the machine", lockRights},
}

// lock sets the lock of an account.
func (p *person) lock(t *testing.T, name string, lock flow.AccountLock) {
	t.Helper()
	must(t, p, flow.SetAccountLock, flow.SetAccountLockInput{Username: name, LockType: lock})
}

func fullLock(t *testing.T, n *network) {
	root, h := home(t, n, "root")
	bob := n.register(t, "bob")
	must(t, bob, flow.StartUpLocal, flow.StartUpLocalInput{Username: "bob"})
	root.lock(t, "bob", flow.FullLock)
	refuse(t, bob, flow.SendMessage, flow.SendMessageInput{ChannelID: h.ChannelID, Text: "hi"}, flow.Denied)
	s := open(t, n.process(t, ""))
	refuse(t, s, flow.StartUp, flow.StartUpInput{Username: "bob"}, flow.Denied)
	refuse(t, s, flow.StartUpLocal, flow.StartUpLocalInput{Username: "bob"}, flow.Denied)
	refuse(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "bob", Password: password}, flow.Denied)
	if text := refuse(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "bob", Password: "a guess"}); strings.Contains(text, "locked") {
		t.Errorf("without the password one learns: %s", text)
	}

	root.lock(t, "bob", flow.Unlocked)
	bob.send(t, h.ChannelID, "free again")
	must(t, s, flow.StartUp, flow.StartUpInput{Username: "bob"})
}

// ldapLock: the account may be started and renamed, which lifts the lock.
func ldapLock(t *testing.T, n *network) {
	root, h := home(t, n, "root")
	bob := n.register(t, "bob@example.com")
	must(t, bob, flow.StartUpLocal, flow.StartUpLocalInput{Username: "bob@example.com"})
	root.lock(t, "bob@example.com", flow.LDAPLock)
	refuse(t, bob, flow.SendMessage, flow.SendMessageInput{ChannelID: h.ChannelID, Text: "hi"}, flow.Denied)
	refuse(t, bob, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}, flow.Denied)
	refuse(t, bob, flow.WaitForNotification, flow.WaitForNotificationInput{}, flow.Denied)

	s := open(t, n.process(t, ""))
	must(t, s, flow.StartUp, flow.StartUpInput{Username: "bob@example.com"})
	again := started(t, s, "bob@example.com")
	must(t, again, flow.Identifier, flow.IdentifierInput{})
	must(t, again, flow.GetDeviceID, flow.DeviceIDInput{})
	if text := refuse(t, again, flow.GetDevices, flow.GetDevicesInput{}, flow.Denied); !strings.Contains(text, "ChangeUsername") {
		t.Errorf("the refusal names no way out: %s", text)
	}
	rename := func(name string) flow.ChangeUsernameInput {
		return flow.ChangeUsernameInput{Username: name, Password: password}
	}
	must(t, again, flow.ChangeUsername, rename("BOB@example.com")) // the same name, as names compare
	refuse(t, again, flow.GetDevices, flow.GetDevicesInput{}, flow.Denied)
	must(t, again, flow.ChangeUsername, rename("bob"))
	bob.send(t, h.ChannelID, "out of it")
}

// lockedQueue: who waits when the lock comes is refused, and hears later what was said
// meanwhile.
func lockedQueue(t *testing.T, n *network) {
	root, h := home(t, n, "root")
	bob, _ := home(t, n, "bob")
	bob.news(t)
	waiting := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			_, err = flow.WaitForNotification.Call(t.Context(), bob, flow.WaitForNotificationInput{})
		}
		waiting <- err
	}()
	root.lock(t, "bob", flow.FullLock)
	root.send(t, h.ChannelID, "one")
	root.send(t, h.ChannelID, "two")
	refusal(t, "a wait of a locked account", <-waiting, flow.Denied)
	root.lock(t, "bob", flow.Unlocked)
	for _, want := range []string{"one", "two"} {
		if got := bob.waitMessage(t).Text; got != want {
			t.Errorf("after the lock bob was sent %q, want %q", got, want)
		}
	}
}

func lockRights(t *testing.T, n *network) {
	root, h := home(t, n, "root")
	bob, _ := home(t, n, "bob")
	carol := n.register(t, "carol")
	dave := n.join(t, "dave") // whose machine is another one
	lock := func(who *person, name string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := flow.SetAccountLock.Call(ctx, who, flow.SetAccountLockInput{Username: name, LockType: flow.FullLock})
			return err
		}
	}
	for what, do := range map[string]func(context.Context) error{
		"a member locks another":                          lock(bob, "carol"),
		"a member locks the owner":                        lock(bob, "root"),
		"a stranger to the machine's team locks a member": lock(carol, "bob"),
		"the owner locks an account of another machine":   lock(root, "dave"),
		"the owner of another machine locks":              lock(dave, "bob"),
	} {
		refusal(t, what, do(t.Context()), flow.Denied)
	}
	n.device(t, "laptop", "carol")
	refuse(t, root, flow.SetAccountLock, flow.SetAccountLockInput{Username: "carol", LockType: flow.FullLock}, flow.Denied)
	refuse(t, root, flow.SetAccountLock, flow.SetAccountLockInput{Username: "root", LockType: flow.FullLock}, flow.Invalid)
	refuse(t, root, flow.SetAccountLock, flow.SetAccountLockInput{Username: "nobody", LockType: flow.FullLock}, flow.NotFound)
	refuse(t, root, flow.SetAccountLock, flow.SetAccountLockInput{Username: "bob", LockType: 3}, flow.Invalid)
	refuse(t, root, flow.SetAccountLock, flow.SetAccountLockInput{Username: "bob", LockType: -1}, flow.Invalid)
	bob.send(t, h.ChannelID, "still here")

	must(t, root, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: h.OrgID, MemberAccountID: bob.id, MemberState: flow.Owner})
	bob.lock(t, "root", flow.FullLock)
	refuse(t, root, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}, flow.Denied)
	bob.lock(t, "root", flow.FullLock) // again
	bob.lock(t, "root", flow.Unlocked)
	must(t, root, flow.EnumerateOrgs, flow.EnumerateOrgsInput{})
}
