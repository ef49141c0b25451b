package flowtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var keys = []scenario{
	{"have fingerprints that all see", fingerprints},
	{"are compared by a hash", hashesAreCompared},
	{"are verified by one account for itself", keysAreVerified},
	{"are verified only as they are now", keysAreChecked},
	{"change when a device is revoked", keysChange},
	{"of channels are made, shared and renewed", channelKeys},
	{"of channels are renewed for those who stay", channelKeysStay},
}

// peer looks somebody up.
func (p *person) peer(t *testing.T, who *person) flow.Peer {
	t.Helper()
	return must(t, p, flow.GetPeerFromID, flow.GetPeerFromIDInput{PeerID: who.id})
}

// trusts verifies somebody's key ring.
func (p *person) trusts(t *testing.T, who *person) {
	t.Helper()
	must(t, p, flow.VerifyPeerKeyRing, flow.VerifyPeerKeyRingInput{
		PeerUsername: who.name, PeerAccountID: who.id, PeerKeyRingID: p.peer(t, who).KeyRingID, VerificationMethod: "in person",
	})
}

func fingerprints(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	seen := map[string]bool{}
	for _, p := range []*person{alice, bob, n.returns(t, "alice")} {
		own := must(t, p, flow.KeyRingFingerprint, flow.KeyRingFingerprintInput{})
		if raw, ok := flow.DecodeID(own); !ok || len(raw) != 32 {
			t.Errorf("the fingerprint of %s is %q, want 32 bytes in base32", p.name, own)
		}
		seen[own] = true
		for _, viewer := range []*person{alice, bob} {
			if peer := viewer.peer(t, p); peer.Fingerprint != own || peer.KeyRingID == "" {
				t.Errorf("%s sees %s as %+v, whose own fingerprint is %s", viewer.name, p.name, peer, own)
			}
		}
	}
	if len(seen) != 2 {
		t.Errorf("two accounts have the fingerprints %v", seen)
	}
}

func hashesAreCompared(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	shown := must(t, alice, flow.VerificationHash, flow.VerificationHashInput{})
	as := bob.peer(t, alice)
	if want := flow.HashOfKeyRing("alice", as.ServerURI, as.Fingerprint); shown != want {
		t.Errorf("alice shows the hash %s, want %s", shown, want)
	}
	other := must(t, bob, flow.VerificationHash, flow.VerificationHashInput{})
	for _, c := range []struct {
		name, fingerprint, hash string
		want                    bool
	}{
		{"alice", as.Fingerprint, shown, true},
		{"alice", as.Fingerprint, other, false},
		{"alice", as.Fingerprint, "", false},
		{"alice", as.Fingerprint, strings.ToLower(shown), false},
		{"alice", as.Fingerprint, shown + "A", false},
		{"alice", "", shown, false},
		{"alice", bob.peer(t, bob).Fingerprint, flow.HashOfKeyRing("alice", as.ServerURI, bob.peer(t, bob).Fingerprint), false},
		{"bob", as.Fingerprint, shown, false},
	} {
		got := must(t, bob, flow.PeerVerificationHash, flow.PeerVerificationHashInput{
			PeerUsername: c.name, Fingerprint: c.fingerprint, ProvidedHash: c.hash,
		})
		if got != c.want {
			t.Errorf("the hash %q with the fingerprint %q of %s is right: %v, want %v", c.hash, c.fingerprint, c.name, got, c.want)
		}
	}
	refuse(t, bob, flow.PeerVerificationHash, flow.PeerVerificationHashInput{
		PeerUsername: "nobody", Fingerprint: as.Fingerprint, ProvidedHash: shown,
	}, flow.NotFound)
	must(t, alice, flow.ChangeUsername, flow.ChangeUsernameInput{Username: "alice liddell"})
	if renamed := must(t, alice, flow.VerificationHash, flow.VerificationHashInput{}); renamed == shown {
		t.Errorf("the hash does not depend on the user name")
	}
}

func keysAreVerified(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	alice.founds(t, "Team", bob, carol)
	second := n.returns(t, "alice")
	everybody := []*person{alice, second, bob, carol}
	for _, p := range everybody {
		p.news(t)
	}
	before := alice.peer(t, bob)
	if before.Verified {
		t.Errorf("bob is verified from the beginning")
	}
	alice.trusts(t, bob)
	alice.trusts(t, bob) // is so already
	want := before
	want.Verified = true
	for _, p := range everybody {
		var told []flow.Peer
		if p == alice || p == second {
			told = []flow.Peer{want}
		}
		if diff := cmp.Diff(told, announced(t, p, flow.PeerVerificationEvent)); diff != "" {
			t.Errorf("what %s was told of bob (-want +got):\n%s", p.name, diff)
		}
		mine := p == alice || p == second
		byName := must(t, p, flow.GetPeer, flow.GetPeerInput{PeerUsername: "bob"})
		if byName.Verified != mine || p.peer(t, bob).Verified != mine {
			t.Errorf("for %s bob is verified: %v, want %v", p.name, byName.Verified, mine)
		}
		for _, peer := range must(t, p, flow.EnumeratePeerAccounts, flow.EnumeratePeerAccountsInput{}) {
			if peer.Verified != (mine && peer.AccountID == bob.id) {
				t.Errorf("%s lists %+v", p.name, peer)
			}
		}
	}
}

func keysAreChecked(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	his := alice.peer(t, bob)
	for what, c := range map[string]struct {
		in   flow.VerifyPeerKeyRingInput
		code flow.Code
	}{
		"no key ring":      {flow.VerifyPeerKeyRingInput{PeerAccountID: bob.id}, flow.Conflict},
		"another's":        {flow.VerifyPeerKeyRingInput{PeerAccountID: bob.id, PeerKeyRingID: alice.peer(t, carol).KeyRingID}, flow.Conflict},
		"an unknown one":   {flow.VerifyPeerKeyRingInput{PeerAccountID: bob.id, PeerKeyRingID: "NONE"}, flow.Conflict},
		"another name":     {flow.VerifyPeerKeyRingInput{PeerUsername: "carol", PeerAccountID: bob.id, PeerKeyRingID: his.KeyRingID}, flow.Conflict},
		"nobody":           {flow.VerifyPeerKeyRingInput{PeerAccountID: "NONE", PeerKeyRingID: his.KeyRingID}, flow.NotFound},
		"the own one":      {flow.VerifyPeerKeyRingInput{PeerAccountID: alice.id, PeerKeyRingID: alice.peer(t, alice).KeyRingID}, flow.Invalid},
		"too long a story": {flow.VerifyPeerKeyRingInput{PeerAccountID: bob.id, PeerKeyRingID: his.KeyRingID, VerificationMethod: flow.VerificationMethod(strings.Repeat("m", 201))}, flow.Invalid},
	} {
		t.Run(what, func(t *testing.T) { refuse(t, alice, flow.VerifyPeerKeyRing, c.in, c.code) })
	}
	if alice.peer(t, bob).Verified {
		t.Errorf("bob is verified after refusals")
	}
	for _, p := range []*person{alice, carol} {
		for i, method := range []string{`"phone"`, `3`, `null`} {
			raw(t, p, "VerifyPeerKeyRing", fmt.Sprintf(`{"PeerUsername":"bob","PeerAccountID":%q,"PeerKeyRingID":%q,"VerificationMethod":%s}`,
				bob.id, his.KeyRingID, method))
			if !p.peer(t, bob).Verified {
				t.Errorf("after verification %d of %s bob is not verified", i, p.name)
			}
		}
	}
}

func keysChange(t *testing.T, n *network) {
	alice, bob, stranger := n.register(t, "alice"), n.join(t, "bob"), n.join(t, "stranger")
	alice.founds(t, "One", bob)
	alice.founds(t, "Two", bob)
	s := open(t, n.process(t, "elsewhere"))
	phone := must(t, s, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: password})
	bob.trusts(t, alice)
	stranger.trusts(t, alice)
	must(t, alice, flow.ChangePassword, flow.ChangePasswordInput{NewPassword: "tomorrow and tomorrow"})
	before := bob.peer(t, alice)
	if !before.Verified {
		t.Errorf("a new password takes the verification away")
	}
	for _, p := range []*person{alice, bob, stranger} {
		p.news(t)
	}
	must(t, alice, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: phone.ID})
	must(t, alice, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: phone.ID}) // is so already
	after := bob.peer(t, alice)
	if after.Verified || after.KeyRingID == before.KeyRingID || after.Fingerprint == before.Fingerprint {
		t.Errorf("before a device was revoked bob saw %+v, after it %+v", before, after)
	}
	if own := must(t, alice, flow.KeyRingFingerprint, flow.KeyRingFingerprintInput{}); own != after.Fingerprint {
		t.Errorf("alice's fingerprint is %s, for bob %s", own, after.Fingerprint)
	}
	for p, want := range map[*person][]flow.Peer{alice: {after}, bob: {after}, stranger: nil} {
		if diff := cmp.Diff(want, announced(t, p, flow.PeerVerificationEvent)); diff != "" {
			t.Errorf("what %s was told of alice (-want +got):\n%s", p.name, diff)
		}
	}
	refuse(t, bob, flow.VerifyPeerKeyRing,
		flow.VerifyPeerKeyRingInput{PeerAccountID: alice.id, PeerKeyRingID: before.KeyRingID}, flow.Conflict)
	must(t, alice, flow.SetDeviceAuthorized, flow.SetDeviceAuthorizedInput{DeviceID: phone.ID, Authorized: true})
	bob.trusts(t, alice)
	if !bob.peer(t, alice).Verified || stranger.peer(t, alice).Verified {
		t.Errorf("who verified the new key ring sees %+v, who did not sees %+v", bob.peer(t, alice), stranger.peer(t, alice))
	}
}

// keyNews returns what somebody was told of session keys, in words.
func (p *person) keyNews(t *testing.T, channel flow.ChannelID, names map[flow.AccountID]string) (told []string) {
	t.Helper()
	for _, n := range p.news(t) {
		switch n.Type {
		case flow.ChannelSessionKeyEvent.Type():
			for _, k := range decode(t, flow.ChannelSessionKeyEvent, n) {
				told = append(told, fmt.Sprintf("key %d %v", k.Epoch, k.ChannelID == channel && k.OrgID != ""))
			}
		case flow.ChannelSessionKeyShareEvent.Type():
			for _, k := range decode(t, flow.ChannelSessionKeyShareEvent, n) {
				told = append(told, fmt.Sprintf("key %d for %s %v", k.Epoch, names[k.AccountID], k.ChannelID == channel && k.OrgID != ""))
			}
		}
	}
	return told
}

func channelKeys(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	names := map[flow.AccountID]string{alice.id: "alice", bob.id: "bob", carol.id: "carol"}
	org := alice.founds(t, "Team", bob, carol)
	everybody := []*person{alice, bob, carol}
	for _, p := range everybody {
		p.news(t)
	}
	general := alice.opens(t, org, "general", bob)
	alice.invites(t, general, carol, flow.Member)
	alice.invites(t, general, carol, flow.Admin) // has it already
	if diff := cmp.Diff([]string{"key 1 for bob true", "key 1 for carol true"}, bob.keyNews(t, general, names)); diff != "" {
		t.Errorf("the keys that bob was told of (-want +got):\n%s", diff)
	}
	bob.bans(t, general, bob)
	alice.send(t, general, "he is gone")
	if got := bob.keyNews(t, general, names); len(got) != 0 {
		t.Errorf("who has left was told of %q", got)
	}
	alice.invites(t, general, bob, flow.Member)
	for p, want := range map[*person][]string{
		alice: {"key 1 true", "key 1 for bob true", "key 1 for carol true", "key 2 true", "key 2 for bob true"},
		bob:   {"key 2 for bob true"},
		carol: {"key 1 for carol true", "key 2 true", "key 2 for bob true"},
	} {
		if diff := cmp.Diff(want, p.keyNews(t, general, names)); diff != "" {
			t.Errorf("the keys that %s was told of (-want +got):\n%s", p.name, diff)
		}
	}
	must(t, alice, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: general})
	for _, p := range everybody {
		if got := p.keyNews(t, general, names); len(got) != 0 {
			t.Errorf("of the keys of a deleted channel %s was told %q", p.name, got)
		}
	}
}

// channelKeysStay: who is put out of a team is out of its channels, and out of what they
// say from then on.
func channelKeysStay(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	names := map[flow.AccountID]string{alice.id: "alice", bob.id: "bob"}
	org := alice.founds(t, "Team", bob)
	alice.news(t)
	direct := alice.talksTo(t, org, bob)
	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{
		OrgID: org, MemberAccountID: bob.id, MemberState: flow.Banned,
	})
	got := alice.keyNews(t, direct, names)
	if len(got) == 3 && got[1] == "key 1 for alice true" {
		got[1] = "key 1 for bob true" // either of the two may be first in it
	}
	if diff := cmp.Diff([]string{"key 1 true", "key 1 for bob true", "key 2 true"}, got); diff != "" {
		t.Errorf("the keys that alice was told of (-want +got):\n%s", diff)
	}
	if left := must(t, alice, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: org}); len(left) != 1 {
		t.Errorf("alice's channels are %+v", left)
	}
}
