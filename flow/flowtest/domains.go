package flowtest

import (
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

var domains = []scenario{
	{"lock nobody out who is not managed", domainsLeaveAWayOut},
	{"are taken back by the owner of the machine", domainsAreTakenBack},
	{"cannot be left by another way to write a name", domainsFold},
}

// domainsLeaveAWayOut: who claims a domain first has no power over those whose names end in
// it but to make them give the name up.
func domainsLeaveAWayOut(t *testing.T, n *network) {
	const user = "alice@example.com"
	root, _ := home(t, n, "root")
	alice, _ := home(t, n, user)
	d := n.directory(t)
	lock := func(lock flow.AccountLock) flow.SetAccountLockInput {
		return flow.SetAccountLockInput{Username: user, LockType: lock}
	}
	refuse(t, d, flow.SetAccountLock, lock(flow.FullLock), flow.Denied)
	must(t, d, flow.SetAccountLock, lock(flow.LDAPLock))
	refuse(t, alice, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}, flow.Denied)
	refuse(t, d, flow.SetAccountLock, lock(flow.FullLock), flow.Denied)
	must(t, d, flow.SetAccountLock, lock(flow.Unlocked))
	must(t, alice, flow.EnumerateOrgs, flow.EnumerateOrgsInput{})
	// Nor does it lift the lock of somebody else.
	must(t, root, flow.SetAccountLock, lock(flow.FullLock))
	refuse(t, d, flow.SetAccountLock, lock(flow.Unlocked), flow.Denied)
	refuse(t, d, flow.SetAccountLock, lock(flow.LDAPLock), flow.Denied)
	refuse(t, alice, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}, flow.Denied)
}

func domainsAreTakenBack(t *testing.T, n *network) {
	const user = "alice@example.com"
	root, _ := home(t, n, "root")
	bob, _ := home(t, n, "bob")
	d := n.directory(t, user)
	claim := func(p *person, name string) flow.ClaimDomainInput {
		return flow.ClaimDomainInput{OrgID: p.founds(t, name), Domain: "example.com"}
	}
	text := refuse(t, bob, flow.ClaimDomain, claim(bob, "Of Bob"), flow.Conflict)
	if !strings.Contains(text, "owner of the team of this machine") {
		t.Errorf("the refusal names nobody who can help: %s", text)
	}
	refuse(t, n.join(t, "carol"), flow.ClaimDomain, claim(bob, "Of Carol"), flow.NotFound)
	must(t, d, flow.SetAccountLock, flow.SetAccountLockInput{Username: user, LockType: flow.FullLock})

	org := root.founds(t, "Of Root")
	key := must(t, root, flow.ClaimDomain, flow.ClaimDomainInput{OrgID: org, Domain: "example.com"})
	unlock := flow.SetAccountLockInput{Username: user, LockType: flow.Unlocked}
	refuse(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: "bob@example.com"}, flow.Denied)
	refuse(t, d, flow.SetAccountLock, unlock, flow.Denied)
	refuse(t, d.owner, flow.ClaimDomain, flow.ClaimDomainInput{OrgID: d.org, Domain: "example.com"}, flow.Conflict)
	s := open(t, n.process(t, "server"))
	made := must(t, s, flow.CreateDMAccount, flow.CreateDMAccountInput{DMK: key})
	dma := started(t, s, made.Username)
	root.admits(t, org, dma, flow.Admin)
	must(t, dma, flow.SetAccountLock, unlock)
}

// domainsFold: an @ of full width is an @, as names compare.
func domainsFold(t *testing.T, n *network) {
	d := n.directory(t)
	carol := n.join(t, "carol＠example.com")
	must(t, d, flow.SetAccountLock, flow.SetAccountLockInput{Username: "carol@example.com", LockType: flow.LDAPLock})
	refuse(t, carol, flow.EnumerateOrgs, flow.EnumerateOrgsInput{}, flow.Denied)
	must(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: "dave＠example.com"})
	refuse(t, d, flow.SetupLDAPAccount, flow.SetupLDAPAccountInput{Username: "erin@example.com＠other.example"}, flow.Invalid)
	refuse(t, d.owner, flow.ClaimDomain, flow.ClaimDomainInput{OrgID: d.org, Domain: "a＠other.example"}, flow.Invalid)
	refuse(t, d.owner, flow.ClaimDomain, flow.ClaimDomainInput{OrgID: d.org, Domain: "other\u3000example"}, flow.Invalid)
}
