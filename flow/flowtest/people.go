package flowtest

import (
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var people = []scenario{
	{"are found by name and id", peopleAreFound},
	{"are listed when they share a team", peersShareATeam},
}

func peopleAreFound(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	byName := must(t, bob, flow.GetPeer, flow.GetPeerInput{PeerUsername: "alice"})
	if byName.AccountID != alice.id || byName.Username != "alice" {
		t.Errorf("alice is found as %+v", byName)
	}
	byID := must(t, bob, flow.GetPeerFromID, flow.GetPeerFromIDInput{PeerID: alice.id})
	if diff := cmp.Diff(byName, byID); diff != "" {
		t.Errorf("alice (-by name +by id):\n%s", diff)
	}
	own := must(t, alice, flow.PeerData, flow.PeerDataInput{})
	if diff := cmp.Diff(byName, own); diff != "" {
		t.Errorf("alice (-for bob +for herself):\n%s", diff)
	}
	if got := must(t, alice, flow.GetPeerFromID, flow.GetPeerFromIDInput{PeerID: alice.id}); got != own {
		t.Errorf("alice finds herself as %+v", got)
	}
	for _, name := range []string{"", "nobody", "ali"} {
		refuse(t, bob, flow.GetPeer, flow.GetPeerInput{PeerUsername: name}, flow.NotFound, flow.Invalid)
	}
	for _, id := range []flow.AccountID{"", "NONE"} {
		refuse(t, bob, flow.GetPeerFromID, flow.GetPeerFromIDInput{PeerID: id}, flow.NotFound, flow.Invalid)
	}
}

func peersShareATeam(t *testing.T, n *network) {
	dave, alice, bob := n.join(t, "dave"), n.join(t, "alice"), n.join(t, "bob")
	n.join(t, "stranger")
	alice.founds(t, "One", bob)
	alice.founds(t, "Two", bob, dave)
	var names []string
	for _, p := range must(t, alice, flow.EnumeratePeerAccounts, flow.EnumeratePeerAccountsInput{}) {
		names = append(names, p.Username)
	}
	if diff := cmp.Diff([]string{"alice", "bob", "dave"}, names); diff != "" {
		t.Errorf("alice's peers by name (-want +got):\n%s", diff)
	}
}
