package flowtest

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
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
