package flowtest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// everyOperation are the refusals that are alike for all operations which need the same.
// They are tried on all rows of the catalogue, also on those that are still to come.
var everyOperation = []scenario{
	{"of a session needs one that was opened", sessionsMustBeOpened},
	{"for an account needs one that is started", accountsMustBeStarted},
	{"of a session is refused under a full lock", fullLockRefuses},
	{"under the lock of a directory leads out of it or is refused", ldapLockRefuses},
	{"of a session is refused on a revoked device", revokedRefuses},
	{"needs parameters of the right form", formsAreChecked},
}

// tries calls all operations with nothing in the parameters. It goes past those that start
// accounts: what they are told on a session that has one is theirs.
func tries(t *testing.T, c flow.Caller, check func(t *testing.T, info flow.Info, err error)) {
	t.Helper()
	for _, op := range flow.Catalogue() {
		info := op.Info()
		if info.Starts {
			continue
		}
		_, err := c.Call(ofEvery(t.Context()), info.Name, json.RawMessage("{}"))
		if info.Needs == flow.NeedsNothing {
			if err != nil {
				t.Errorf("%s, which is of the process, failed: %v", info.Name, err)
			}
			continue
		}
		check(t, info, err)
	}
}

// denied checks that operations are refused with a sentence that has a word in it.
func denied(word string) func(*testing.T, flow.Info, error) {
	return func(t *testing.T, info flow.Info, err error) {
		t.Helper()
		if text := refusal(t, info.Name, err, flow.Denied); !strings.Contains(text, word) {
			t.Errorf("%s is refused with %q, without the word %q", info.Name, text, word)
		}
	}
}

func sessionsMustBeOpened(t *testing.T, n *network) {
	nowhere := flow.Session{Caller: n.process(t, ""), ID: 99}
	unknown := func(t *testing.T, info flow.Info, err error) {
		t.Helper()
		if flow.CodeOf(err) != flow.UnknownSession || err.Error() != "Unknown session" {
			t.Errorf("%s on a session that nobody opened: %v (%s); want Unknown session (%s)", info.Name, err, flow.CodeOf(err), flow.UnknownSession)
		}
	}
	tries(t, nowhere, unknown)
	for _, op := range flow.Catalogue() {
		if op.Info().Starts {
			_, err := nowhere.Call(ofEvery(t.Context()), op.Info().Name, json.RawMessage("{}"))
			unknown(t, op.Info(), err)
		}
	}
}

func accountsMustBeStarted(t *testing.T, n *network) {
	tries(t, open(t, n.process(t, "")), func(t *testing.T, info flow.Info, err error) {
		t.Helper()
		if info.Needs == flow.NeedsAccount {
			denied("StartUp")(t, info, err)
		} else if err != nil { // only for what it was given, which is nothing
			refusal(t, info.Name, err, flow.Invalid, flow.NotFound)
		}
	})
}

func fullLockRefuses(t *testing.T, n *network) {
	root, _ := home(t, n, "root")
	bob, _ := home(t, n, "bob")
	root.lock(t, "bob", flow.FullLock)
	tries(t, bob, denied("locked"))
}

// waysOut are the operations that an account may do under the lock of a directory, beside
// those that start it elsewhere.
var waysOut = []string{
	"AccountId", "ChangeUsername", "ConfirmEmail", "DeviceId", "FetchLDAPPublicKey", "Identifier", "LDAPed", "LinkToLDAP",
	"UntrustLDAPPublicKey",
}

func ldapLockRefuses(t *testing.T, n *network) {
	root, _ := home(t, n, "root")
	bob, _ := home(t, n, "bob")
	root.lock(t, "bob", flow.LDAPLock)
	tries(t, bob, func(t *testing.T, info flow.Info, err error) {
		t.Helper()
		if !slices.Contains(waysOut, info.Name) {
			denied("LinkToLDAP")(t, info, err)
		} else if err != nil {
			refusal(t, info.Name, err, flow.Invalid, flow.NotFound)
		}
	})
}

func revokedRefuses(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	phone := n.device(t, "phone", "alice")
	must(t, alice, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: deviceNamed(t, alice, "phone").ID})
	tries(t, phone, denied("revoked"))
}

func formsAreChecked(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	for _, op := range flow.Catalogue() {
		for _, params := range []string{`[]`, `"x"`, `{"SessionID":"one"}`, `{"RequestID":7}`} {
			_, err := alice.Caller.Call(ofForm(t.Context()), op.Info().Name, json.RawMessage(params))
			refusal(t, op.Info().Name+params, err, flow.Invalid)
		}
	}
}
