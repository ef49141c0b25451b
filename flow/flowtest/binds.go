package flowtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

func directoryIsSilent(t *testing.T, n *network) {
	const user = "alice@example.com"
	d := n.directory(t, user)
	s := open(t, n.process(t, "laptop"))
	d.vouches(t, s, user)
	for _, wrong := range []flow.CreateLDAPDeviceInput{
		d.logIn("nobody@example.com", "x"), d.logIn("owner", "x"), d.logIn("", "x"),
	} {
		refuse(t, s, flow.CreateLDAPDevice, wrong, flow.NotFound)
	}
	refuse(t, s, flow.CreateLDAPDevice, d.logIn(user, ""), flow.Invalid)
	ctx, leave := context.WithCancel(t.Context())
	device := begins(ctx, s, flow.CreateLDAPDevice, d.logIn(user, "a guess"))
	asked := d.checks(t)
	leave()
	if end := <-device; end.err == nil {
		t.Fatalf("a wrong password has made the device %+v", end.out)
	}
	// Who asked has gone away, which is heard now or a little later: until then a wrong
	// answer is denied, and the right one would still be in time.
	for start := time.Now(); ; {
		_, err := flow.LDAPBindResponse.Call(t.Context(), d, d.answer(asked, "a guess"))
		if flow.CodeOf(err) != flow.Denied {
			refusal(t, "a late answer", err, flow.NotFound)
			break
		}
		if time.Since(start) > patience {
			t.Fatalf("a question is open %s after who asked it has gone away", patience)
		}
	}
	refuse(t, d, flow.LDAPBindResponse, d.answer(asked, d.secrets[user]), flow.NotFound)
	if _, err := flow.GetAccountID.Call(t.Context(), s, flow.AccountIDInput{}); err == nil {
		t.Errorf("the session of a wrong password has an account")
	}
}

func directoryAnswers(t *testing.T, n *network) {
	const user, other = "alice@example.com", "bob@example.com"
	d := n.directory(t, user, other)
	s := open(t, n.process(t, "laptop"))
	d.vouches(t, s, user)
	device := begins(t.Context(), s, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]))
	asked := await(t, d.person, flow.LDAPBindRequestEvent)
	right := d.answer(asked, d.secrets[user])
	wrong := right
	wrong.SecureExchangeToken = "NONE"
	refuse(t, d, flow.LDAPBindResponse, wrong, flow.NotFound)
	wrong = right
	wrong.Username = other
	refuse(t, d, flow.LDAPBindResponse, wrong, flow.Invalid)
	for _, secret := range []string{"", d.secrets[other], strings.ToLower(d.secrets[user])} {
		refuse(t, d, flow.LDAPBindResponse, d.answer(asked, secret), flow.Denied)
	}
	refuse(t, d, flow.LinkLDAPAccount, right, flow.Conflict)
	refuse(t, d.owner, flow.LDAPBindResponse, right, flow.Denied)
	must(t, d, flow.LDAPBindResponse, right)
	refuse(t, d, flow.LDAPBindResponse, right, flow.NotFound) // it was answered
	if end := <-device; end.err != nil {
		t.Fatalf("after the right answer: %v", end.err)
	}
	refuse(t, s, flow.CreateLDAPDevice, d.logIn(other, d.passwords[other]), flow.Conflict) // the session has an account
	// Several at a time, each with an answer of its own.
	users := []string{user, other, other}
	desks := make([]flow.Session, len(users))
	for i, name := range users {
		desks[i] = open(t, n.process(t, "desk"))
		d.vouches(t, desks[i], name)
	}
	ends := make([]<-chan outcome[flow.Device], len(users))
	for i, name := range users {
		ends[i] = begins(t.Context(), desks[i], flow.CreateLDAPDevice, d.logIn(name, d.passwords[name]))
	}
	for range users {
		d.checks(t)
	}
	for i, end := range ends {
		if got := <-end; got.err != nil || got.out.AccountID != d.peer(t, &person{id: got.out.AccountID}).AccountID {
			t.Errorf("device %d of several at a time is %+v, %v", i, got.out, got.err)
		}
	}
}

func directoryPasswords(t *testing.T, n *network) {
	const user = "alice@example.com"
	d := n.directory(t, user)
	bob := n.join(t, "bob")
	d.owner.admits(t, d.org, bob, flow.Admin)
	start := must(t, d, flow.EnumerateEvents, flow.EnumerateEventsInput{}).Next
	s := open(t, n.process(t, "laptop"))
	d.vouches(t, s, user)
	one, two, three := n.process(t, "directory"), n.process(t, "directory"), n.process(t, "directory")
	device := begins(t.Context(), s, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]))
	second := d.restarts(t, one)
	for _, p := range []*person{d.person, second} { // each session of the account is told
		if asked := await(t, p, flow.LDAPBindRequestEvent); asked.Password != d.passwords[user] {
			t.Errorf("a session of the directory was told the password %q", asked.Password)
		}
	}
	events := func(p *person) {
		t.Helper()
		page := must(t, p, flow.EnumerateEvents, flow.EnumerateEventsInput{After: &start, Limit: 1000})
		for _, e := range page.Events {
			if e.Type == flow.LDAPBindRequestEvent.Type() {
				t.Errorf("the event log of %s holds %s", p.name, e.Data)
			}
		}
	}
	events(d.person)
	late := d.restarts(t, two)
	d.inbox = nil
	asked := await(t, late, flow.LDAPBindRequestEvent)
	must(t, d, flow.LDAPBindResponse, d.answer(asked, d.secrets[user]))
	if end := <-device; end.err != nil {
		t.Fatal(end.err)
	}
	// Once it is answered, it is told to nobody any more.
	for _, p := range []*person{d.restarts(t, three), d.owner, bob} {
		for _, n := range p.news(t) {
			if n.Type == flow.LDAPBindRequestEvent.Type() {
				t.Errorf("%s was told %s", p.name, n.Data)
			}
		}
		events(p)
	}
}

// restarts starts the directory account in another process of its machine.
func (d *directory) restarts(t *testing.T, process flow.Caller) *person {
	t.Helper()
	s := open(t, process)
	must(t, s, flow.StartUp, flow.StartUpInput{Username: d.name})
	return started(t, s, d.name)
}

func directoryLinks(t *testing.T, n *network) {
	const user = "alice@example.com"
	d := n.directory(t)
	d.passwords[user] = "swordfish"
	alice := n.join(t, user)
	link := flow.LinkToLDAPInput{LDAPPassword: "swordfish"}
	bob := n.join(t, "bob")
	refuse(t, bob, flow.LinkToLDAP, link, flow.NotFound) // no directory has that name
	refuse(t, alice, flow.LinkToLDAP, link, flow.Denied) // the key is not trusted
	refuse(t, alice, flow.LinkToLDAP, flow.LinkToLDAPInput{}, flow.Invalid)
	must(t, d, flow.SetAccountLock, flow.SetAccountLockInput{Username: user, LockType: flow.LDAPLock})
	d.vouches(t, alice, user)
	refuse(t, alice, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}, flow.Denied)
	if must(t, alice, flow.LDAPed, flow.LDAPedInput{}) {
		t.Errorf("an account is managed before it was linked")
	}
	linked := begins(t.Context(), alice, flow.LinkToLDAP, link)
	asked := await(t, d.person, flow.LDAPBindRequestEvent)
	if asked.Username != user || asked.Password != "swordfish" || len(asked.Level2Secret) != 44 {
		t.Errorf("of the request the directory was told the user %q and a secret of %d characters", asked.Username, len(asked.Level2Secret))
	}
	right := d.answer(asked, asked.Level2Secret)
	refuse(t, d, flow.LDAPBindResponse, right, flow.Conflict)
	refuse(t, d, flow.LinkLDAPAccount, d.answer(asked, "x"), flow.Denied)
	request := fresh()
	made := must(t, d.Keyed(request), flow.LinkLDAPAccount, right)
	if again := must(t, d.Keyed(request), flow.LinkLDAPAccount, right); again != made {
		t.Errorf("one answer has made two passwords")
	}
	if end := <-linked; end.err != nil {
		t.Fatalf("the link failed: %v", end.err)
	}
	if !must(t, alice, flow.LDAPed, flow.LDAPedInput{}) {
		t.Errorf("a linked account is not managed")
	}
	must(t, alice, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}) // the lock is gone
	s := open(t, n.process(t, "laptop"))
	must(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: user, Password: made})
	// From now on the directory password makes devices.
	d.secrets[user] = asked.Level2Secret
	s = open(t, n.process(t, "laptop"))
	d.vouches(t, s, user)
	device := begins(t.Context(), s, flow.CreateLDAPDevice, d.logIn(user, "swordfish"))
	d.checks(t)
	if end := <-device; end.err != nil || end.out.AccountID != alice.id {
		t.Errorf("the device of a linked account is %+v, %v", end.out, end.err)
	}
}

func directoryLocks(t *testing.T, n *network) {
	const user = "alice@example.com"
	d := n.directory(t, user)
	lock := func(name string, lock flow.AccountLock) flow.SetAccountLockInput {
		return flow.SetAccountLockInput{Username: name, LockType: lock}
	}
	refuse(t, d, flow.SetAccountLock, lock("nobody@example.com", flow.FullLock), flow.NotFound)
	refuse(t, d, flow.SetAccountLock, lock("owner", flow.FullLock), flow.Denied) // not of its domain
	s := open(t, n.process(t, "laptop"))
	d.vouches(t, s, user)
	must(t, d, flow.SetAccountLock, lock(user, flow.FullLock))
	refuse(t, s, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]), flow.Denied)
	must(t, d, flow.SetAccountLock, lock(user, flow.Unlocked))
	device := begins(t.Context(), s, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]))
	d.checks(t)
	if end := <-device; end.err != nil {
		t.Fatalf("an account that is locked no more gets no device: %v", end.err)
	}
	alice := started(t, s, user)
	must(t, d, flow.SetAccountLock, lock(user, flow.FullLock))
	refuse(t, alice, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}, flow.Denied)
	must(t, d, flow.SetAccountLock, lock(user, flow.Unlocked))
	must(t, alice, flow.EnumerateOrgs, flow.EnumerateOrgsInput{})
	// The name of an ordinary account that belongs to the directory is claimed by its lock.
	carol := n.join(t, "carol@example.com")
	if text := refuse(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: "carol@example.com"}, flow.Conflict); text != "Duplicate entry" {
		t.Errorf("the name of an ordinary account is refused with %q", text)
	}
	must(t, d, flow.SetAccountLock, lock("carol@example.com", flow.LDAPLock))
	refuse(t, carol, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}, flow.Denied)
	must(t, carol, flow.ChangeUsername, flow.ChangeUsernameInput{Username: "carol"})
	must(t, carol, flow.EnumerateOrgs, flow.EnumerateOrgsInput{})
	must(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: "carol@example.com"})
}
