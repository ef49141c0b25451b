package flowtest

import (
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var meetings = []scenario{
	{"lets in another process of the machine", devicesMeet("alice", false)},
	{"lets in another process of the machine that has the store open", devicesMeet("alice", true)},
	{"lets in another machine", devicesMeet("phone", false)},
	{"lets in another machine that has the store open", devicesMeet("phone", true)},
	{"lets in one device only", rendezvousIsUsedOnce},
	{"needs the id that was shown", rendezvousNeedsItsID},
	{"is cancelled", rendezvousIsCancelled},
	{"has to be started", rendezvousIsStarted},
	{"ends with the rights of the device", rendezvousNeedsRights},
	{"waits a while for the other side", rendezvousWaits},
	{"is not for sessions that have an account", rendezvousNeedsASession},
}

// shows starts a rendezvous.
func (p *person) shows(t *testing.T) flow.RendezvousID {
	t.Helper()
	return must(t, p, flow.StartD2DRendezvous, flow.StartD2DRendezvousInput{})
}

// lets waits for a new device, until outcome has something.
func (p *person) lets(t *testing.T) (outcome chan error) {
	t.Helper()
	outcome = make(chan error, 1)
	go func() {
		_, err := flow.ProvisionNewDevice.Call(t.Context(), p, flow.ProvisionNewDeviceInput{})
		outcome <- err
	}()
	return outcome
}

// comes uses a rendezvous on a session, where name will be started.
func comes(t *testing.T, s flow.Session, id flow.RendezvousID, name, device string) *person {
	t.Helper()
	must(t, s, flow.CreateDeviceFromD2D, flow.CreateDeviceFromD2DInput{
		RendezvousID: id, DeviceName: device, Platform: "linux", OSRelease: "6.1",
	})
	return started(t, s, name)
}

// devicesMeet tells of a device that comes from a machine. The process that is started
// first has the store open.
func devicesMeet(machine string, newFirst bool) func(*testing.T, *network) {
	return func(t *testing.T, n *network) {
		var s flow.Session
		if newFirst {
			s = open(t, n.process(t, machine))
		}
		alice := n.join(t, "alice")
		if !newFirst {
			s = open(t, n.process(t, machine))
		}
		id := alice.shows(t)
		if len(id) != 52 {
			t.Errorf("the id of the rendezvous has %d characters", len(id))
		}
		outcome := alice.lets(t)
		again := comes(t, s, id, "alice", "new one")
		if err := <-outcome; err != nil {
			t.Fatalf("ProvisionNewDevice: %v", err)
		}
		if got := must(t, again, flow.Identifier, flow.IdentifierInput{}).Username; got != "alice" || again.id != alice.id {
			t.Errorf("the new device is of %s (%s), want alice (%s)", got, again.id, alice.id)
		}
		devices := must(t, alice, flow.GetDevices, flow.GetDevicesInput{})
		if diff := cmp.Diff(devices, must(t, again, flow.GetDevices, flow.GetDevicesInput{})); diff != "" || len(devices) != 2 {
			t.Fatalf("the devices are %+v, and to the new one (-want +got):\n%s", devices, diff)
		}
		made := devices[1]
		if made.Name != "new one" || made.Platform != "linux" || made.OSRelease != "6.1" || !made.Authorized {
			t.Errorf("the new device is %+v", made)
		}
		if state := await(t, again, flow.NotifyEvent); state.EventCode != flow.SyncDone {
			t.Errorf("the new device is sent the notify-event %+v", state)
		}
		notes := alice.opens(t, alice.founds(t, "Mine"), "notes")
		alice.send(t, notes, "buy milk")
		for _, device := range []*person{alice, again} {
			if got := device.waitMessage(t).Text; got != "buy milk" {
				t.Errorf("a device was sent %q", got)
			}
		}
		must(t, open(t, n.process(t, machine)), flow.StartUp, flow.StartUpInput{Username: "alice"})
	}
}

func rendezvousIsUsedOnce(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	id := alice.shows(t)
	outcome := alice.lets(t)
	phone := comes(t, open(t, n.process(t, "phone")), id, "alice", "")
	if err := <-outcome; err != nil {
		t.Fatalf("ProvisionNewDevice: %v", err)
	}
	thief := open(t, n.process(t, "elsewhere"))
	refuse(t, thief, flow.CreateDeviceFromD2D, flow.CreateDeviceFromD2DInput{RendezvousID: id}, flow.NotFound)
	refuse(t, alice, flow.ProvisionNewDevice, flow.ProvisionNewDeviceInput{}, flow.Conflict)

	// The next one has another id, and the new device may let further ones in.
	next := phone.shows(t)
	if next == id {
		t.Fatalf("two rendezvous have one id")
	}
	outcome = phone.lets(t)
	comes(t, thief, next, "alice", "")
	if err := <-outcome; err != nil {
		t.Fatalf("ProvisionNewDevice on the new device: %v", err)
	}
	if devices := must(t, alice, flow.GetDevices, flow.GetDevicesInput{}); len(devices) != 3 {
		t.Errorf("the devices are %+v", devices)
	}
}

func rendezvousNeedsItsID(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	old := alice.shows(t)
	id := alice.shows(t) // in place of the other one
	outcome := alice.lets(t)
	s := open(t, n.process(t, "phone"))
	other := "A"
	if strings.HasPrefix(string(id), other) {
		other = "B"
	}
	for _, wrong := range []flow.RendezvousID{
		"", "x", old, id[:51], id + "A", flow.RendezvousID(other) + id[1:], flow.RendezvousID(flow.NewID()), id + id,
		"\x00", flow.RendezvousID(strings.Repeat("A", 10_000)),
	} {
		text := refuse(t, s, flow.CreateDeviceFromD2D, flow.CreateDeviceFromD2DInput{RendezvousID: wrong}, flow.NotFound)
		if len(wrong) > 1 && strings.Contains(text, string(wrong)) {
			t.Errorf("the refusal repeats what was given: %s", text)
		}
	}
	refuse(t, s, flow.CreateDeviceFromD2D, flow.CreateDeviceFromD2DInput{RendezvousID: id, DeviceName: "a\nb"}, flow.Invalid)
	// As people type it.
	typed := flow.RendezvousID(strings.ToLower(string(id[:4] + "-" + id[4:30] + " " + id[30:])))
	comes(t, s, typed, "alice", "")
	if err := <-outcome; err != nil {
		t.Fatalf("ProvisionNewDevice: %v", err)
	}
}

func rendezvousIsCancelled(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	must(t, alice, flow.CancelRendezvous, flow.CancelRendezvousInput{}) // there is none
	id := alice.shows(t)
	outcome := alice.lets(t)
	must(t, alice, flow.CancelRendezvous, flow.CancelRendezvousInput{})
	refusal(t, "ProvisionNewDevice of a cancelled rendezvous", <-outcome, flow.Conflict)
	s := open(t, n.process(t, "phone"))
	refuse(t, s, flow.CreateDeviceFromD2D, flow.CreateDeviceFromD2DInput{RendezvousID: id}, flow.NotFound)
	refuse(t, alice, flow.ProvisionNewDevice, flow.ProvisionNewDeviceInput{}, flow.Conflict)

	// Another session of the account has a rendezvous of its own.
	again := n.returns(t, "alice")
	id = alice.shows(t)
	must(t, again, flow.CancelRendezvous, flow.CancelRendezvousInput{})
	outcome = alice.lets(t)
	comes(t, s, id, "alice", "")
	if err := <-outcome; err != nil {
		t.Fatalf("ProvisionNewDevice: %v", err)
	}
	if devices := must(t, alice, flow.GetDevices, flow.GetDevicesInput{}); len(devices) != 2 {
		t.Errorf("the devices are %+v", devices)
	}
}

func rendezvousIsStarted(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	text := refuse(t, alice, flow.ProvisionNewDevice, flow.ProvisionNewDeviceInput{}, flow.Conflict)
	if !strings.Contains(text, "StartD2DRendezvous") {
		t.Errorf("the refusal does not say what to do: %s", text)
	}
}

// rendezvousNeedsRights: who is put out lets nobody in.
func rendezvousNeedsRights(t *testing.T, n *network) {
	root, _ := home(t, n, "root")
	bob := n.register(t, "bob")
	must(t, bob, flow.StartUpLocal, flow.StartUpLocalInput{Username: "bob"})
	device := must(t, bob, flow.GetDeviceID, flow.DeviceIDInput{})
	phone := open(t, n.process(t, "phone"))
	id := bob.shows(t)
	outcome := bob.lets(t)
	root.lock(t, "bob", flow.FullLock)
	refusal(t, "ProvisionNewDevice of a locked account", <-outcome, flow.Denied, flow.Conflict)
	refuse(t, phone, flow.CreateDeviceFromD2D, flow.CreateDeviceFromD2DInput{RendezvousID: id}, flow.NotFound)
	root.lock(t, "bob", flow.Unlocked)
	refuse(t, phone, flow.CreateDeviceFromD2D, flow.CreateDeviceFromD2DInput{RendezvousID: id}, flow.NotFound)

	other := n.device(t, "laptop", "bob")
	id = bob.shows(t)
	outcome = bob.lets(t)
	must(t, other, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: device})
	refusal(t, "ProvisionNewDevice on a revoked device", <-outcome, flow.Denied, flow.Conflict)
	refuse(t, phone, flow.CreateDeviceFromD2D, flow.CreateDeviceFromD2DInput{RendezvousID: id}, flow.NotFound)
	refuse(t, bob, flow.StartD2DRendezvous, flow.StartD2DRendezvousInput{}, flow.Denied)
}

// rendezvousWaits: the id may be used before the other device waits.
func rendezvousWaits(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	id := alice.shows(t)
	s := open(t, n.process(t, "phone"))
	came := make(chan error, 1)
	go func() {
		_, err := flow.CreateDeviceFromD2D.Call(t.Context(), s, flow.CreateDeviceFromD2DInput{RendezvousID: id})
		came <- err
	}()
	must(t, alice, flow.Ping, flow.PingInput{})
	must(t, alice, flow.ProvisionNewDevice, flow.ProvisionNewDeviceInput{})
	if err := <-came; err != nil {
		t.Fatalf("CreateDeviceFromD2D before ProvisionNewDevice: %v", err)
	}
	if got := started(t, s, "alice").id; got != alice.id {
		t.Errorf("the new device is of %s, want %s", got, alice.id)
	}
}

func rendezvousNeedsASession(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	id := alice.shows(t)
	outcome := alice.lets(t)
	for _, p := range []*person{bob, alice} {
		refuse(t, p, flow.CreateDeviceFromD2D, flow.CreateDeviceFromD2DInput{RendezvousID: id}, flow.Conflict)
	}
	must(t, alice, flow.CancelRendezvous, flow.CancelRendezvousInput{})
	refusal(t, "ProvisionNewDevice of a cancelled rendezvous", <-outcome, flow.Conflict)
	if devices := must(t, alice, flow.GetDevices, flow.GetDevicesInput{}); len(devices) != 1 {
		t.Errorf("after refusals the devices are %+v", devices)
	}
}
