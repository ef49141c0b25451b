package sqlite

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// busyChannels makes channels of two users in which one has written a number of messages,
// from none to most, that the other has not read.
func busyChannels(b testing.TB, s *store, writer, reader user, n, most int) {
	b.Helper()
	_, from, err := writer.self(b.Context(), writer.call)
	if err != nil {
		b.Fatal(err)
	}
	_, to, err := reader.self(b.Context(), reader.call)
	if err != nil {
		b.Fatal(err)
	}
	for made := 0; made < n; made += 100 {
		err := s.change(b.Context(), func(t *tx) error {
			org, err := orgFor(t.ctx, t.Queries, from, "NewChannel", writer.home.OrgID)
			for i := made; err == nil && i < min(made+100, n); i++ {
				err = t.busyChannel(org, []*who{from, to}, fmt.Sprint("c", i), i%(most+1))
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// busyChannel makes a channel in which the first of its members has written.
func (t *tx) busyChannel(org db.OrgForRow, members []*who, name string, messages int) error {
	ch, err := t.newChannel(channel{org: org.ID, orgPublic: org.Public, name: name})
	for _, m := range members {
		if err == nil {
			err = t.setChannelState(ch, person{m.account, m.id}, flow.Admin)
		}
	}
	for i := 0; err == nil && i < messages; i++ {
		uid := uuid.Must(uuid.NewV7())
		_, err = t.post(ch.id, flow.Message{Text: benchText, CreationTime: t.now}, uid[:], members[0].account)
	}
	return err
}

// BenchmarkUnreadCounts counts in all channels of an account: in some nothing is unread, in
// some more than is counted. Most is the number of unread messages in the busiest. It
// counts for the first time, again, and after somebody has sent a message and the account
// has marked it as read.
func BenchmarkUnreadCounts(b *testing.B) {
	for _, size := range []struct{ channels, most int }{{200, 0}, {200, 150}, {10_000, 20}} {
		b.Run(fmt.Sprintf("channels=%d/most=%d", size.channels, size.most), func(b *testing.B) {
			s := open(b, b.TempDir())
			ana, ben := start(b, s, "one", "ana"), start(b, s, "two", "ben")
			busyChannels(b, s, ana, ben, size.channels, size.most)
			_, self, err := ben.self(b.Context(), ben.call)
			if err != nil {
				b.Fatal(err)
			}
			for _, c := range []struct {
				name   string
				before func()
			}{
				{"first", s.tallies.clear},
				{"again", func() {}},
				{"changed", func() { ben.reads(b, ana.send(b, benchText)) }},
			} {
				b.Run(c.name, func(b *testing.B) {
					var took []time.Duration
					for b.Loop() {
						b.StopTimer()
						c.before()
						b.StartTimer()
						t := time.Now()
						n, err := s.countUnread(b.Context(), self.account)
						if err != nil || n <= size.channels {
							b.Fatal(n, err)
						}
						took = append(took, time.Since(t))
					}
					report(b, took)
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size.channels), "ns/channel")
				})
			}
		})
	}
}

// countUnread counts in all channels, as CurrentState does.
func (s *store) countUnread(ctx context.Context, account int64) (channels int, err error) {
	err = s.snapshot(ctx, func(q *db.Queries) error {
		counts, err := s.tallies.all(ctx, q, account)
		channels = len(counts)
		return err
	})
	return channels, err
}

// clear forgets who has asked.
func (c *tallies) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.readers {
		c.drop(r)
	}
}

func (u user) reads(b testing.TB, id flow.MessageID) {
	b.Helper()
	_, err := u.SetChannelReadHWM(b.Context(), u.call, flow.SetChannelReadHWMInput{ChannelID: u.home.ChannelID, MessageID: id})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCurrentState tells the state of an account with 1,000 channels.
func BenchmarkCurrentState(b *testing.B) {
	s := open(b, b.TempDir())
	ana, ben := start(b, s, "one", "ana"), start(b, s, "two", "ben")
	busyChannels(b, s, ana, ben, 1000, 50)
	for stage := range 2 {
		b.Run(fmt.Sprint("stage=", stage), func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				t := time.Now()
				state, err := ben.CurrentState(b.Context(), ben.call, flow.CurrentStateInput{Stage: stage})
				if err != nil || len(state[ben.home.OrgID].Channels) != 1001 {
					b.Fatal(len(state), err)
				}
				took = append(took, time.Since(t))
			}
			report(b, took)
		})
	}
}

// BenchmarkJoin adds accounts to a team of 10,000 and waits until another member is told.
func BenchmarkJoin(b *testing.B) {
	s := open(b, b.TempDir())
	ana, ben := start(b, s, "one", "ana"), start(b, s, "two", "ben")
	populate(b, s, ana, "member", 10_000, true)
	names, joined := "joiner", 0
	var waiting []flow.AccountID
	after := flow.Cursor(0)
	var took []time.Duration
	for b.Loop() {
		if joined == len(waiting) {
			b.StopTimer()
			waiting, joined, names = populate(b, s, ana, names, 1000, false), 0, names+"x"
			end, err := ben.EnumerateEvents(b.Context(), ben.call, flow.EnumerateEventsInput{})
			if err != nil {
				b.Fatal(err)
			}
			after = end.Next
			b.StartTimer()
		}
		t := time.Now()
		_, err := ana.OrgAddMember(b.Context(), ana.call, flow.OrgAddMemberInput{
			OrgID: ana.home.OrgID, MemberAccountID: waiting[joined], MemberState: flow.Member,
		})
		if err != nil {
			b.Fatal(err)
		}
		if after, err = ben.told(b.Context(), flow.OrgMemberEvent.Type(), after); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(t))
		joined++
	}
	report(b, took)
}

// told waits for a notification of a type, and returns its place.
func (u user) told(ctx context.Context, kind flow.NotificationType, after flow.Cursor) (flow.Cursor, error) {
	for {
		list, err := u.WaitForNotification(ctx, u.call, flow.WaitForNotificationInput{After: after})
		if err != nil {
			return 0, err
		}
		for _, n := range list {
			if n.Seq > after && n.Type == kind {
				return n.Seq, nil
			}
		}
		if last := len(list) - 1; last >= 0 {
			after = max(after, list[last].Seq)
		}
	}
}

// populate makes accounts, and members of the home team of them if they are to be.
func populate(b *testing.B, s *store, u user, name string, n int, join bool) []flow.AccountID {
	b.Helper()
	_, self, err := u.self(b.Context(), u.call)
	if err != nil {
		b.Fatal(err)
	}
	var ids []flow.AccountID
	for made := 0; made < n; made += 1000 {
		err := s.change(b.Context(), func(t *tx) error {
			org, err := orgFor(t.ctx, t.Queries, self, "OrgAddMember", u.home.OrgID)
			for i := 0; err == nil && i < 1000; i++ {
				var account db.Account
				account, err = t.newAccount(db.Account{Server: defaultServer, Username: fmt.Sprint(name, made+i), Kind: flow.OrdinaryAccount})
				if err == nil && join {
					err = t.setOrgState(org, person{account.ID, account.Public}, flow.Member)
				}
				ids = append(ids, account.Public)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return ids
}
