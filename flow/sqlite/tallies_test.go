package sqlite

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// TestTalliesAreTrue sends, reads and deletes at random, and compares what is remembered
// with a fresh count.
func TestTalliesAreTrue(t *testing.T) {
	s := open(t, t.TempDir())
	users := []user{start(t, s, "one", "ana"), start(t, s, "two", "ben")}
	channel := users[0].home.ChannelID
	dice := rand.New(rand.NewPCG(4, 2))
	var sent []flow.MessageID
	for step := range 400 {
		u := users[dice.IntN(2)]
		switch roll := dice.IntN(12); {
		case roll < 9 || len(sent) == 0:
			sent = append(sent, u.send(t, fmt.Sprint("message ", step)))
		case roll == 9:
			_, err := u.SetChannelReadHWM(t.Context(), u.call, flow.SetChannelReadHWMInput{
				ChannelID: channel, MessageID: sent[dice.IntN(len(sent))],
			})
			if err != nil {
				t.Fatal(err)
			}
		default:
			_, err := users[0].MarkMessagesDeleted(t.Context(), users[0].call, flow.MarkMessagesDeletedInput{
				ChannelID: channel, Messages: []flow.MessageRef{{MessageID: sent[dice.IntN(len(sent))]}},
			})
			if err != nil && flow.CodeOf(err) != flow.Denied { // it is not the own one
				t.Fatal(err)
			}
		}
		s.compareTallies(t, users[step%2], channel)
	}
}

func (s *store) compareTallies(t *testing.T, u user, channel flow.ChannelID) {
	t.Helper()
	_, self, err := u.self(t.Context(), u.call)
	if err != nil {
		t.Fatal(err)
	}
	var fresh tallies
	want, err := fresh.all(t.Context(), s.read, self.account)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.tallies.all(t.Context(), s.read, self.account)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("what is unread (-counted +remembered):\n%s", diff)
	}
	one, err := u.GetUnreadCount(t.Context(), u.call, flow.GetUnreadCountInput{ChannelID: channel})
	if err != nil || len(want) != 1 {
		t.Fatal(want, err)
	}
	for _, n := range want {
		if n != one {
			t.Fatalf("%d are unread alone, %d among all", one, n)
		}
	}
}

// TestManyChannelsAreCountedAtOnce: the count of all is that of each.
func TestManyChannelsAreCountedAtOnce(t *testing.T) {
	s := open(t, t.TempDir())
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	busyChannels(t, s, ana, ben, 5*countAtOnce, 30)
	_, self, err := ben.self(t.Context(), ben.call)
	if err != nil {
		t.Fatal(err)
	}
	places, err := s.read.ReadingPlaces(t.Context(), self.account)
	if err != nil {
		t.Fatal(err)
	}
	var each tallies
	want := map[int64]int{}
	for _, at := range places {
		if want[at.Channel], err = each.count(t.Context(), s.read, self.account, at); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // counted, and remembered
		got, err := s.tallies.all(t.Context(), s.read, self.account)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("what is unread (-one by one +at once):\n%s", diff)
		}
	}
}

func TestTalliesAreBounded(t *testing.T) {
	var c tallies
	for i := range int64(maxTallies + 10) {
		c.keep(1, db.ReadingPlacesRow{Channel: i, Newest: 5}, 3)
	}
	if n := len(c.known); n > maxTallies {
		t.Errorf("%d tallies are known, more than %d", n, maxTallies)
	}
	if got := c.nearest(1, db.ReadingPlacesRow{Channel: maxTallies + 5, Newest: 6}); got.count != 3 || got.newest != 5 {
		t.Errorf("the newest tally is forgotten: %+v", got)
	}
}
