package sqlite

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// FuzzAutoAdd: whatever is made of a signed value, its signature holds for nothing but
// what was signed.
func FuzzAutoAdd(f *testing.F) {
	v, err := newVault(make([]byte, vaultKeySize))
	if err != nil {
		f.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := private.Public().(ed25519.PublicKey)
	ring := db.KeyRing{Public: "RING", Key: public, Seed: v.seal(private.Seed(), ringLabel("RING"))}
	want := autoAdd{Parent: "TEAM", Channels: []flow.ChannelID{"ONE", "TWO"}, KeyRing: "RING", Created: 1}
	value, err := v.signAutoAdd(ring, want)
	if err != nil {
		f.Fatal(err)
	}
	plain, err := base64.URLEncoding.DecodeString(value)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add("")
	f.Add("e30=")
	f.Add(base64.URLEncoding.EncodeToString([]byte(strings.Replace(string(plain), "TWO", "SIX", 1))))
	f.Add(base64.URLEncoding.EncodeToString([]byte(strings.Replace(string(plain), "event", "other", 1))))
	f.Add(base64.URLEncoding.EncodeToString([]byte(`{"event":null,"signature":""}`)))
	f.Fuzz(func(t *testing.T, value string) {
		s, event, err := parseAutoAdd(value)
		if err != nil || !s.isBy(public) {
			return
		}
		if diff := cmp.Diff(want, event); diff != "" {
			t.Errorf("a signature holds for what was not signed (-signed +value):\n%s", diff)
		}
	})
}
