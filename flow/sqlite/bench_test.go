package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

const benchText = "The build is green again; I have merged the branch and told the others that they can go on with their work today. Thanks for waiting!"

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		s, err := openStore(context.Background(), dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// rawRate overwrites pages for a while, each durably, and returns how many it were in a
// second: the most that the disk gives to a single writer.
func rawRate(b *testing.B, raw *rawFile, d time.Duration) float64 {
	n, begin := 0, time.Now()
	for ; time.Since(begin) < d; n++ {
		raw.overwrite(b)
	}
	return float64(n) / time.Since(begin).Seconds()
}

// BenchmarkSend sends from several goroutines that each wait for the acknowledgement.
// Rounds of it alternate with rounds of raw writes, so that of-raw, the median of their
// ratios, also holds on a machine that does other things.
func BenchmarkSend(b *testing.B) {
	const round = 100 * time.Millisecond
	for _, waiting := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint("waiting=", waiting), func(b *testing.B) {
			dir := b.TempDir()
			u := start(b, open(b, dir), "one", "ana")
			raw := newRawFile(b, dir)
			var took []time.Duration
			var ratios, rates []float64
			b.ResetTimer()
			for len(took) < b.N {
				some, rate := sendFor(b, u, waiting, round)
				b.StopTimer()
				ratios, rates = append(ratios, rate/rawRate(b, raw, round)), append(rates, rate)
				b.StartTimer()
				took = append(took, some...)
			}
			b.StopTimer()
			slices.Sort(ratios)
			slices.Sort(rates)
			b.ReportMetric(rates[len(rates)/2], "msg/s")
			b.ReportMetric(ratios[len(ratios)/2], "of-raw")
			report(b, took)
		})
	}
}

// sendFor sends for a while and returns how long each message took, and their rate.
func sendFor(b *testing.B, u user, waiting int, d time.Duration) (all []time.Duration, rate float64) {
	took := make([][]time.Duration, waiting)
	var wg sync.WaitGroup
	begin := time.Now()
	for w := range waiting {
		wg.Go(func() {
			for time.Since(begin) < d {
				t := time.Now()
				if _, err := u.post(b.Context(), benchText); err != nil {
					b.Error(err)
					return
				}
				took[w] = append(took[w], time.Since(t))
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begin)
	all = slices.Concat(took...)
	return all, float64(len(all)) / elapsed.Seconds()
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// corpus makes texts of 24 words, which are as unequal in number as words are.
type corpus struct {
	words []string
	zipf  *rand.Zipf
}

func newCorpus() corpus {
	source := rand.New(rand.NewPCG(1, 2))
	c := corpus{words: make([]string, 60_000)}
	for i := range c.words {
		word := make([]byte, 3+source.IntN(7))
		for k := range word {
			word[k] = byte('a' + source.IntN(26))
		}
		c.words[i] = string(word)
	}
	c.zipf = rand.NewZipf(source, 1.1, 5, uint64(len(c.words)-1))
	return c
}

func (c corpus) text() string {
	words := make([]string, 24)
	for i := range words {
		words[i] = c.words[c.zipf.Uint64()]
	}
	return strings.Join(words, " ")
}

// BenchmarkNotify is the time from the begin of a send to the notification at another
// session.
func BenchmarkNotify(b *testing.B) {
	s := open(b, b.TempDir())
	ana, ben := start(b, s, "one", "ana"), start(b, s, "two", "ben")
	end, err := ben.EnumerateEvents(b.Context(), ben.call, flow.EnumerateEventsInput{})
	if err != nil {
		b.Fatal(err)
	}
	took, after := []time.Duration{}, end.Next
	for b.Loop() {
		t := time.Now()
		sent := make(chan error, 1)
		go func() {
			_, err := ana.post(b.Context(), benchText)
			sent <- err
		}()
		for done := false; !done; {
			list, err := ben.WaitForNotification(b.Context(), ben.call, flow.WaitForNotificationInput{After: after})
			if err != nil {
				b.Fatal(err)
			}
			for _, n := range list {
				done = done || n.Seq > after
				after = max(after, n.Seq)
			}
		}
		took = append(took, time.Since(t))
		if err := <-sent; err != nil {
			b.Fatal(err)
		}
	}
	report(b, took)
}
