package sqlite

import (
	"context"
	"fmt"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// open opens a store in a directory and closes it when the test ends.
func open(t testing.TB, dir string) *store {
	t.Helper()
	s, err := openStore(context.Background(), dir, Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// user is one account on one session.
type user struct {
	*Engine
	call flow.Call
	home flow.Home
}

// start opens a session for an account of the machine.
func start(t testing.TB, s *store, member, name string) user {
	t.Helper()
	e := s.seat(member)
	out, err := e.NewSession(t.Context(), flow.Call{}, flow.NewSessionInput{})
	if err != nil {
		t.Fatal(err)
	}
	u := user{Engine: e, call: flow.Call{Session: out.SessionID}}
	if u.home, err = e.StartUpLocal(t.Context(), u.call, flow.StartUpLocalInput{Username: name}); err != nil {
		t.Fatal(err)
	}
	return u
}

func (u user) send(t testing.TB, text string) flow.MessageID {
	t.Helper()
	id, err := u.SendMessage(t.Context(), u.call, flow.SendMessageInput{ChannelID: u.home.ChannelID, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestMessageReachesTheOther(t *testing.T) {
	s := open(t, t.TempDir())
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	id := ana.send(t, "hello")
	var kinds []string
	for {
		list, err := ben.WaitForNotification(t.Context(), ben.call, flow.WaitForNotificationInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			kinds = append(kinds, fmt.Sprint(n.Seq, n.Type))
			if n.Type != flow.MessageEvent.Type() {
				continue
			}
			change, err := flow.MessageEvent.Decode(n)
			if err != nil {
				t.Fatal(err)
			}
			if len(change.RegularMessages) == 1 && change.RegularMessages[0].ID == id {
				t.Log(kinds)
				return
			}
		}
	}
}
