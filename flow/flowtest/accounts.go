package flowtest

import (
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var accounts = []scenario{
	{"are known by name and id", accountsAreKnown},
	{"need names of their own", accountNames},
	{"are listed where they have a device", localAccounts},
	{"get further devices by their password", furtherDevices},
	{"rename and revoke devices", devicesAreManaged},
	{"change their name", accountsAreRenamed},
	{"change their password", passwordsChange},
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
	for _, name := range []string{"", " ", " bob", "bob ", "bob\n"} {
		s := open(t, n.process(t, ""))
		refuse(t, s, flow.CreateAccount, flow.CreateAccountInput{Username: name, Password: password}, flow.Invalid)
	}
	s := open(t, n.process(t, "elsewhere"))
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

func furtherDevices(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	s := open(t, n.process(t, "elsewhere"))
	refuse(t, s, flow.StartUp, flow.StartUpInput{Username: "alice"}, flow.NotFound)
	refuse(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: "a guess"})
	refuse(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice"})
	refuse(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "nobody", Password: password})
	made := must(t, s, flow.CreateDevice, flow.CreateDeviceInput{
		Username: "alice", Password: password, DeviceName: "phone",
	})
	// install_bot goes on to create the account, and counts on a refusal.
	refuse(t, s, flow.CreateAccount, flow.CreateAccountInput{Username: "alice", Password: password}, flow.Conflict)

	phone := started(t, s, "alice")
	if phone.id != alice.id {
		t.Errorf("the account is %s on its second device, %s on the first", phone.id, alice.id)
	}
	if id := must(t, phone, flow.GetDeviceID, flow.DeviceIDInput{}); id != made.ID || made.Name != "phone" {
		t.Errorf("CreateDevice returned %+v, the device in use is %s", made, id)
	}
	here := must(t, alice, flow.GetDevices, flow.GetDevicesInput{})
	there := must(t, phone, flow.GetDevices, flow.GetDevicesInput{})
	if diff := cmp.Diff(here, there); diff != "" || len(here) != 2 {
		t.Errorf("both devices list both (-first +second), %d:\n%s", len(here), diff)
	}
	// Both see what happens from now on.
	note := alice.opens(t, alice.founds(t, "Mine"), "notes")
	alice.send(t, note, "buy milk")
	for _, device := range []*person{alice, phone} {
		if got := device.waitMessage(t).Text; got != "buy milk" {
			t.Errorf("a device was sent %q", got)
		}
	}
}

func devicesAreManaged(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	s := open(t, n.process(t, "elsewhere"))
	phone := must(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: password})
	must(t, s, flow.SetDeviceName, flow.SetDeviceNameInput{Name: "telephone"})
	refuse(t, s, flow.SetDeviceName, flow.SetDeviceNameInput{Name: ""}, flow.Invalid)
	if got := deviceNamed(t, alice, "telephone").ID; got != phone.ID {
		t.Errorf("the renamed device is %s, want %s", got, phone.ID)
	}
	refuse(t, alice, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: "NONE"}, flow.NotFound)

	must(t, alice, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: phone.ID})
	if deviceNamed(t, alice, "telephone").Authorized {
		t.Errorf("the revoked device is listed as authorised")
	}
	refuse(t, open(t, n.process(t, "elsewhere")), flow.StartUp, flow.StartUpInput{Username: "alice"})

	must(t, alice, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: phone.ID, Authorized: true})
	must(t, open(t, n.process(t, "elsewhere")), flow.StartUp, flow.StartUpInput{Username: "alice"})

	mallory := n.join(t, "mallory")
	refuse(t, mallory, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: phone.ID}, flow.NotFound, flow.Denied)
}

func deviceNamed(t *testing.T, p *person, name string) flow.Device {
	t.Helper()
	for _, device := range must(t, p, flow.GetDevices, flow.GetDevicesInput{}) {
		if device.Name == name {
			return device
		}
	}
	t.Fatalf("%s has no device called %s", p.name, name)
	return flow.Device{}
}

func accountsAreRenamed(t *testing.T, n *network) {
	alice, bob := n.register(t, "alice"), n.join(t, "bob")
	rename := func(name, secret string) flow.ChangeUsernameInput {
		return flow.ChangeUsernameInput{Username: name, Password: secret}
	}
	refuse(t, alice, flow.ChangeUsername, rename("alice liddell", "a guess"))
	refuse(t, alice, flow.ChangeUsername, rename("bob", password), flow.Conflict)
	refuse(t, alice, flow.ChangeUsername, rename("", password), flow.Invalid)
	must(t, alice, flow.ChangeUsername, rename("alice liddell", password))

	if got := must(t, alice, flow.Identifier, flow.IdentifierInput{}).Username; got != "alice liddell" {
		t.Errorf("the renamed account is called %q", got)
	}
	if got := must(t, bob, flow.GetPeer, flow.GetPeerInput{PeerUsername: "alice liddell"}).AccountID; got != alice.id {
		t.Errorf("the new name leads to %s, want %s", got, alice.id)
	}
	refuse(t, bob, flow.GetPeer, flow.GetPeerInput{PeerUsername: "alice"}, flow.NotFound)
	must(t, open(t, n.process(t, "")), flow.StartUp, flow.StartUpInput{Username: "alice liddell"})
	n.join(t, "alice") // the old name is free
}

func passwordsChange(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	refuse(t, alice, flow.ChangePassword, flow.ChangePasswordInput{NewPassword: "short"}, flow.Invalid)
	must(t, alice, flow.ChangePassword, flow.ChangePasswordInput{NewPassword: "tomorrow and tomorrow"})
	s := open(t, n.process(t, "elsewhere"))
	refuse(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: password})
	must(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: "tomorrow and tomorrow"})
}
