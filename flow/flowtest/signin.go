package flowtest

import (
	"context"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

var signIns = []scenario{
	{"are of the account whose password was checked", signInsAreOfOneAccount},
	{"are few at a time", signInsAreFew},
	{"are repeated on their own session", signInsAreRepeated},
}

// signInsAreOfOneAccount: who runs a directory can have any password of it confirmed, and
// gets nothing of another directory by that.
func signInsAreOfOneAccount(t *testing.T, n *network) {
	const mine, theirs = "x@evil.example", "alice@example.com"
	d := n.directory(t, theirs)
	mallory := n.join(t, "mallory")
	org := mallory.founds(t, "Evil")
	key := must(t, mallory, flow.ClaimDomain, flow.ClaimDomainInput{OrgID: org, Domain: "evil.example"})
	s := open(t, n.process(t, "lair"))
	evil := &directory{person: started(t, s, must(t, s, flow.CreateDMAccount, flow.CreateDMAccountInput{DMK: key}).Username)}
	mallory.admits(t, org, evil.person, flow.Admin)
	secret := must(t, evil, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: mine}).Level2Secret

	cafe := n.process(t, "cafe")
	first, second := open(t, cafe), open(t, cafe)
	evil.vouches(t, first, mine)
	request := fresh()
	device := begins(t.Context(), first.Keyed(request), flow.CreateLDAPDevice, d.logIn(mine, "x"))
	asked := await(t, evil.person, flow.LDAPBindRequestEvent)
	// The question that waits is nobody else's.
	text := refuse(t, second.Keyed(request), flow.CreateLDAPDevice, d.logIn(theirs, "x"), flow.Denied)
	if !strings.Contains(text, "does not trust") {
		t.Errorf("on another session the call was refused with %q", text)
	}
	refuse(t, first.Keyed(request), flow.CreateLDAPDevice, d.logIn(theirs, "x"), flow.Conflict)
	refuse(t, first.Keyed(request), flow.CreateLDAPDevice, d.logIn(mine, "y"), flow.Conflict)
	must(t, evil, flow.LDAPBindResponse, evil.answer(asked, secret))
	if end := <-device; end.err != nil {
		t.Fatal(end.err)
	}
	if who := must(t, first, flow.Identifier, flow.IdentifierInput{}); who.Username != mine {
		t.Errorf("the session is of %s", who.Username)
	}
	refuse(t, second, flow.Identifier, flow.IdentifierInput{}, flow.Denied)
}

// signInsAreFew: who guesses has to wait for each guess.
func signInsAreFew(t *testing.T, n *network) {
	const user = "alice@example.com"
	d := n.directory(t, user)
	ctx, leave := context.WithCancel(t.Context())
	laptop, desk := open(t, n.process(t, "laptop")), open(t, n.process(t, "desk"))
	d.vouches(t, laptop, user)
	d.vouches(t, desk, user)
	guessing := []flow.Session{open(t, n.process(t, "laptop")), open(t, n.process(t, "laptop")), open(t, n.process(t, "laptop"))}
	var pending []<-chan outcome[flow.Device] // not for long, so all else is there before
	for _, s := range guessing {
		pending = append(pending, begins(ctx, s, flow.CreateLDAPDevice, d.logIn(user, "a guess")))
		d.checks(t)
	}
	text := refuse(t, laptop, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]), flow.Conflict)
	if !strings.Contains(text, "wait") {
		t.Errorf("one too many is refused with %q", text)
	}
	device := begins(t.Context(), desk, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]))
	d.checks(t)
	if end := <-device; end.err != nil {
		t.Errorf("another machine cannot sign in meanwhile: %v", end.err)
	}
	leave()
	for _, one := range pending {
		<-one
	}
}

// signInsAreRepeated: on another session a call that starts an account has not been done.
func signInsAreRepeated(t *testing.T, n *network) {
	n.register(t, "bob")
	p := n.process(t, "laptop")
	makes := flow.CreateAccountInput{Username: "alice", Password: password}
	adds := flow.CreateDeviceInput{Username: "bob", Password: password}
	for _, request := range []flow.RequestID{fresh(), "first start"} {
		s, other := open(t, p), open(t, p)
		makes.Username = "alice " + string(request[:3])
		must(t, s.Keyed(request), flow.CreateAccount, makes)
		must(t, s.Keyed(request), flow.CreateAccount, makes)
		refuse(t, other.Keyed(request), flow.CreateAccount, makes, flow.Conflict)
		refuse(t, other, flow.Identifier, flow.IdentifierInput{}, flow.Denied)
	}
	s, other := open(t, p), open(t, p)
	request := fresh()
	made := must(t, s.Keyed(request), flow.CreateDevice, adds)
	if again := must(t, s.Keyed(request), flow.CreateDevice, adds); again != made {
		t.Errorf("one request has made two devices")
	}
	refuse(t, other.Keyed(request), flow.CreateDevice, adds, flow.Conflict)
	refuse(t, other, flow.Identifier, flow.IdentifierInput{}, flow.Denied)
}
