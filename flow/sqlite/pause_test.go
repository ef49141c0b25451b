package sqlite

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// ownedBy starts a process that owns the store, which can be killed.
func ownedBy(t *testing.T, dir string) (kill func()) {
	t.Helper()
	owner := launch(t, "idle", dir, "owner")
	ownerOf(t, dir, map[string]*child{"owner": owner})
	return func() {
		t.Helper()
		if err := owner.command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-owner.ended
	}
}

// A session stays paused when the owner is killed, and misses nothing.
func TestOwnerIsKilledDuringAPause(t *testing.T) {
	dir := t.TempDir()
	kill := ownedBy(t, dir)
	alice, bob := account(t, join(t, dir), "alice"), account(t, join(t, dir), "bob")
	if err := alice.send(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	texts(t, bob, "before")
	if _, err := flow.Pause.Call(t.Context(), bob, flow.PauseInput{}); err != nil {
		t.Fatal(err)
	}
	heard := make(chan flow.Notifications, 1)
	go func() {
		batch, err := flow.WaitForNotification.Call(t.Context(), bob, flow.WaitForNotificationInput{})
		if err != nil {
			t.Error(err)
		}
		heard <- batch
	}()
	if err := alice.send(t.Context(), "during"); err != nil {
		t.Fatal(err)
	}
	kill()
	eventually(t, "the paused session waits at the next owner", func() bool {
		return len(heard) > 0 || waitsAt(alice.member, bob) || waitsAt(bob.member, bob)
	})
	if err := alice.send(t.Context(), "after"); err != nil {
		t.Fatal(err)
	}
	texts(t, alice, "after")
	if _, err := flow.Resume.Call(t.Context(), bob, flow.ResumeInput{}); err != nil {
		t.Fatal(err)
	}
	// Had the next owner not known of the pause, the wait would have ended with the first.
	got := messages(t, <-heard)
	if diff := cmp.Diff([]string{"during", "after"}, got); diff != "" {
		t.Errorf("the wait that was under way returns (-want +got):\n%s", diff)
	}
}

// waitsAt reports whether m owns the store, and a call waits on the session of s there.
func waitsAt(m *Member, s *seat) bool {
	r, _ := m.look()
	o, owns := r.caller.(*owner)
	if !owns {
		return false
	}
	one := o.store.sessions.get(sessionKey{s.member.self.Member, s.ID})
	if one == nil {
		return false
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	return one.poll != nil
}

// The next owner keeps out whom the one before has locked.
func TestNextOwnerKeepsLocks(t *testing.T) {
	dir := t.TempDir()
	root := account(t, join(t, dir), "root") // the first of the machine
	bob := account(t, join(t, dir), "bob")
	lock := flow.SetAccountLockInput{Username: "bob", LockType: flow.FullLock}
	if _, err := flow.SetAccountLock.Call(t.Context(), root, lock); err != nil {
		t.Fatal(err)
	}
	if err := root.member.Close(); err != nil {
		t.Fatal(err)
	}
	if err := bob.send(t.Context(), "let me in"); !errors.Is(err, flow.Denied) {
		t.Errorf("at the next owner the locked account is answered %v", err)
	}
}

// However Pause and Resume come together, memory and the row of the session agree.
func TestPausesInDisorder(t *testing.T) {
	s := open(t, t.TempDir())
	bob := idle(t, flow.Serve(s.seat("bob")))
	ok(t, bob, flow.StartUpLocal, flow.StartUpLocalInput{Username: "bob"})
	one := s.sessions.all()[0]
	for range 30 {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { ok(t, bob, flow.Pause, flow.PauseInput{}) })
			all.Go(func() { ok(t, bob, flow.Resume, flow.ResumeInput{}) })
		}
		all.Wait()
		row, err := s.read.SessionByID(t.Context(), one.key.member, one.key.id)
		if err != nil {
			t.Fatal(err)
		}
		if row.Paused != one.isPaused() {
			t.Fatalf("the row says paused: %t, memory says %t", row.Paused, one.isPaused())
		}
	}
}
