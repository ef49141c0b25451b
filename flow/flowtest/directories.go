package flowtest

import (
	"context"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var directories = []scenario{
	{"are run by a program", directoryRuns},
	{"are made with the key of a domain", domainsAreClaimed},
	{"do nothing before they are admins", directoriesAreAdmins},
	{"set up accounts of their domain", directorySetsUp},
	{"are trusted by fingerprint", directoryIsTrusted},
	{"say nothing to a wrong password", directoryIsSilent},
	{"answer what they were asked", directoryAnswers},
	{"tell passwords to their program only", directoryPasswords},
	{"link accounts", directoryLinks},
	{"lock accounts", directoryLocks},
}

// directory is the program of a directory, which knows what people's passwords are.
type directory struct {
	*person
	owner *person // of the team that has the domain
	org   flow.OrgID
	// passwords and secrets are by user name.
	passwords, secrets map[string]string
}

// directory starts the directory of example.com, with the accounts of some users.
func (n *network) directory(t *testing.T, users ...string) *directory {
	t.Helper()
	owner := n.join(t, "owner")
	d := &directory{owner: owner, org: owner.founds(t, "Company"), passwords: map[string]string{}, secrets: map[string]string{}}
	key := must(t, owner, flow.ClaimDomain, flow.ClaimDomainInput{OrgID: d.org, Domain: "example.com"})
	s := open(t, n.process(t, "directory"))
	made := must(t, s, flow.CreateDMAccount, flow.CreateDMAccountInput{DMK: key})
	d.person = started(t, s, made.Username)
	owner.admits(t, d.org, d.person, flow.Admin)
	for _, user := range users {
		d.passwords[user] = "secret of " + user
		d.secrets[user] = must(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: user}).Level2Secret
	}
	return d
}

// checks waits for the next request and answers it, unless the password is wrong. It
// returns what it was asked.
func (d *directory) checks(t *testing.T) flow.LDAPBindRequest {
	t.Helper()
	asked := await(t, d.person, flow.LDAPBindRequestEvent)
	if asked.Password != d.passwords[asked.Username] {
		return asked
	}
	if asked.Level2Secret == "" {
		must(t, d, flow.LDAPBindResponse, d.answer(asked, d.secrets[asked.Username]))
		return asked
	}
	password := must(t, d, flow.LinkLDAPAccount, d.answer(asked, asked.Level2Secret))
	if len(password) != 32 {
		t.Errorf("the password of a linked account has %d characters, want 32", len(password))
	}
	d.secrets[asked.Username] = asked.Level2Secret
	return asked
}

func (d *directory) answer(asked flow.LDAPBindRequest, secret string) flow.LDAPBindResponseInput {
	return flow.LDAPBindResponseInput{Username: asked.Username, SecureExchangeToken: asked.SecureExchangeToken, Level2Secret: secret}
}

// vouches makes the machine of a session trust the directory.
func (d *directory) vouches(t *testing.T, s flow.Caller, user string) {
	t.Helper()
	fingerprint := must(t, d, flow.KeyRingFingerprint, flow.KeyRingFingerprintInput{})
	key := must(t, s, flow.FetchLDAPPublicKey, flow.FetchLDAPPublicKeyInput{Username: user, Fingerprint: fingerprint})
	if raw, ok := flow.DecodeID(key); !ok || flow.Fingerprint(raw) != fingerprint {
		t.Errorf("the key is %q, whose fingerprint is not %s", key, fingerprint)
	}
}

// outcome is how a call has ended.
type outcome[Out any] struct {
	out Out
	err error
}

// begins does what blocks until somebody else does something.
func begins[In, Out any](ctx context.Context, c flow.Caller, op *flow.Operation[In, Out], in In) <-chan outcome[Out] {
	ended := make(chan outcome[Out], 1)
	go func() {
		out, err := op.Call(ctx, c, in)
		ended <- outcome[Out]{out, err}
	}()
	return ended
}

func (d *directory) logIn(user, password string) flow.CreateLDAPDeviceInput {
	return flow.CreateLDAPDeviceInput{Username: user, DeviceName: "laptop", LDAPPassword: password, Platform: "linux"}
}

// directoryRuns is the whole life of a program like flow-ldap, on a process of its own.
func directoryRuns(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := must(t, alice, flow.NewOrg, flow.NewOrgInput{Name: "Company"}).ID // not discoverable
	key := must(t, alice, flow.ClaimDomain, flow.ClaimDomainInput{OrgID: org, Domain: "Example.com"})
	if raw, ok := flow.DecodeID(key); !ok || len(raw) != 32 {
		t.Errorf("the key of the domain has %d characters, want 52", len(key))
	}
	s := open(t, n.process(t, "directory"))
	refuse(t, s, flow.GetAccountID, flow.AccountIDInput{}) // the program takes it for its first start
	made := must(t, s, flow.CreateDMAccount, flow.CreateDMAccountInput{DMK: key, DeviceName: "server"})
	dma := started(t, s, made.Username)
	if made.OrgID != org || !strings.HasPrefix(made.Username, "DMA") || len(made.Password) != 32 {
		t.Errorf("the directory account is %s of the team %s", made.Username, made.OrgID)
	}
	must(t, dma, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: made.OrgID})
	asked := await(t, alice, flow.OrgJoinRequestEvent)
	must(t, alice, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: org, MemberAccountID: asked[0].AccountID, MemberState: flow.Member})
	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: dma.id, MemberState: flow.Admin})
	for _, ending := range []string{"-Backup", "-Log", "-Test"} {
		must(t, dma, flow.NewChannel, flow.NewChannelInput{OrgID: org, Name: made.Username + ending})
	}
	const user = "bob@example.com"
	set := must(t, dma, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: user})
	peer := must(t, dma, flow.GetPeer, flow.GetPeerInput{PeerUsername: user})
	dma.admits(t, org, &person{id: peer.AccountID}, flow.Member)

	d := &directory{person: dma, org: org, passwords: map[string]string{user: "swordfish"}, secrets: map[string]string{user: set.Level2Secret}}
	laptop := open(t, n.process(t, "laptop"))
	d.vouches(t, laptop, user)
	device := begins(t.Context(), laptop, flow.CreateLDAPDevice, d.logIn(user, "swordfish"))
	want := flow.LDAPBindRequest{Username: user, Password: "swordfish"}
	got := d.checks(t)
	if got.SecureExchangeToken == "" {
		t.Errorf("the request has no token")
	}
	got.SecureExchangeToken = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the request (-want +got):\n%s", diff)
	}
	end := <-device
	if end.err != nil || end.out.Name != "laptop" || end.out.AccountID != peer.AccountID {
		t.Fatalf("the new device is %+v, %v", end.out, end.err)
	}
	bob := started(t, laptop, user)
	if !must(t, bob, flow.LDAPed, flow.LDAPedInput{}) || must(t, dma, flow.LDAPed, flow.LDAPedInput{}) {
		t.Errorf("the user, and not the directory, should be managed by it")
	}
	general := alice.opens(t, org, "general", bob)
	alice.send(t, general, "welcome")
	if got := bob.waitMessage(t).Text; got != "welcome" {
		t.Errorf("bob was sent %q", got)
	}
	// The password that was made up works as well, and the account is the directory's.
	must(t, open(t, n.process(t, "rescue")), flow.CreateDevice, flow.CreateDeviceInput{Username: user, Password: set.Password})
	refuse(t, bob, flow.ChangeUsername, flow.ChangeUsernameInput{Username: "bob", Password: set.Password}, flow.Denied)
	refuse(t, bob, flow.ChangePassword, flow.ChangePasswordInput{NewPassword: password}, flow.Denied)
}

func domainsAreClaimed(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	other := bob.founds(t, "Other")
	claim := func(org flow.OrgID, domain string) flow.ClaimDomainInput {
		return flow.ClaimDomainInput{OrgID: org, Domain: domain}
	}
	refuse(t, bob, flow.ClaimDomain, claim(org, "example.com"), flow.Denied)
	refuse(t, alice, flow.ClaimDomain, claim(other, "example.com"), flow.NotFound)
	for _, wrong := range []string{"", " ", "a@example.com", "example .com", "example.com\n"} {
		refuse(t, alice, flow.ClaimDomain, claim(org, wrong), flow.Invalid)
	}
	old := must(t, alice, flow.ClaimDomain, claim(org, "example.com"))
	refuse(t, bob, flow.ClaimDomain, claim(other, "EXAMPLE.com"), flow.Conflict)
	key := must(t, alice, flow.ClaimDomain, claim(org, "example.com"))
	create := func(key string) flow.CreateDMAccountInput { return flow.CreateDMAccountInput{DMK: key} }
	s := open(t, n.process(t, "directory"))
	for _, wrong := range []string{"", "NONE", old, strings.ToLower(key)} {
		refuse(t, s, flow.CreateDMAccount, create(wrong), flow.Denied)
	}
	in := create(key)
	in.ServerURI = "elsewhere.example"
	refuse(t, s, flow.CreateDMAccount, in, flow.Denied)
	in = create(key)
	in.Username = "alice"
	refuse(t, s, flow.CreateDMAccount, in, flow.Conflict)
	in.Username, in.Password = "corporate directory", password
	request := fresh()
	made := must(t, s.Keyed(request), flow.CreateDMAccount, in)
	if diff := cmp.Diff(flow.DMAccount{Username: "corporate directory", Password: password, OrgID: org}, made); diff != "" {
		t.Errorf("the account as it was wanted (-want +got):\n%s", diff)
	}
	if again := must(t, s.Keyed(request), flow.CreateDMAccount, in); again != made {
		t.Errorf("one request made two accounts")
	}
	refuse(t, open(t, n.process(t, "")), flow.CreateDMAccount, create(key), flow.Conflict) // it is used up
	dma := started(t, s, made.Username)
	alice.admits(t, org, dma, flow.Admin)
	setUp := flow.SetupLDAPAccountInput{Username: "carol@example.com"}
	must(t, dma, flow.SetupLDAPAccount, setUp)
	// A team that claims its domain anew is free of the directory account it had.
	key = must(t, alice, flow.ClaimDomain, claim(org, "example.com"))
	refuse(t, dma, flow.SetupLDAPAccount, setUp, flow.Denied)
	must(t, open(t, n.process(t, "")), flow.CreateDMAccount, create(key))
}

func directoriesAreAdmins(t *testing.T, n *network) {
	d := n.directory(t)
	alice := n.join(t, "alice@example.com")
	setUp := flow.SetupLDAPAccountInput{Username: "bob@example.com"}
	bind := flow.LDAPBindResponseInput{Username: "bob@example.com", SecureExchangeToken: "NONE", Level2Secret: "x"}
	lock := flow.SetAccountLockInput{Username: "alice@example.com", LockType: flow.FullLock}
	refused := func(p *person, code flow.Code) {
		t.Helper()
		refuse(t, p, flow.SetupLDAPAccount, setUp, code)
		refuse(t, p, flow.LDAPBindResponse, bind, code)
		refuse(t, p, flow.LinkLDAPAccount, bind, code)
		refuse(t, p, flow.SetAccountLock, lock, code)
	}
	refused(d.owner, flow.Denied) // no directory account
	set := func(state flow.MemberState) {
		t.Helper()
		must(t, d.owner, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: d.org, MemberAccountID: d.id, MemberState: state})
	}
	set(flow.Member)
	refused(d.person, flow.Denied)
	set(flow.Banned)
	refused(d.person, flow.NotFound)
	refuse(t, alice, flow.LinkToLDAP, flow.LinkToLDAPInput{LDAPPassword: "x"}, flow.Denied)
	d.owner.admits(t, d.org, d.person, flow.Admin)
	must(t, d, flow.SetupLDAPAccount, setUp)
}

func directorySetsUp(t *testing.T, n *network) {
	d := n.directory(t, "alice@example.com")
	request := fresh()
	in := flow.SetupLDAPAccountInput{Username: "Bob@Example.com", PhoneNumber: "0123"}
	made := must(t, d.Keyed(request), flow.SetupLDAPAccount, in)
	if again := must(t, d.Keyed(request), flow.SetupLDAPAccount, in); again != made {
		t.Errorf("one request made two accounts")
	}
	if len(made.Password) != 32 || len(made.Level2Secret) != 44 {
		t.Errorf("the password has %d characters and the secret %d, want 32 and 44", len(made.Password), len(made.Level2Secret))
	}
	for _, taken := range []string{"alice@example.com", "ALICE@example.com", "bob@example.com"} {
		if text := refuse(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: taken}, flow.Conflict); text != "Duplicate entry" {
			t.Errorf("the name %s that is taken is refused with %q", taken, text)
		}
	}
	for _, wrong := range []string{"", "bob", "@example.com", "bob@", "bob@other.example", "bob@sub.example.com", "bob@example.com "} {
		refuse(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: wrong}, flow.Invalid)
	}
	refuse(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: "carol@example.com", PhoneNumber: "0123"}, flow.Conflict)
	refuse(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: "carol@example.com", ServerURI: "elsewhere.example"}, flow.Invalid)
	// A name that somebody gives up is free.
	carol := n.join(t, "carol@example.com")
	refuse(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: "carol@example.com"}, flow.Conflict)
	must(t, carol, flow.ChangeUsername, flow.ChangeUsernameInput{Username: "carol"})
	must(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: "carol@example.com"})
}

func directoryIsTrusted(t *testing.T, n *network) {
	const user = "alice@example.com"
	d := n.directory(t, user)
	s := open(t, n.process(t, "laptop"))
	refuse(t, s, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]), flow.Denied)
	right := must(t, d, flow.KeyRingFingerprint, flow.KeyRingFingerprintInput{})
	for _, wrong := range []string{"", strings.ToLower(right), must(t, d.owner, flow.KeyRingFingerprint, flow.KeyRingFingerprintInput{})} {
		refuse(t, s, flow.FetchLDAPPublicKey, flow.FetchLDAPPublicKeyInput{Username: user, Fingerprint: wrong}, flow.Denied)
	}
	for _, wrong := range []string{"", "alice", "alice@other.example"} {
		refuse(t, s, flow.FetchLDAPPublicKey, flow.FetchLDAPPublicKeyInput{Username: wrong, Fingerprint: right}, flow.NotFound)
		refuse(t, s, flow.UntrustLDAPPublicKey, flow.UntrustLDAPPublicKeyInput{Username: wrong}, flow.NotFound)
	}
	refuse(t, s, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]), flow.Denied)
	d.vouches(t, s, user)
	must(t, s, flow.UntrustLDAPPublicKey, flow.UntrustLDAPPublicKeyInput{Username: user})
	refuse(t, s, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]), flow.Denied)
	d.vouches(t, s, user)
	// A new key has to be trusted anew.
	second := must(t, open(t, n.process(t, "second")), flow.CreateDevice, flow.CreateDeviceInput{Username: d.name, Password: d.secondDevice(t)})
	must(t, d, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: second.ID})
	refuse(t, s, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]), flow.Denied)
	refuse(t, s, flow.FetchLDAPPublicKey, flow.FetchLDAPPublicKeyInput{Username: user, Fingerprint: right}, flow.Denied)
	for _, n := range d.news(t) {
		if n.Type == flow.LDAPBindRequestEvent.Type() {
			t.Errorf("a machine that trusts no key has given away a password")
		}
	}
	d.vouches(t, s, user)
	device := begins(t.Context(), s, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]))
	d.checks(t)
	if end := <-device; end.err != nil {
		t.Errorf("with the new key trusted: %v", end.err)
	}
}

// secondDevice gives the directory account a password by which it gets another device.
func (d *directory) secondDevice(t *testing.T) string {
	t.Helper()
	must(t, d, flow.ChangePassword, flow.ChangePasswordInput{NewPassword: password})
	return password
}

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
	// Who asked has gone away: an answer comes too late, now or a little later.
	eventually(t, func() bool {
		_, err := flow.LDAPBindResponse.Call(t.Context(), d, d.answer(asked, d.secrets[user]))
		if err == nil {
			return false
		}
		refusal(t, "a late answer", err, flow.NotFound)
		return true
	})
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
	ends := make([]<-chan outcome[flow.Device], len(users))
	for i, name := range users {
		s := open(t, n.process(t, "desk"))
		d.vouches(t, s, name)
		ends[i] = begins(t.Context(), s, flow.CreateLDAPDevice, d.logIn(name, d.passwords[name]))
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
	device := begins(t.Context(), s, flow.CreateLDAPDevice, d.logIn(user, d.passwords[user]))
	second := n.restarts(t, d)
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
	late := n.restarts(t, d)
	d.inbox = nil
	asked := await(t, late, flow.LDAPBindRequestEvent)
	must(t, d, flow.LDAPBindResponse, d.answer(asked, d.secrets[user]))
	if end := <-device; end.err != nil {
		t.Fatal(end.err)
	}
	// Once it is answered, it is told to nobody any more.
	for _, p := range []*person{n.restarts(t, d), d.owner, bob} {
		for _, n := range p.news(t) {
			if n.Type == flow.LDAPBindRequestEvent.Type() {
				t.Errorf("%s was told %s", p.name, n.Data)
			}
		}
		events(p)
	}
}

// restarts starts the directory account in another process of its machine.
func (n *network) restarts(t *testing.T, d *directory) *person {
	t.Helper()
	s := open(t, n.process(t, "directory"))
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
