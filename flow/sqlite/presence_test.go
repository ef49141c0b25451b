package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// line is the way of a backend, which never restarts, to the owner of the store.
type line struct {
	seat flow.Caller

	calls sync.RWMutex // held for writing while the line is cut
	whole context.Context
	cut   context.CancelFunc
}

func newLine(seat flow.Caller) *line {
	l := &line{seat: seat}
	l.whole, l.cut = context.WithCancel(context.Background())
	return l
}

func (l *line) Endpoint(context.Context) (flow.Endpoint, error) {
	return flow.Endpoint{Caller: l, Generation: 1}, nil
}

func (l *line) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	l.calls.RLock()
	defer l.calls.RUnlock()
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.whole, cancel)()
	result, err := l.seat.Call(calling, method, params)
	if l.whole.Err() != nil && ctx.Err() == nil {
		return nil, flow.Errorf(flow.Uncertain, "the line was cut")
	}
	return result, err
}

// without does something while the line is cut.
func (l *line) without(do func()) {
	l.cut()
	l.calls.Lock()
	defer l.calls.Unlock()
	do()
	l.whole, l.cut = context.WithCancel(context.Background())
}

// A program that was taken for gone, and was not, sends and hears everything once.
func TestSessionsEndUnderALiveClient(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, dir)
		ana := start(t, s, "host", "ana")
		member := newLine(flow.Serve(s.seat("member")))
		defer func() { member.cut() }()
		c := flow.NewClient(member, flow.Setup{Username: "ben", Config: func() flow.Config {
			return flow.Config{FlowLocalDatabaseDir: dir}
		}})
		me, err := c.Identity(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan string, 1000)
		listening, stop := context.WithCancel(t.Context())
		var listener sync.WaitGroup
		listener.Go(func() {
			for n, err := range c.Notifications(listening) {
				if err != nil && !errors.Is(err, flow.Uncertain) {
					t.Error(err)
				}
				for _, text := range messages(t, flow.Notifications{n}) {
					heard <- text
				}
			}
		})
		var sent []string
		for round := range 4 {
			var all sync.WaitGroup
			for i := range 10 {
				text := fmt.Sprint(round, "/", i)
				sent = append(sent, text)
				all.Go(func() {
					in := flow.SendMessageInput{ChannelID: me.ChannelID, Text: text}
					if _, err := flow.SendMessage.Call(t.Context(), c, in); err != nil {
						t.Error(err)
					}
				})
			}
			member.without(func() { s.leave("member") }) // while they send
			all.Wait()
			ana.send(t, fmt.Sprint("end of ", round))
			sent = append(sent, fmt.Sprint("end of ", round))
			time.Sleep(time.Minute)
			member.without(func() { s.leave("member") }) // while it only listens
			time.Sleep(time.Minute)
		}
		got := map[string]int{}
		var order []string
		for range sent {
			text := <-heard
			got[text]++
			order = append(order, text)
		}
		for _, text := range sent {
			if got[text] != 1 {
				t.Errorf("%q was heard %d times", text, got[text])
			}
		}
		if diff := cmp.Diff(ana.everything(t), order); diff != "" {
			t.Errorf("what is in the store was not heard (-stored +heard):\n%s", diff)
		}
		again, err := c.Identity(t.Context())
		if again.Home.Created = me.Created; err != nil || again != me {
			t.Errorf("the client was %+v and is %+v, %v", me, again, err)
		}
		stop()
		listener.Wait()
		if len(heard) > 0 {
			t.Errorf("%q was heard again", <-heard)
		}
	})
}

// hold has the writer wait until release is called.
func hold(t *testing.T, s *store) (release func()) {
	t.Helper()
	held, end := make(chan bool), make(chan bool)
	go s.change(context.Background(), func(*tx) error {
		close(held)
		<-end
		return nil
	})
	<-held
	return sync.OnceFunc(func() { close(end) })
}

// A member that comes back while it is taken for gone keeps its sessions.
func TestComesBackAtTheLastMoment(t *testing.T) {
	for name, judged := range map[string]bool{"before it is judged": false, "while it is judged": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			host := join(t, dir)
			account(t, host, "host")
			r, _ := host.look()
			o := r.caller.(*owner)
			stream, _, err := ask(t, dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			opened, err := flow.NewSession.Call(t.Context(), stream, flow.NewSessionInput{})
			if err != nil {
				t.Fatal(err)
			}
			startUp := flow.StartUpLocalInput{Username: "guest"}
			if _, err := flow.StartUpLocal.Call(t.Context(), flow.Session{Caller: stream, ID: opened.SessionID}, startUp); err != nil {
				t.Fatal(err)
			}
			stream.Close()
			var away *presence
			eventually(t, "the guest is missed", func() bool {
				o.mu.Lock()
				defer o.mu.Unlock()
				away = o.present["guest"]
				return away.connections == 0
			})

			release := hold(t, o.store)
			defer release()
			var burial sync.WaitGroup
			burial.Go(func() { o.bury("guest", away) })
			eventually(t, "its end waits for the writer", func() bool { return len(o.store.writer.ops) == 1 })
			back := make(chan *flow.Stream, 1)
			comeBack := func() {
				stream, _, err := ask(t, dir, func(h *hello) { h.Newest = opened.SessionID })
				if err != nil {
					t.Error(err)
				}
				back <- stream
			}
			if judged {
				commit := make(chan func())
				go func() { commit <- hold(t, o.store) }()
				eventually(t, "another write waits behind it", func() bool { return len(o.store.writer.ops) == 2 })
				release()
				release = <-commit
				go comeBack()
			} else {
				comeBack()
			}
			release()
			burial.Wait()
			again := flow.Session{Caller: <-back, ID: opened.SessionID}
			if _, err := flow.EnumerateOrgs.Call(t.Context(), again, flow.EnumerateOrgsInput{}); err != nil {
				t.Errorf("its session says %v", err)
			}
			if _, err := flow.StartUpLocal.Call(t.Context(), again, startUp); err != nil {
				t.Errorf("to start on it again says %v", err)
			}
			if next, err := flow.NewSession.Call(t.Context(), again.Caller, flow.NewSessionInput{}); err != nil || next.SessionID != opened.SessionID+1 {
				t.Errorf("its next session is %+v, %v", next, err)
			}
		})
	}
}

// The sessions of a process that does not come back end at last; those of one that is there
// do not, however long it was away before.
func TestAwayForTooLong(t *testing.T) {
	s := open(t, t.TempDir())
	away, back := start(t, s, "away", "ana"), start(t, s, "back", "ben")
	for _, member := range []string{"away", "back"} {
		s.miss(member, func() bool { return true })
	}
	back.Engine = s.seat("back")
	clean := func(at time.Duration) {
		t.Helper()
		err := s.change(t.Context(), func(t *tx) error {
			t.now += at.Milliseconds()
			return s.chores(t)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	clean(keepDeparted - time.Hour)
	if _, err := away.EnumerateOrgs(t.Context(), away.call, flow.EnumerateOrgsInput{}); err != nil {
		t.Errorf("the session of a process that was away: %v", err)
	}
	s.miss("away", func() bool { return true })
	clean(keepDeparted + time.Hour)
	if _, err := away.EnumerateOrgs(t.Context(), away.call, flow.EnumerateOrgsInput{}); !errors.Is(err, flow.UnknownSession) {
		t.Errorf("the session of a process that was away for too long: %v", err)
	}
	if _, err := back.EnumerateOrgs(t.Context(), back.call, flow.EnumerateOrgsInput{}); err != nil {
		t.Errorf("the session of a process that is there: %v", err)
	}
}

// Of a process that ends in good order nothing stays behind.
func TestEndsInGoodOrder(t *testing.T) {
	dir := t.TempDir()
	host := join(t, dir)
	account(t, host, "host")
	r, _ := host.look()
	o := r.caller.(*owner)
	guest := join(t, dir)
	account(t, guest, "guest")
	if err := guest.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "only the host has a session", func() bool {
		members, err := o.store.read.SessionMembers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(members) == 1 && members[0] == host.self.Member
	})
	if gone, err := o.store.read.Departures(t.Context()); err != nil || len(gone) > 0 {
		t.Errorf("%d processes are taken for gone, %v", len(gone), err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.present[guest.self.Member]; p != nil {
		t.Errorf("the guest is waited for: %+v", p)
	}
}
