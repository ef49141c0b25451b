package flowtest

import (
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

var kinds = []scenario{
	{"are shown to those who let them in", kindsAreShown},
	{"are left out of ordinary accounts", kindsAreLeftOut},
}

// kindsAreShown: an escrow account cannot come in as somebody else.
func kindsAreShown(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	vault, made := n.escrowAccount(t)
	refuse(t, vault, flow.ChangeUsername, flow.ChangeUsernameInput{Username: "bob", Password: made.Password}, flow.Denied)
	alice.news(t)
	must(t, vault, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: org})
	asked := await(t, alice, flow.OrgJoinRequestEvent)
	pending := must(t, alice, flow.EnumerateOrgJoinRequests, flow.EnumerateOrgJoinRequestsInput{OrgID: org})
	alice.admits(t, org, vault, flow.Member)
	told := await(t, alice, flow.OrgMemberEvent)
	members := must(t, alice, flow.EnumerateOrgMembers, flow.EnumerateOrgMembersInput{OrgID: org})
	history := must(t, alice, flow.EnumerateOrgMemberHistory, flow.EnumerateOrgMemberHistoryInput{OrgID: org})
	byName := must(t, alice, flow.GetPeer, flow.GetPeerInput{PeerUsername: made.Username})
	for what, kind := range map[string]flow.AccountKind{
		"the request that is announced": asked[0].Kind,
		"the request that is listed":    pending[0].Kind,
		"the member that is announced":  told[0].Kind,
		"the member that is listed":     members[1].Kind,
		"the member in the history":     history[0].Kind,
		"the account by its name":       byName.Kind,
		"the account by its id":         alice.peer(t, vault).Kind,
		"the account itself":            must(t, vault, flow.PeerData, flow.PeerDataInput{}).Kind,
	} {
		if kind != flow.EscrowKind {
			t.Errorf("%s is of the kind %q", what, kind)
		}
	}
	d := n.directory(t)
	if kind := alice.peer(t, d.person).Kind; kind != flow.DirectoryKind {
		t.Errorf("a directory account is of the kind %q", kind)
	}
}

// kindsAreLeftOut: programs that were written for Flow see the objects they know.
func kindsAreLeftOut(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team")
	must(t, bob, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: org})
	in := `{"OrgID":"` + string(org) + `","PeerUsername":"bob"}`
	for _, method := range []string{"GetPeer", "EnumeratePeerAccounts", "PeerData", "EnumerateOrgMembers", "EnumerateOrgMemberHistory", "EnumerateOrgJoinRequests"} {
		if got := raw(t, alice, method, in); strings.Contains(got, `"kind"`) {
			t.Errorf("%s tells the kind of ordinary accounts: %s", method, got)
		}
	}
}
