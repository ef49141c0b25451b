package sqlite

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// TestMarksTellNothing: what the ledger compares is of no use to whoever guesses a
// password, unless they have the key of the store.
func TestMarksTellNothing(t *testing.T) {
	in := flow.ChangePasswordInput{NewPassword: "correct horse battery staple"}
	call := flow.Call{Request: "monday", Params: in}
	var marks [][]byte
	for range 2 {
		ana := start(t, open(t, t.TempDir()), "one", "ana")
		for range 2 {
			asked, err := ana.entry(call, "ChangePassword", "ana")
			if err != nil {
				t.Fatal(err)
			}
			marks = append(marks, asked.mark)
		}
	}
	if !hmac.Equal(marks[0], marks[1]) || hmac.Equal(marks[0], marks[2]) {
		t.Errorf("two calls are marked %x and %x, and in another store %x", marks[0], marks[1], marks[2])
	}
	plain := sha256.Sum256([]byte("parameters\x00" + `{"NewPassword":"correct horse battery staple"}`))
	if bytes.Contains(marks[0], plain[:8]) {
		t.Error("the mark is a hash without a key")
	}
}

// TestRepeatsWithoutAMark: a write of before there were marks, or of before the key of the
// store was lost, is not done again, although nobody knows what its parameters were.
func TestRepeatsWithoutAMark(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana := start(t, s, "one", "ana")
	opens := func(name string) (flow.ChannelID, error) {
		in := flow.NewChannelInput{OrgID: ana.home.OrgID, Name: name}
		return ana.NewChannel(t.Context(), flow.Call{Session: ana.call.Session, Request: "monday", Params: in}, in)
	}
	made, err := opens("plans")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opens("ideas"); !errors.Is(err, flow.Conflict) {
		t.Errorf("other parameters: %v", err)
	}
	if err := errors.Join(s.close(context.Background()), os.Remove(filepath.Join(dir, vaultFile))); err != nil {
		t.Fatal(err)
	}
	ana.Engine = open(t, dir).seat("one")
	if again, err := opens("plans"); err != nil || again != made {
		t.Errorf("without the key the channel is %s, and was %s: %v", again, made, err)
	}
}
