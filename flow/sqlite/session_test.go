package sqlite

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// A store that is closed before the place of a session was due to be saved has saved it,
// and has nothing left to do and to complain of.
func TestCloseSavesPlaces(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, err := openStore(t.Context(), dir, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ana := start(t, s, "one", "ana")
		ana.send(t, "hello")
		wait := func() flow.Notifications {
			t.Helper()
			batch, err := ana.WaitForNotification(t.Context(), ana.call, flow.WaitForNotificationInput{})
			if err != nil {
				t.Fatal(err)
			}
			return batch
		}
		first := wait()
		ana.send(t, "again")
		wait() // which acknowledges what the one before returned
		if err := s.close(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if log.Len() > 0 {
			t.Errorf("the closed store says:\n%s", log.String())
		}
		if s, err = openStore(t.Context(), dir, Options{}); err != nil {
			t.Fatal(err)
		}
		row, err := s.read.SessionByID(t.Context(), "one", ana.call.Session)
		if err != nil {
			t.Fatal(err)
		}
		if want := first[len(first)-1].Seq; row.Cursor != want {
			t.Errorf("the session is at %d, want %d", row.Cursor, want)
		}
		if err := s.close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// A session hears once that it has caught up with the log, however often the store has
// another owner.
func TestSynchronisedOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := openStore(t.Context(), dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ana := start(t, s, "one", "ana")
		synced := func() (times int) {
			t.Helper()
			for {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				batch, err := ana.wait(ctx, ana.call, flow.WaitForNotificationInput{})
				cancel()
				if errors.Is(err, context.DeadlineExceeded) {
					return times
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range batch {
					if n.Type == flow.NotifyEvent.Type() {
						times++
					}
				}
			}
		}
		another := func() {
			t.Helper()
			if err := s.close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if s, err = openStore(t.Context(), dir, Options{}); err != nil {
				t.Fatal(err)
			}
			ana.Engine = s.seat("one")
		}
		another()
		got := []int{synced()}
		another()
		got = append(got, synced())
		if _, err := ana.Pause(t.Context(), ana.call, flow.PauseInput{}); err != nil {
			t.Fatal(err)
		}
		another()
		if _, err := ana.Resume(t.Context(), ana.call, flow.ResumeInput{}); err != nil {
			t.Fatal(err)
		}
		got = append(got, synced())
		if _, err := ana.Resume(t.Context(), ana.call, flow.ResumeInput{}); err != nil { // which was done
			t.Fatal(err)
		}
		another()
		got = append(got, synced())
		if diff := cmp.Diff([]int{1, 0, 1, 0}, got); diff != "" {
			t.Errorf("how often it heard so from each owner (-want +got):\n%s", diff)
		}
		if err := s.close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
