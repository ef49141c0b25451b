package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

var (
	rows    = flag.Int("rows", 1_000_000, "how many messages BenchmarkLarge has in its store")
	offered = flag.Int("offered", 10_000, "how many messages a second BenchmarkLarge sends meanwhile")
)

// large is a store with many messages in channels that are as unequal as channels are.
type large struct {
	store    *store
	user     user
	corpus   corpus
	random   *rand.Rand
	channels []flow.ChannelID
	pick     *rand.Zipf // of a channel
	texts    []string   // some that are there
}

const largeChannels = 1000

func newLarge(b *testing.B) *large {
	before := runtime.GOMAXPROCS(Processors())
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
	s := open(b, b.TempDir())
	l := &large{store: s, user: start(b, s, "one", "ana"), corpus: newCorpus(), random: rand.New(rand.NewPCG(3, 4))}
	l.pick = rand.NewZipf(l.random, 1.1, 5, largeChannels-1)
	for i := range largeChannels {
		id, err := l.user.NewChannel(b.Context(), l.user.call, flow.NewChannelInput{OrgID: l.user.home.OrgID, Name: fmt.Sprint("c", i)})
		if err != nil {
			b.Fatal(err)
		}
		l.channels = append(l.channels, id)
	}
	begin := time.Now()
	for done := 0; done < *rows; done += 1000 {
		if err := s.change(b.Context(), func(t *tx) error { return l.write(t, 1000) }); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d messages written in %v", *rows, time.Since(begin).Round(time.Second))
	begin = time.Now()
	indexed(b, s)
	sealed(b, s)
	eventually(b, "complete chapters are in one piece", func() bool { return pieces(b, s) == 0 })
	b.Logf("the rest of them indexed in %v", time.Since(begin).Round(time.Second))
	return l
}

// write adds messages in one transaction.
func (l *large) write(t *tx, n int) error {
	_, self, err := l.user.self(t.ctx, l.user.call)
	if err != nil {
		return err
	}
	for range n {
		i := l.pick.Uint64()
		to, err := l.user.sender(t, self, "SendMessage", l.channels[i], "")
		if err != nil {
			return err
		}
		text := l.corpus.text()
		if len(l.texts) < 10_000 {
			l.texts = append(l.texts, text)
		}
		uid := uuid.Must(uuid.NewV7())
		m := flow.Message{ID: messageID(uid[:]), OrgID: to.org, ChannelID: l.channels[i], SenderAccountID: self.id, Text: text, CreationTime: t.now}
		if _, err := t.post(to.id, m, uid[:], self.account); err != nil {
			return err
		}
	}
	return nil
}

// words returns some words of one message, each of its length or more.
func (l *large) words(n int) string {
	for {
		words := strings.Fields(l.texts[l.random.IntN(len(l.texts))])
		i := l.random.IntN(len(words) - n)
		if text := strings.Join(words[i:i+n], " "); len(text) > 3*n {
			return text
		}
	}
}

// BenchmarkLarge looks for words and reads channels in a store with many messages, with
// nothing else to do and while messages come in; x-raw compares the middle with what
// SQLite itself takes for the same rows.
func BenchmarkLarge(b *testing.B) {
	l := newLarge(b)
	for _, loaded := range []bool{false, true} {
		name := "idle"
		if loaded {
			name = "loaded"
		}
		b.Run(name, func(b *testing.B) {
			if loaded {
				defer l.offer(b, *offered).stop()
			}
			for _, search := range []struct {
				name    string
				words   int
				in      flow.SearchInput
				partial bool
			}{
				{"one word", 1, flow.SearchInput{Words: true, Limit: 20}, false},
				{"two words", 2, flow.SearchInput{Words: true, Limit: 20}, false},
				{"two words, one begun", 2, flow.SearchInput{Words: true, Limit: 20}, true},
				{"two words in a channel", 2, flow.SearchInput{Words: true, Limit: 20, ChannelID: l.channels[0]}, false},
				{"two words in a row", 2, flow.SearchInput{Limit: 20}, false},
				{"200 with two words in a row", 2, flow.SearchInput{}, false},
			} {
				b.Run(search.name, func(b *testing.B) { l.searches(b, search.in, search.words, search.partial) })
			}
			b.Run("newest 50", l.reads)
		})
	}
	b.Run("send", l.sends)
}

// searches is Search and, by turns, the same question to SQLite.
func (l *large) searches(b *testing.B, in flow.SearchInput, words int, partial bool) {
	var took, raw []time.Duration
	for b.Loop() {
		in.Search = l.words(words)
		if partial {
			in.Search = in.Search[:len(in.Search)-1]
		}
		t := time.Now()
		if _, err := l.user.Search(b.Context(), l.user.call, in); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(t))
		b.StopTimer()
		raw = append(raw, l.match(b, in))
		b.StartTimer()
	}
	compare(b, took, raw)
}

// match asks the chapters of the index for the newest messages with some whole words, and
// main.db once for the rows that a search returns of them: the same columns, of as many
// messages.
func (l *large) match(b *testing.B, in flow.SearchInput) time.Duration {
	_, self, err := l.user.self(b.Context(), l.user.call)
	if err != nil {
		b.Fatal(err)
	}
	match := newQuery(in.Search, in.Words).asked.closed().match()
	if in.ChannelID != "" {
		ids := numbers(b, l.store.pool, "SELECT id FROM channel WHERE public = ?", in.ChannelID)
		match += " AND " + within(map[int64]bool{ids[0]: true}, 0).match()
	}
	t := time.Now()
	var found []int64
	most := cmp.Or(in.Limit, flow.MaxHits)
	for _, number := range slices.Backward(*l.store.search.chapters.Load()) {
		if len(found) < most {
			found = append(found, numbers(b, l.store.search.reads, fmt.Sprintf(findNewest, number), match, l.store.hub.end(), most-len(found))...)
		}
	}
	list, err := json.Marshal(found)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := l.store.read.SearchRows(b.Context(), string(list), self.account); err != nil {
		b.Fatal(err)
	}
	return time.Since(t)
}

// numbers runs a query whose rows are integers.
func numbers(b *testing.B, on db.DBTX, query string, args ...any) []int64 {
	b.Helper()
	list, err := column[int64](b.Context(), on, query, args...)
	if err != nil {
		b.Fatal(err)
	}
	return list
}

// reads is EnumerateMessages of the newest 50 and, by turns, the same rows from SQLite.
func (l *large) reads(b *testing.B) {
	var took, raw []time.Duration
	for b.Loop() {
		channel := l.channels[l.pick.Uint64()]
		t := time.Now()
		_, err := l.user.EnumerateMessages(b.Context(), l.user.call, flow.EnumerateMessagesInput{
			ChannelID: channel, Filters: &flow.MessageFilters{Limit: 50},
		})
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(t))
		b.StopTimer()
		t = time.Now()
		numbers(b, l.store.pool, `SELECT octet_length(body) FROM message
			WHERE channel = (SELECT id FROM channel WHERE public = ?) AND deleted = 0 ORDER BY seq DESC LIMIT 50`, channel)
		raw = append(raw, time.Since(t))
		b.StartTimer()
	}
	compare(b, took, raw)
}

func compare(b *testing.B, took, raw []time.Duration) {
	report(b, took) // which sorts them
	slices.Sort(raw)
	b.ReportMetric(float64(took[len(took)/2])/float64(raw[len(raw)/2]), "x-raw")
}

// sends counts the time until acknowledgements while messages are offered at a rate, and
// reports how large the write-ahead log becomes and how far the index is behind.
func (l *large) sends(b *testing.B) {
	load := l.offer(b, *offered)
	var took []time.Duration
	var wal, behind int64
	begin := time.Now()
	for b.Loop() {
		took = append(took, <-load.acks)
		if len(took)%100 != 1 {
			continue
		}
		if info, err := os.Stat(filepath.Join(l.store.dir, "main.db-wal")); err == nil {
			wal = max(wal, info.Size())
		}
		behind = max(behind, int64(l.store.hub.end())-l.store.search.indexed.Load())
	}
	b.ReportMetric(float64(len(took))/time.Since(begin).Seconds(), "msg/s")
	load.stop()
	b.ReportMetric(float64(wal)/1e6, "wal-MB")
	b.ReportMetric(float64(behind), "unindexed")
	report(b, took)
}

// offer is somebody who sends at a rate. A message that finds so many unacknowledged ones
// before it that the store has no room for it is not sent at all.
type offer struct {
	acks chan time.Duration // of some of them: nobody need read it
	room chan struct{}
	end  chan struct{}
	all  sync.WaitGroup
}

func (l *large) offer(b *testing.B, rate int) *offer {
	o := &offer{acks: make(chan time.Duration, 100), room: make(chan struct{}, maxQueue), end: make(chan struct{})}
	texts, random := l.texts, rand.New(rand.NewPCG(5, 6))
	pick := rand.NewZipf(random, 1.1, 5, largeChannels-1)
	o.all.Go(func() {
		begin := time.Now()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for sent := 0; ; {
			select {
			case <-tick.C:
			case <-o.end:
				return
			}
			for due := int(time.Since(begin).Seconds() * float64(rate)); sent < due; sent++ {
				in := flow.SendMessageInput{ChannelID: l.channels[pick.Uint64()], Text: texts[random.IntN(len(texts))]}
				select {
				case o.room <- struct{}{}:
					o.all.Go(func() { o.send(b, l.user, in) })
				default:
				}
			}
		}
	})
	return o
}

func (o *offer) send(b *testing.B, u user, in flow.SendMessageInput) {
	defer func() { <-o.room }()
	t := time.Now()
	if _, err := u.SendMessage(context.Background(), u.call, in); err != nil {
		b.Error(err)
	}
	select {
	case o.acks <- time.Since(t):
	default:
	}
}

func (o *offer) stop() {
	close(o.end)
	o.all.Wait()
}
