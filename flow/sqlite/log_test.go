package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// sendMany sends numbered messages from several goroutines and then one more.
func (u user) sendMany(t testing.TB, n int, last string) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range 50 {
		wg.Go(func() {
			for i := w; i < n; i += 50 {
				if _, err := u.post(t.Context(), fmt.Sprint(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	u.send(t, last)
}

func TestLogFromTheFileAndFromMemoryIsOne(t *testing.T) {
	s := open(t, t.TempDir())
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	const n = ringEvents + 1000 // so that the first have left the ring
	ana.sendMany(t, n, "end")
	if s.hub.first == 0 {
		t.Fatal("everything is in memory still")
	}
	heard := ben.hear(t, "end")
	written := ana.everything(t)
	if len(written) != n+1 {
		t.Fatalf("%d messages were written, want %d", len(written), n+1)
	}
	if diff := cmp.Diff(written, heard); diff != "" {
		t.Error(diff)
	}
}

// everything returns all messages of the home channel, oldest first.
func (u user) everything(t testing.TB) []string {
	t.Helper()
	var texts []string
	filters := &flow.MessageFilters{Limit: flow.MaxMessages}
	for {
		list, err := u.EnumerateMessages(t.Context(), u.call, flow.EnumerateMessagesInput{ChannelID: u.home.ChannelID, Filters: filters})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			texts = append(texts, m.Text)
		}
		if len(list) < flow.MaxMessages {
			slices.Reverse(texts)
			return texts
		}
		filters.Before = list[len(list)-1].ID
	}
}

func TestQuietChannelInABusyStore(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	quiet, err := ana.NewDirectConversation(t.Context(), ana.call, flow.NewDirectConversationInput{
		OrgID: ana.home.OrgID, MemberID: ben.home.AccountID,
	})
	if err != nil {
		t.Fatal(err)
	}
	busy, err := ana.NewChannel(t.Context(), ana.call, flow.NewChannelInput{OrgID: ana.home.OrgID, Name: "busy"})
	if err != nil {
		t.Fatal(err)
	}
	alone, talk := ana, ana
	alone.home.ChannelID, talk.home.ChannelID = busy, quiet
	for i := range 3 {
		alone.sendMany(t, 3*logStretch, "-")
		talk.send(t, fmt.Sprint("to ben ", i))
	}
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir) // with nothing in memory
	ben.Engine = s.seat("two")
	if diff := cmp.Diff([]string{"to ben 0", "to ben 1", "to ben 2"}, ben.hear(t, "to ben 2")); diff != "" {
		t.Error(diff)
	}
	page, err := ben.EnumerateEvents(t.Context(), ben.call, flow.EnumerateEventsInput{After: new(flow.Cursor), Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if page.Next != s.hub.end() || page.More {
		t.Errorf("the page ends at %d of %d, more: %t", page.Next, s.hub.end(), page.More)
	}
}

func TestSessionsGoOnUnderAnotherOwner(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	ana.send(t, "first")
	ben.hear(t, "first")
	ana.send(t, "second")
	ben.hear(t, "second") // which acknowledges the first
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	ana.Engine, ben.Engine = s.seat("one"), s.seat("two")
	ana.send(t, "third")
	// Nobody knows whether the second arrived, since no further wait acknowledged it.
	if diff := cmp.Diff([]string{"second", "third"}, ben.hear(t, "third")); diff != "" {
		t.Error(diff)
	}
	more, err := ben.NewSession(t.Context(), flow.Call{}, flow.NewSessionInput{})
	if err != nil || more.SessionID != ben.call.Session+1 {
		t.Errorf("the next session is %d after %d; %v", more.SessionID, ben.call.Session, err)
	}
}

func TestDeviceTakesTheMostAdvancedPlace(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	ben, twin := start(t, s, "two", "ben"), start(t, s, "three", "ben")
	ana.send(t, "first")
	ana.send(t, "second")
	if got := ben.hear(t, "second"); len(got) != 2 {
		t.Fatal(got)
	}
	given, giveUp := context.WithCancel(t.Context())
	giveUp()
	if _, err := ben.wait(given, ben.call, flow.WaitForNotificationInput{}); !errors.Is(err, context.Canceled) { // acknowledges both
		t.Fatal(err)
	}
	if got := twin.hear(t, "second"); len(got) != 2 { // a session of its own sees both
		t.Fatal(got)
	}
	s.leave("two")
	s.leave("three")
	ana.send(t, "third")
	again := start(t, s, "four", "ben")
	if diff := cmp.Diff([]string{"third"}, again.hear(t, "third")); diff != "" {
		t.Error(diff)
	}
}

func TestLeavingEndsWaits(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	end, err := ana.EnumerateEvents(t.Context(), ana.call, flow.EnumerateEventsInput{})
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	go func() {
		var err error
		for err == nil { // it may hear that it is synchronised
			_, err = ana.wait(t.Context(), ana.call, flow.WaitForNotificationInput{After: end.Next})
		}
		waits <- err
	}()
	for s.hub.waiting() == 0 {
		runtime.Gosched()
	}
	s.leave("one")
	if err := <-waits; !errors.Is(err, flow.UnknownSession) || err.Error() != "Unknown session" {
		t.Errorf("the wait ended with %v", err)
	}
	if _, err := ana.EnumerateOrgs(t.Context(), ana.call, flow.EnumerateOrgsInput{}); err == nil || err.Error() != "Unknown session" {
		t.Errorf("a later call ended with %v", err)
	}
	if n := len(s.hub.views); n != 0 {
		t.Errorf("%d views are held by nobody", n)
	}
}

func TestManyAtOnce(t *testing.T) {
	s := open(t, t.TempDir())
	const people, each = 8, 40
	users := make([]user, people)
	var wg sync.WaitGroup
	for i := range users {
		wg.Go(func() {
			var err error
			if users[i], err = begin(t.Context(), s, fmt.Sprint("process ", i), fmt.Sprint("user ", i)); err != nil {
				t.Error(err)
			}
		})
	}
	if wg.Wait(); t.Failed() {
		return
	}
	for i, u := range users {
		if u.home.OrgID != users[0].home.OrgID || u.home.ChannelID != users[0].home.ChannelID {
			t.Fatalf("user %d is in another team", i)
		}
	}
	heard := make([][]string, people)
	var talk, listen sync.WaitGroup
	for i, u := range users {
		talk.Go(func() {
			for j := range each {
				if _, err := u.post(t.Context(), fmt.Sprint(i, "/", j)); err != nil {
					t.Error(err)
				}
				if err := u.alertNobody(t.Context()); !errors.Is(err, flow.NotFound) {
					t.Errorf("a message that is to alert nobody known got %v", err) // after its number was taken
				}
			}
		})
		listen.Go(func() {
			var err error
			if heard[i], err = u.listen(t.Context(), "end"); err != nil {
				t.Error(err)
			}
		})
	}
	talk.Wait()
	users[0].send(t, "end")
	listen.Wait()
	want := users[0].everything(t)
	for i := range heard {
		if diff := cmp.Diff(want[len(want)-len(heard[i]):], heard[i]); diff != "" || len(heard[i]) != len(want) {
			t.Errorf("user %d heard %d of %d messages: %s", i, len(heard[i]), len(want), diff)
		}
	}
	inARow(t, s)
}

// inARow checks the numbers of messages, which are all in one channel.
func inARow(t *testing.T, s *store) {
	t.Helper()
	var gaps int
	err := s.pool.QueryRow("SELECT count(*) FROM (SELECT chseq, row_number() OVER (ORDER BY seq) AS n FROM message) WHERE chseq <> n").Scan(&gaps)
	if err != nil || gaps != 0 {
		t.Errorf("%d messages do not follow the one before them; %v", gaps, err)
	}
}

// TestNumbersOfWhatWasUndone: a message that went with its whole batch gives its number back.
func TestNumbersOfWhatWasUndone(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	ana.send(t, "first")
	err := s.change(t.Context(), func(t *tx) error {
		_, self, err := ana.self(t.ctx, ana.call)
		if err != nil {
			return err
		}
		m := flow.SendMessageWithNotificationInput{SendMessageInput: flow.SendMessageInput{ChannelID: ana.home.ChannelID, Text: "undone"}}
		if err := ana.deliver(t.ctx, t, self, "SendMessage", flow.Message{ID: flow.MessageID(flow.NewID()), Text: "undone"}, m); err != nil {
			return err
		}
		return sql.ErrConnDone // as when the disk goes
	})
	if !errors.Is(err, flow.Unusable) {
		t.Fatal(err)
	}
	ana.send(t, "second")
	inARow(t, s)
}

// alertNobody sends a message that is undone, since it is to alert somebody unknown.
func (u user) alertNobody(ctx context.Context) error {
	_, err := u.SendMessageWithNotification(ctx, u.call, flow.SendMessageWithNotificationInput{
		SendMessageInput:     flow.SendMessageInput{ChannelID: u.home.ChannelID, Text: "undone"},
		PushNotifyAccountIDs: []flow.AccountID{flow.AccountID(flow.NewID())},
	})
	return err
}
