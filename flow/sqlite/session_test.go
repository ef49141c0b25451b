package sqlite

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

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
