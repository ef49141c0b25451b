package flowtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var devices = []scenario{
	{"are added by the password", furtherDevices},
	{"are renamed and revoked", devicesAreManaged},
	{"that were revoked can do nothing", revokedDevices},
	{"that are the last way into an account stay", lastDevice},
	{"each get everything once and in order", devicesHearAlike},
}

// device adds a machine to an account and starts it there.
func (n *network) device(t *testing.T, machine, name string) *person {
	t.Helper()
	s := open(t, n.process(t, machine))
	must(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: name, Password: password, DeviceName: machine})
	return started(t, s, name)
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
	refuse(t, open(t, n.process(t, "elsewhere")), flow.StartUp, flow.StartUpInput{Username: "alice"}, flow.Denied)

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

// revokedDevices: what runs on a revoked device is refused at once, hears nothing, and
// goes on where it was when the device is authorised again.
func revokedDevices(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	phone := n.device(t, "phone", "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	alice.send(t, general, "before")
	if got := phone.waitMessage(t).Text; got != "before" {
		t.Fatalf("the phone was sent %q", got)
	}
	waiting := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			_, err = flow.WaitForNotification.Call(t.Context(), phone, flow.WaitForNotificationInput{})
		}
		waiting <- err
	}()
	id := must(t, phone, flow.GetDeviceID, flow.DeviceIDInput{})
	authorize := func(yes bool) flow.SetDeviceAuthorizedInput {
		return flow.SetDeviceAuthorizedInput{DeviceID: id, Authorized: yes}
	}
	must(t, alice, flow.SetDeviceAuthorized, authorize(false))
	for text := range strings.SplitSeq("one two three", " ") {
		alice.send(t, general, text)
	}
	if text := refusal(t, "a wait on a revoked device", <-waiting, flow.Denied); !strings.Contains(text, "revoked") {
		t.Errorf("the wait ends with %q", text)
	}
	refuse(t, phone, flow.SetDeviceAuthorized, authorize(true), flow.Denied)
	refuse(t, phone, flow.SendMessage, flow.SendMessageInput{ChannelID: general, Text: "hi"}, flow.Denied)
	refuse(t, phone, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: general}, flow.Denied)
	refuse(t, phone, flow.GetAccountID, flow.AccountIDInput{}, flow.Denied)
	refuse(t, phone, flow.StartUp, flow.StartUpInput{Username: "alice"}, flow.Denied)
	refuse(t, open(t, n.process(t, "phone")), flow.StartUpLocal, flow.StartUpLocalInput{Username: "alice"}, flow.Denied)

	must(t, alice, flow.SetDeviceAuthorized, authorize(true))
	for want := range strings.SplitSeq("one two three", " ") {
		if got := phone.waitMessage(t).Text; got != want {
			t.Errorf("the phone was sent %q next, want %q", got, want)
		}
	}
}

// lastDevice: without a password nobody could add a device to the account.
func lastDevice(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	in := flow.SetDeviceAuthorizedInput{DeviceID: must(t, alice, flow.GetDeviceID, flow.DeviceIDInput{})}
	refuse(t, alice, flow.SetDeviceAuthorized, in, flow.Conflict)
	must(t, alice, flow.ChangePassword, flow.ChangePasswordInput{NewPassword: password})
	must(t, alice, flow.SetDeviceAuthorized, in)
	refuse(t, alice, flow.GetDevices, flow.GetDevicesInput{}, flow.Denied)
	back := n.device(t, "alice", "alice")
	if back.id != alice.id {
		t.Errorf("the new device is of %s, want %s", back.id, alice.id)
	}
}

// devicesHearAlike: a device that was not running gets what it missed, after what it had
// and before what comes, as often as the others: once.
func devicesHearAlike(t *testing.T, n *network) {
	alice, bob := n.register(t, "alice"), n.join(t, "bob")
	phone := n.device(t, "phone", "alice")
	general := bob.opens(t, bob.founds(t, "Team", alice), "general", alice)
	var want []string
	says := func(p *person, text string) {
		p.send(t, general, text)
		want = append(want, text)
	}
	hears := func(p *person, from int) {
		t.Helper()
		var got []string
		for range want[from:] {
			got = append(got, p.waitMessage(t).Text)
		}
		if diff := cmp.Diff(want[from:], got); diff != "" {
			t.Errorf("a device of %s was sent (-want +got):\n%s", p.name, diff)
		}
	}
	for i := range 3 {
		says(bob, fmt.Sprintf("first %d", i))
	}
	hears(alice, 0)
	hears(phone, 0)
	phone.news(t) // acknowledges it
	alice.diary = phone.diary
	for i := range 3 {
		says(alice, fmt.Sprintf("second %d", i))
	}
	hears(alice, 3)
	// The phone starts again in another process, and goes on where it was.
	s := open(t, n.process(t, "phone"))
	must(t, s, flow.StartUp, flow.StartUpInput{Username: "alice"})
	again := started(t, s, "alice")
	again.diary = phone.diary
	hears(again, 3)
	says(bob, "third")
	hears(again, 6)
	hears(alice, 6)
}
