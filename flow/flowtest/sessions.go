package flowtest

import (
	"slices"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var sessions = []scenario{
	{"are numbered from one in every process", sessionsAreNumbered},
	{"carry accounts of their own", sessionsAreApart},
	{"start an account twice but not another one", startUpRepeats},
	{"that have an account make no other one", createsAreRefused},
	{"do not start an account that is not here", startUpUnknown},
	{"hear when lists are complete", syncIsAnnounced},
	{"learn who serves them", backendSaysWhoItIs},
}

func sessionsAreNumbered(t *testing.T, n *network) {
	for range 2 {
		p := n.process(t, "")
		got := []flow.SessionID{open(t, p).ID, open(t, p).ID, open(t, p).ID}
		if diff := cmp.Diff([]flow.SessionID{1, 2, 3}, got); diff != "" {
			t.Errorf("session ids of a fresh process (-want +got):\n%s", diff)
		}
	}
}

func sessionsAreApart(t *testing.T, n *network) {
	p := n.process(t, "")
	first, second := open(t, p), open(t, p)
	alice, bob := register(t, first, "alice"), register(t, second, "bob")
	if alice.id == bob.id {
		t.Fatalf("two accounts share the id %s", alice.id)
	}
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	alice.send(t, general, "hi")
	bob.send(t, general, "hello")
	for _, p := range []*person{alice, bob} {
		if got := []string{p.waitMessage(t).Text, p.waitMessage(t).Text}; !slices.Equal(got, []string{"hi", "hello"}) {
			t.Errorf("%s was sent %q", p.name, got)
		}
	}
}

func startUpRepeats(t *testing.T, n *network) {
	p := n.process(t, "")
	alice := register(t, open(t, p), "alice")
	register(t, open(t, p), "bob")
	for range 2 {
		must(t, alice, flow.StartUp, flow.StartUpInput{Username: "alice"})
	}
	refuse(t, alice, flow.StartUp, flow.StartUpInput{Username: "bob"})
	refuse(t, alice, flow.CreateAccount, flow.CreateAccountInput{Username: "carol", Password: password})
	if id := must(t, alice, flow.GetAccountID, flow.AccountIDInput{}); id != alice.id {
		t.Errorf("the session's account is %s after refusals, was %s", id, alice.id)
	}
	again := open(t, p)
	must(t, again, flow.StartUp, flow.StartUpInput{Username: "alice"})
	if id := started(t, again, "alice").id; id != alice.id {
		t.Errorf("alice is %s on a second session, %s on the first", id, alice.id)
	}
}

// createsAreRefused: programs can start to listen only once on a session.
func createsAreRefused(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	refuse(t, alice, flow.CreateAccount, flow.CreateAccountInput{Username: "bob", Password: password}, flow.Conflict)
	refuse(t, alice, flow.CreateAccount, flow.CreateAccountInput{Username: "alice", Password: password}, flow.Conflict)
	refuse(t, alice, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: password}, flow.Conflict)
	if devices := must(t, alice, flow.GetDevices, flow.GetDevicesInput{}); len(devices) != 1 {
		t.Errorf("after refusals the account has the devices %+v", devices)
	}
	n.register(t, "bob") // the name was not taken
}

func startUpUnknown(t *testing.T, n *network) {
	s := open(t, n.process(t, ""))
	for _, name := range []string{"", "nobody"} {
		text := refuse(t, s, flow.StartUp, flow.StartUpInput{Username: name}, flow.NotFound)
		if text != "Unknown account" {
			t.Errorf("StartUp(%q) says %q, want exactly Unknown account", name, text)
		}
	}
	refuse(t, s, flow.GetAccountID, flow.AccountIDInput{})
	// A refusal leaves the session free for what programs try next.
	register(t, s, "nobody")
}

func syncIsAnnounced(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	again := open(t, n.process(t, ""))
	must(t, again, flow.StartUp, flow.StartUpInput{Username: "alice"})
	elsewhere := open(t, n.process(t, "elsewhere"))
	must(t, elsewhere, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: password})
	for _, p := range []*person{alice, started(t, again, "alice"), started(t, elsewhere, "alice")} {
		state := await(t, p, flow.NotifyEvent)
		if state.EventCode != flow.SyncDone || state.Text == "" {
			t.Errorf("the first notify-event was %+v, want code %d and a text", state, flow.SyncDone)
		}
	}
}

func backendSaysWhoItIs(t *testing.T, n *network) {
	p := n.world.Process(t)
	said := must(t, observed{t, p, n.seen}, flow.ConfigOperation, flow.Config{})
	if said.Name == "" || said.Version == "" {
		t.Errorf("Config says %+v, want a name and a version", said)
	}
	if !said.Idempotent {
		t.Errorf("Config does not promise that writes with a RequestID may be repeated")
	}
	raw(t, p, "Config", `{"FlowServHost":"flow.example","FlowServPort":"443","FlowUseTLS":"true",`+
		`"FlowCurrentVersion":null,"FlowKeyBackupHost":"backup.example","FlowUnheardOf":[1]}`)
	alice := n.join(t, "alice")
	must(t, alice, flow.Ping, flow.PingInput{})
	if number := must(t, alice, flow.BuildNumber, flow.BuildNumberInput{}); number == "" {
		t.Errorf("BuildNumber is empty")
	}
}
