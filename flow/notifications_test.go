package flow_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// news answers polls with what is sent to it.
type news chan string

func (n news) answer(ctx context.Context, method string, _ json.RawMessage) (json.RawMessage, error) {
	select {
	case text := <-n:
		if text == "lost" {
			return nil, flow.Errorf(flow.Uncertain, "lost")
		}
		if text == "foreign" {
			return nil, flow.Errorf(flow.Invalid, "the cursor is not in this log")
		}
		if text == "none" {
			return nil, flow.Errorf(flow.UnknownSession, "Unknown session")
		}
		return json.RawMessage(text), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// hearing is what a client reports, by its types and errors.
type hearing chan string

// listens reports until ctx ends.
func listens(ctx context.Context, c *flow.Client) hearing {
	got := make(hearing)
	go func() {
		defer close(got)
		for notification, err := range c.Notifications(ctx) {
			if err != nil {
				got <- err.Error()
				continue
			}
			got <- string(notification.Type)
		}
	}()
	return got
}

func (h hearing) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, one := range want {
		if text := <-h; text != one {
			t.Fatalf("got %q, want %q", text, one)
		}
	}
}

func TestNotifications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := make(news)
		o := &outside{answer: greet(true, n.answer)}
		ctx, cancel := context.WithCancel(t.Context())
		heard := listens(ctx, flow.NewClient(o, ada))
		heard.expect(t, "connected")
		n <- `[{"type":"message","data":{}},{"type":"hwm","data":[]}]`
		heard.expect(t, "message", "hwm")
		n <- `{"type":"channel","data":[]}` // as some backends answer
		heard.expect(t, "channel")
		for _, nothing := range []string{`[]`, `null`, `{}`} {
			n <- nothing
		}
		n <- "lost" // the connection only: the backend is the same
		heard.expect(t, "lost")
		n <- `[{"type":"org","data":[]}]`
		heard.expect(t, "org")
		synctest.Wait() // until the next poll is under way
		o.restart()
		n <- "lost"
		heard.expect(t, "lost", "connected")
		cancel()
		if text, more := <-heard; more {
			t.Errorf("after the end of its context the iterator yields %q", text)
		}
	})
}

// The backend is told what arrived when it cannot know: after an answer that may have been
// lost, and when it is another one.
func TestNotificationsGoOnWhereTheyWere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := make(news)
		o := &outside{answer: greet(true, n.answer)}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for range flow.NewClient(o, ada).Notifications(ctx) {
			}
		}()
		n <- `[{"type":"org","data":[],"seq":4},{"type":"hwm","data":[],"seq":6}]`
		n <- `[{"type":"notify-event","data":{"EventCode":6}}]`
		n <- "lost"
		n <- `[{"type":"org","data":[],"seq":9}]`
		synctest.Wait()
		o.restart()
		n <- `[]` // the old one's last word
		n <- "foreign"
		n <- `[]`
		synctest.Wait()
		cancel()
		want := []string{
			`{"SessionID":7}`, `{"SessionID":7}`, `{"SessionID":7}`,
			`{"SessionID":7,"After":6,"Again":true}`, `{"SessionID":7}`,
			`{"SessionID":7,"After":9}`, `{"SessionID":7,"Again":true}`, `{"SessionID":7}`,
		}
		if diff := cmp.Diff(want, o.polls()); diff != "" {
			t.Errorf("polls (-want +got):\n%s", diff)
		}
	})
}

// What one consumer has left, the next one gets: also what came first of all, in an answer
// that did not arrive or of which it took a part.
func TestNotificationsGoOnWithAnotherConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := make(news)
		o := &outside{answer: greet(true, n.answer)}
		c := flow.NewClient(o, ada)
		leave := func(after flow.NotificationType) {
			for one, err := range c.Notifications(t.Context()) {
				if err == nil && one.Type == after || err != nil && after == "" {
					return
				}
			}
		}
		left := make(chan bool)
		for _, round := range []struct{ says, after string }{
			{"lost", ""},
			{`[{"type":"org","data":[],"seq":4},{"type":"hwm","data":[],"seq":6}]`, "org"},
			{`[{"type":"hwm","data":[],"seq":6}]`, "hwm"},
			{`[{"type":"org","data":[],"seq":8}]`, "org"},
		} {
			go func() {
				leave(flow.NotificationType(round.after))
				left <- true
			}()
			n <- round.says
			<-left
		}
		want := []string{`{"SessionID":7}`, `{"SessionID":7,"Again":true}`, `{"SessionID":7,"After":4,"Again":true}`, `{"SessionID":7}`}
		if diff := cmp.Diff(want, o.polls()); diff != "" {
			t.Errorf("polls (-want +got):\n%s", diff)
		}
	})
}

// A backend that stays away must not keep a core busy, however long it stays away.
func TestNotificationsWaitBetweenErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outside{down: flow.Errorf(flow.Unavailable, "away")}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		errs := 0
		for _, err := range flow.NewClient(o, ada).Notifications(ctx) {
			if err == nil {
				t.Fatal("a notification from nowhere")
			}
			errs++
		}
		if errs < 600 || errs > 620 {
			t.Errorf("%d errors in ten minutes, want about one a second", errs)
		}
	})
}

func TestNotificationsEndWithTheirConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := make(news)
		o := &outside{answer: greet(true, n.answer)}
		for range flow.NewClient(o, ada).Notifications(t.Context()) {
			break
		}
	})
}
