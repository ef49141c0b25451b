package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// plainCounts is what a tally has to say, in the words of SQL.
const plainCounts = `SELECT m.channel, (
	SELECT min(count(*), 101) FROM message
	WHERE message.channel = m.channel AND message.deleted = 0 AND message.author <> m.account
	AND message.seq > coalesce((SELECT seq FROM read_mark WHERE account = m.account AND channel = m.channel), 0)
) FROM channel_member AS m WHERE m.account = ? AND m.state <> 'b' ORDER BY m.channel`

// moment is a snapshot that is asked in both ways.
type moment struct {
	*db.Queries
	plain func(account int64) ([]db.UnreadCountsRow, error)
}

// at shows a moment of the store.
func (s *store) at(ctx context.Context, look func(moment) error) error {
	t, err := s.reads.snapshot(ctx, s.pool)
	if err != nil {
		return err
	}
	defer t.Rollback()
	return look(moment{db.New(t), func(account int64) (list []db.UnreadCountsRow, err error) {
		rows, err := t.Tx.QueryContext(ctx, plainCounts, account)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var row db.UnreadCountsRow
			if err := rows.Scan(&row.Channel, &row.Unread); err != nil {
				return nil, err
			}
			list = append(list, row)
		}
		return list, rows.Err()
	}})
}

// differ says how the tallies of an account at a moment are not those of SQL.
func (s *store) differ(ctx context.Context, m moment, account int64) error {
	got, err := s.tallies.all(ctx, m.Queries, account)
	if err != nil {
		return err
	}
	want, err := m.plain(account)
	if err != nil {
		return err
	}
	got = slices.SortedFunc(slices.Values(got), func(a, b db.UnreadCountsRow) int { return cmp.Compare(a.Channel, b.Channel) })
	if diff := gocmp.Diff(want, got); diff != "" {
		return fmt.Errorf("what is unread by account %d (-SQL +tallies):\n%s", account, diff)
	}
	return nil
}

// TestTalliesAreTrue compares them with SQL after each of many deeds: all of an account,
// and each alone through the door that programs use.
func TestTalliesAreTrue(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			c := newCircle(t)
			dice, deeds := rand.New(rand.NewPCG(4, seed)), c.deeds()
			for range 500 {
				if err := c.act(t.Context(), dice, deeds); err != nil {
					t.Fatal(err)
				}
				c.compare(t, dice.IntN(len(c.sessions)))
				if err := c.store.at(t.Context(), func(m moment) error { return c.store.differ(t.Context(), m, c.guest) }); err != nil {
					t.Fatal(err)
				}
			}
			c.check(t, deeds)
		})
	}
}

// compare counts for one session.
func (c *circle) compare(t *testing.T, i int) {
	t.Helper()
	s, account := c.store, c.accounts[i]
	err := s.at(t.Context(), func(m moment) error { return s.differ(t.Context(), m, account) })
	if err != nil {
		t.Fatal(err)
	}
	for {
		before := s.hub.end()
		want, got := c.counts(t, i)
		if s.hub.end() != before {
			continue // the keeper has taken messages away meanwhile
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("what is unread by account %d (-SQL +GetUnreadCount):\n%s", account, diff)
		}
		return
	}
}

// counts returns what SQL says for a session, and what GetUnreadCount does.
func (c *circle) counts(t *testing.T, i int) (want, got []db.UnreadCountsRow) {
	t.Helper()
	u := c.sessions[i]
	err := c.store.at(t.Context(), func(m moment) (err error) {
		want, err = m.plain(c.accounts[i])
		return err
	})
	for _, row := range want {
		var ch db.ChannelByIDRow
		if err == nil {
			ch, err = c.store.read.ChannelByID(t.Context(), row.Channel)
		}
		var n int
		if err == nil {
			n, err = u.GetUnreadCount(t.Context(), u.call, flow.GetUnreadCountInput{ChannelID: ch.Public})
		}
		got = append(got, db.UnreadCountsRow{Channel: row.Channel, Unread: int64(n)})
	}
	if err != nil {
		t.Fatal(err)
	}
	return want, got
}

// TestTalliesAreTrueMeanwhile counts in snapshots, old ones too, while several do things.
func TestTalliesAreTrueMeanwhile(t *testing.T) {
	c := newCircle(t)
	deeds := c.deeds()
	var acting, looking sync.WaitGroup
	over := make(chan struct{})
	for w := range uint64(4) {
		acting.Go(func() {
			dice := rand.New(rand.NewPCG(5, w))
			for range 150 {
				if err := c.act(t.Context(), dice, deeds); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i, account := range []int64{c.accounts[0], c.accounts[1], c.guest} {
		looking.Go(func() {
			for running := true; running; {
				select {
				case <-over:
					running = false
				default:
				}
				err := c.store.at(t.Context(), func(m moment) error {
					for range 1 + i { // the same snapshot, which becomes old
						if err := c.store.differ(t.Context(), m, account); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	acting.Wait()
	close(over)
	looking.Wait()
}

// TestTalliesAreKept: only what cannot be known is counted again.
func TestTalliesAreKept(t *testing.T) {
	s := open(t, t.TempDir())
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	busyChannels(t, s, ana, ben, 10, 5)
	_, self, err := ben.self(t.Context(), ben.call)
	if err != nil {
		t.Fatal(err)
	}
	all := func() {
		t.Helper()
		if err := s.at(t.Context(), func(m moment) error { return s.differ(t.Context(), m, self.account) }); err != nil {
			t.Fatal(err)
		}
	}
	open := func(when string, want int) {
		t.Helper()
		if _, n, ok := s.tallies.at(self.account, s.hub.end()); n != want || !ok {
			t.Errorf("%s %d channels are to be counted, want %d", when, n, want)
		}
	}
	open("at first", 11)
	all()
	open("after that", 0)
	last := ana.send(t, "one")
	open("when somebody has written", 0)
	ben.send(t, "two")
	open("when it has written itself", 0)
	ben.reads(t, last)
	open("when it has read all", 0)
	last = ana.send(t, "three")
	ana.send(t, "four")
	ben.reads(t, last)
	open("when it has read a part", 1)
	if n, err := ben.GetUnreadCount(t.Context(), ben.call, flow.GetUnreadCountInput{ChannelID: ben.home.ChannelID}); n != 1 || err != nil {
		t.Error(n, err)
	}
	open("after that channel was counted", 0)
	ana.remove(t, last)
	open("when a message is gone that may have been unread", 1)
	all()
	last = ana.send(t, "five")
	ben.reads(t, last)
	ana.remove(t, last)
	open("when one is gone where none was unread", 0)
	if _, err := ana.NewDirectConversation(t.Context(), ana.call, flow.NewDirectConversationInput{OrgID: ana.home.OrgID, MemberID: self.id}); err != nil {
		t.Fatal(err)
	}
	open("in a new channel", 1)
	all()
	open("at last", 0)
}

// TestTalliesOfAnOldSnapshot: what happens after a snapshot was taken is not counted in it.
func TestTalliesOfAnOldSnapshot(t *testing.T) {
	s := open(t, t.TempDir())
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	_, self, err := ben.self(t.Context(), ben.call)
	if err != nil {
		t.Fatal(err)
	}
	ana.send(t, "before")
	err = s.at(t.Context(), func(m moment) error {
		for range 2 { // the second time nothing is counted
			if err := s.differ(t.Context(), m, self.account); err != nil {
				return err
			}
		}
		ana.send(t, "after")
		if err := s.differ(t.Context(), m, self.account); err != nil {
			return err
		}
		_, err := ben.NewChannel(t.Context(), ben.call, flow.NewChannelInput{OrgID: ben.home.OrgID, Name: "another"})
		if err != nil {
			return err
		}
		return s.differ(t.Context(), m, self.account)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// manyTallies are tallies of accounts 1, 2, 3 ... that each are in so many channels, which
// they share with one another.
func manyTallies(accounts, channels int) *tallies {
	hub := newHub(0)
	for account := range int64(accounts) {
		var rows []db.ChannelViewsRow
		for channel := range int64(channels) {
			rows = append(rows, db.ChannelViewsRow{Channel: channel + 1, State: flow.Member})
		}
		hub.offer(newView(account+1, nil, rows), 0)
	}
	return newTallies(hub)
}

// committing is a transaction that adds one message of an account to a channel.
func committing(seq flow.Cursor, author, channel int64, commit func() error) *tx {
	e := &logEvent{seq: seq, kind: flow.MessageEvent.Type(), to: audience{channel: channel}, message: &flow.Message{}, author: author}
	return &tx{events: []*logEvent{e}, exec: func(string) error { return commit() }}
}

// TestTalliesDuringCommit: a snapshot may show a transaction before its commit returns.
func TestTalliesDuringCommit(t *testing.T) {
	c := manyTallies(2, 1)
	count := func(place flow.Cursor) int64 {
		rows, _, ok := c.at(1, place)
		if !ok || len(rows) != 1 {
			t.Fatalf("at %d it is known: %v, %v", place, rows, ok)
		}
		return rows[0].Unread
	}
	count(0)
	c.learn(1, 0, db.UnreadCountsRow{Channel: 1, Unread: 5})
	failure := errors.New("no room on the disk")
	if err := c.during(committing(1, 2, 1, func() error { return failure })); !errors.Is(err, failure) {
		t.Errorf("the commit that failed returned %v", err)
	}
	if got := count(0); got != 5 {
		t.Errorf("after a commit that failed %d are unread, want 5", got)
	}
	err := c.during(committing(1, 2, 1, func() error {
		if before, after := count(0), count(1); before != 5 || after != 6 {
			t.Errorf("while it is committed %d are unread before and %d after it, want 5 and 6", before, after)
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := count(1); got != 6 {
		t.Errorf("after the commit %d are unread, want 6", got)
	}
	if got := count(0); got != notCounted {
		t.Errorf("before the commit there were %d unread, which is not known any more", got)
	}
}

// TestTalliesWhileMembershipsChange: who asks for the first time then is not told channels
// that belong to another moment.
func TestTalliesWhileMembershipsChange(t *testing.T) {
	c := manyTallies(2, 1)
	first := func(when string, place flow.Cursor, want bool) {
		t.Helper()
		rows, _, ok := c.at(1, place)
		if ok != want || ok && len(rows) != 0 {
			t.Errorf("%s is known: %v, %v, want %v", when, rows, ok, want)
		}
	}
	leaves := change{account: 1, channel: 1, state: flow.Banned}
	leaving := committing(1, 2, 1, func() error {
		first("while it is committed", 0, false)
		first("when it can be seen", 1, false)
		return nil
	})
	leaving.changes = []change{leaves}
	if err := c.during(leaving); err != nil {
		t.Fatal(err)
	}
	first("before the hub was told", 1, false)
	c.hub.publish(leaving.events, leaving.changes, nil, nil)
	first("in an old snapshot", 0, false)
	first("after that", 1, true)
}

func TestTalliesAreBounded(t *testing.T) {
	const channels = 1000
	const most = maxTallies / channels
	c := manyTallies(most+3, channels)
	for account := range int64(most + 3) {
		c.at(account+1, 0)
		c.at(1, 0)
	}
	if len(c.readers) != most || c.size != maxTallies {
		t.Errorf("%d tallies of %d accounts are kept, want %d of %d", c.size, len(c.readers), maxTallies, most)
	}
	for account, want := range map[int64]bool{1: true, 2: false, 4: false, 5: true, most + 3: true} {
		if got := c.readers[account] != nil; got != want {
			t.Errorf("account %d is kept: %v, want %v", account, got, want)
		}
	}
	for channel, readers := range c.in {
		if len(readers) != most {
			t.Fatalf("channel %d has %d readers, want %d", channel, len(readers), most)
		}
	}
	large := manyTallies(1, maxTallies+1)
	if _, _, ok := large.at(1, 0); ok || large.size != 0 {
		t.Errorf("of an account with more channels than that %d tallies are kept", large.size)
	}
}

// TestTalliesAreForgotten when nobody asks any more.
func TestTalliesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := manyTallies(3, 10)
		c.at(1, 0)
		c.at(2, 0)
		c.now(3, 5)
		time.Sleep(keepTallies)
		c.now(2, 5)
		for i, step := range []struct {
			pause time.Duration
			want  int
		}{{0, 3}, {1, 1}, {keepTallies, 0}} {
			time.Sleep(step.pause)
			if err := c.during(committing(flow.Cursor(i+1), 9, 5, func() error { return nil })); err != nil {
				t.Fatal(err)
			}
			if len(c.readers) != step.want || c.size != 10*step.want || c.asked.Len() != step.want {
				t.Errorf("%d tallies of %d accounts are kept, want those of %d", c.size, len(c.readers), step.want)
			}
		}
		if len(c.in) != 0 {
			t.Errorf("%d channels are known still", len(c.in))
		}
	})
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
	for range 2 { // counted, and remembered
		err := s.at(t.Context(), func(m moment) error { return s.differ(t.Context(), m, self.account) })
		if err != nil {
			t.Fatal(err)
		}
	}
}
