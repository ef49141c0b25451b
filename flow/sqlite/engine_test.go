package sqlite

import (
	"context"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// open opens a store in a directory and closes it when the test ends.
func open(t testing.TB, dir string) *store {
	t.Helper()
	return openWith(t, dir, Options{Version: "test"})
}

func openWith(t testing.TB, dir string, o Options) *store {
	t.Helper()
	s, err := openStore(context.Background(), dir, o)
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

// begin opens a session for an account of the machine.
func begin(ctx context.Context, s *store, member, name string) (user, error) {
	e := s.seat(member)
	out, err := e.NewSession(ctx, flow.Call{}, flow.NewSessionInput{})
	if err != nil {
		return user{}, err
	}
	u := user{Engine: e, call: flow.Call{Session: out.SessionID}}
	u.home, err = e.StartUpLocal(ctx, u.call, flow.StartUpLocalInput{Username: name})
	return u, err
}

func start(t testing.TB, s *store, member, name string) user {
	t.Helper()
	u, err := begin(t.Context(), s, member, name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// post sends a message to the home channel.
func (u user) post(ctx context.Context, text string) (flow.MessageID, error) {
	return u.SendMessage(ctx, u.call, flow.SendMessageInput{ChannelID: u.home.ChannelID, Text: text})
}

func (u user) send(t testing.TB, text string) flow.MessageID {
	t.Helper()
	id, err := u.post(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// listen returns the texts of messages that come, until one is last.
func (u user) listen(ctx context.Context, last string) ([]string, error) {
	var texts []string
	for {
		list, err := u.WaitForNotification(ctx, u.call, flow.WaitForNotificationInput{})
		if err != nil {
			return texts, err
		}
		for _, n := range list {
			if n.Type != flow.MessageEvent.Type() {
				continue
			}
			change, err := flow.MessageEvent.Decode(n)
			if err != nil {
				return texts, err
			}
			for _, m := range change.RegularMessages {
				if texts = append(texts, m.Text); m.Text == last {
					return texts, nil
				}
			}
		}
	}
}

func (u user) hear(t testing.TB, last string) []string {
	t.Helper()
	texts, err := u.listen(t.Context(), last)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}
