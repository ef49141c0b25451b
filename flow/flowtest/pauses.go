package flowtest

import (
	"fmt"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var pauses = []scenario{
	{"hold back notifications", pauseHoldsBack},
	{"end with all that has waited", pauseEnds},
	{"are of one session", pauseIsOfASession},
	{"may be asked for twice or not at all", pauseRepeats},
}

func (p *person) pause(t *testing.T) {
	t.Helper()
	must(t, p, flow.Pause, flow.PauseInput{})
}

func (p *person) resume(t *testing.T) {
	t.Helper()
	must(t, p, flow.Resume, flow.ResumeInput{})
}

// settles waits until the session has caught up, so that notify-events that come later
// have another reason. It may have heard of that before, among other news.
func (p *person) settles(t *testing.T) {
	t.Helper()
	for p.synced == 0 {
		p.next(t)
	}
	p.synced--
}

// pauseHoldsBack: a wait goes on through the pause; all else works.
func pauseHoldsBack(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	alice.news(t)
	bob.news(t)
	alice.settles(t)
	alice.pause(t)
	arrived := make(chan flow.Notifications, 1)
	failed := make(chan error, 1)
	go func() {
		batch, err := flow.WaitForNotification.Call(t.Context(), alice, flow.WaitForNotificationInput{})
		failed <- err
		arrived <- batch
	}()
	before := alice.end(t)
	bob.send(t, general, "one")
	alice.send(t, general, "two")
	bob.send(t, general, "three")
	if got := len(bob.news(t)); got != 3 {
		t.Errorf("bob was sent %d notifications, want 3", got)
	}
	if page := alice.eventsAfter(t, before, 0, 0); len(page.Events) != 3 {
		t.Errorf("the paused account reads %d events, want 3", len(page.Events))
	}
	if got := len(alice.messages(t, general, flow.MessageFilters{})); got != 3 {
		t.Errorf("the paused account reads %d messages, want 3", got)
	}
	select {
	case err := <-failed:
		t.Fatalf("the wait of a paused session ended: %v, %v", err, <-arrived)
	default:
	}
	alice.resume(t)
	if err := <-failed; err != nil {
		t.Fatalf("the wait that was resumed: %v", err)
	}
	batch := <-arrived
	if diff := cmp.Diff([]string{"message", "message", "message", "notify-event"}, types(t, batch)); diff != "" {
		t.Fatalf("after the pause (-want +got):\n%s", diff)
	}
	if state := decode(t, flow.NotifyEvent, batch[3]); state.EventCode != flow.SyncDone {
		t.Errorf("the notify-event is %+v", state)
	}
}

// pauseEnds: what waited may be more than one reply holds, and comes in order, once, with
// the notify-event behind it.
func pauseEnds(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := bob.opens(t, bob.founds(t, "Team", alice), "general", alice)
	alice.news(t)
	alice.settles(t)
	alice.pause(t)
	const many = 250
	for i := range many {
		bob.send(t, general, fmt.Sprint(i))
	}
	alice.resume(t)
	for i := range many {
		note := alice.next(t)
		if note.Type != flow.MessageEvent.Type() {
			t.Fatalf("%s came as number %d of what has waited", note.Type, i)
		}
		if got := decode(t, flow.MessageEvent, note).RegularMessages[0].Text; got != fmt.Sprint(i) {
			t.Fatalf("number %d of what has waited is %q", i, got)
		}
	}
	if note := alice.next(t); note.Type != flow.NotifyEvent.Type() {
		t.Errorf("behind what has waited comes %s", note.Type)
	}
}

func pauseIsOfASession(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := bob.opens(t, bob.founds(t, "Team", alice), "general", alice)
	again := n.returns(t, "alice")
	alice.pause(t)
	bob.send(t, general, "hi")
	if got := again.waitMessage(t).Text; got != "hi" {
		t.Errorf("the other session was sent %q", got)
	}
	alice.resume(t)
	if got := alice.waitMessage(t).Text; got != "hi" {
		t.Errorf("after the pause the session was sent %q", got)
	}
}

func pauseRepeats(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	alice.news(t)
	alice.settles(t)
	quiet := func(what string) {
		t.Helper()
		alice.send(t, general, what)
		if note := alice.next(t); note.Type != flow.MessageEvent.Type() {
			t.Errorf("after %s comes %s %s", what, note.Type, note.Data)
		}
	}
	alice.resume(t)
	quiet("a resume without a pause")
	alice.pause(t)
	alice.pause(t)
	alice.resume(t)
	alice.settles(t)
	alice.resume(t)
	quiet("two pauses and two resumes")
}
