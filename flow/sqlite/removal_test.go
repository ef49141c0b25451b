package sqlite

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

func (u user) remove(t testing.TB, ids ...flow.MessageID) {
	t.Helper()
	in := flow.MarkMessagesDeletedInput{ChannelID: u.home.ChannelID}
	for _, id := range ids {
		in.Messages = append(in.Messages, flow.MessageRef{MessageID: id})
	}
	if _, err := u.MarkMessagesDeleted(t.Context(), u.call, in); err != nil {
		t.Fatal(err)
	}
}

// escrow makes an escrow account in the team of a machine, and returns its password.
func (u user) escrow(t testing.TB, s *store) string {
	t.Helper()
	e := s.seat("escrow")
	opened, err := e.NewSession(t.Context(), flow.Call{}, flow.NewSessionInput{})
	if err != nil {
		t.Fatal(err)
	}
	call := flow.Call{Session: opened.SessionID, Request: "the escrow account"}
	made, err := e.CreateEscrowAccount(t.Context(), call, flow.CreateEscrowAccountInput{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := e.AccountID(t.Context(), call, flow.AccountIDInput{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = u.OrgAddMember(t.Context(), u.call, flow.OrgAddMemberInput{OrgID: u.home.OrgID, MemberAccountID: id, MemberState: flow.Member})
	if err != nil {
		t.Fatal(err)
	}
	return made.Password
}

// TestRemovalLeavesNothing: what was deleted is in no file any more once the store is
// closed, but for what is kept for an escrow account.
func TestRemovalLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana := start(t, s, "one", "ana")
	short, long := ana.send(t, "quicksilver"), ana.send(t, strings.Repeat("quicksilver ", 4000))
	ana.send(t, "bedrock")
	ana.remove(t, short, long)
	password := ana.escrow(t, s)
	ana.remove(t, ana.send(t, "amber"))
	if err := s.close(context.Background()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "main.db"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"quicksilver": false, "bedrock": true, "amber": true, password: false} {
		if bytes.Contains(data, []byte(text)) != want {
			t.Errorf("that %q is in the file is %v, want %v", text, !want, want)
		}
	}
}

// TestSentAgainAfterRemoval: a message that was deleted is not sent a second time by a
// program that repeats its request.
func TestSentAgainAfterRemoval(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	ana.call.Request = "once"
	id := ana.send(t, "hello")
	request := ana.call.Request
	ana.call.Request = ""
	ana.remove(t, id)
	ana.call.Request = request
	if again := ana.send(t, "hello"); again != id {
		t.Errorf("the message %s was sent again as %s", id, again)
	}
	ana.call.Request = ""
	if got := ana.texts(t); len(got) != 0 {
		t.Errorf("the channel holds %q", got)
	}
}

// TestSweepKeepsForEscrow: the files of deleted messages stay where the messages are kept.
func TestSweepKeepsForEscrow(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	early := ana.sendFile(t, ana.register(t, fileOf(t, "early", bytesOf("early", 1000))))
	late := ana.sendFile(t, ana.register(t, fileOf(t, "late", bytesOf("late", 1000))))
	ana.remove(t, early)
	ana.escrow(t, s)
	ana.remove(t, late)
	if err := s.sweep(t.Context(), time.Now().Add(365*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, s); len(got) != 1 {
		t.Errorf("of the file that was deleted before and the one after there are left %d, want 1", len(got))
	}
}
