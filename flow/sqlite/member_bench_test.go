package sqlite

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// load waits for the word go and then sends, always a number of messages in flight, for
// a time in milliseconds. It says how many were acknowledged.
func load(s *seat, args []string) error {
	inFlight, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	millis, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s.say("ready")
	if _, err := s.input.ReadString('\n'); err != nil {
		return err
	}
	var count atomic.Int64
	var failed atomic.Pointer[error]
	var senders sync.WaitGroup
	end := time.Now().Add(time.Duration(millis) * time.Millisecond)
	for range inFlight {
		senders.Go(func() {
			for time.Now().Before(end) {
				if err := s.send(context.Background(), benchText); err != nil {
					failed.Store(&err)
					return
				}
				count.Add(1)
			}
		})
	}
	senders.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	s.say(count.Load())
	s.untilEnd()
	return nil
}

// listen says for each message, whose text is the time when it was sent in nanoseconds,
// how long it took to arrive.
func listen(s *seat, _ []string) error {
	s.say("ready")
	return s.receive(context.Background(), func(m seen) bool {
		sent, err := strconv.ParseInt(m.text, 10, 64)
		if err == nil {
			s.say(time.Now().UnixNano() - sent)
		}
		return m.text != lastWords
	})
}

// quantiles reports the middle and the end of some durations in milliseconds.
func quantiles(b *testing.B, name string, all []time.Duration) {
	slices.Sort(all)
	b.ReportMetric(all[len(all)/2].Seconds()*1000, name+"-p50-ms")
	b.ReportMetric(all[len(all)*99/100].Seconds()*1000, name+"-p99-ms")
	b.ReportMetric(all[len(all)-1].Seconds()*1000, name+"-max-ms")
}

// Many processes, each with some messages in flight: how many messages a second pass
// through the owner, and how evenly the processes are served.
func BenchmarkCrowd(b *testing.B) {
	const inFlight, millis = 10, 3000
	for _, processes := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("processes=%d", processes), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				dir := b.TempDir()
				owner := launch(b, "idle", dir, "owner")
				children := make([]*child, processes)
				for i := range children {
					children[i] = spawn(b, "load", dir, fmt.Sprint("p", i), strconv.Itoa(inFlight), strconv.Itoa(millis))
				}
				for _, c := range children {
					c.waitReady(b)
				}
				b.StartTimer()
				for _, c := range children {
					fmt.Fprintln(c.stdin, "go")
				}
				var counts []int
				total := 0
				for _, c := range children {
					n, err := strconv.Atoi(c.line(b))
					if err != nil {
						b.Fatal(err)
					}
					counts = append(counts, n)
					total += n
				}
				b.StopTimer()
				for _, c := range append(children, owner) {
					c.finish(b)
				}
				b.ReportMetric(float64(total)*1000/millis, "messages/s")
				b.ReportMetric(float64(slices.Max(counts))/float64(slices.Min(counts)), "max/min")
				b.StartTimer()
			}
		})
	}
}

// One message in flight through an owner in another process, in rounds that alternate with
// bare durable writes of a page in the same directory.
func BenchmarkRelayedSend(b *testing.B) {
	dir := b.TempDir()
	owner := launch(b, "idle", dir, "owner")
	s := account(b, join(b, dir), "alice")
	raw := newRawFile(b, dir)
	var sends []time.Duration
	var ratios []float64
	for b.Loop() {
		bare := rawRate(b, raw, round)
		before := len(sends)
		for begun := time.Now(); time.Since(begun) < round; {
			sent := time.Now()
			if err := s.send(b.Context(), benchText); err != nil {
				b.Fatal(err)
			}
			sends = append(sends, time.Since(sent))
		}
		ratios = append(ratios, float64(len(sends)-before)/round.Seconds()/bare)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "of-raw")
	quantiles(b, "send", sends)
	owner.finish(b)
}

// round is how long one side of a comparison runs before the other does.
const round = 200 * time.Millisecond

// rawFile is a preallocated file whose pages are overwritten in turn.
type rawFile struct {
	file *os.File
	page [4096]byte
	next int64
}

const rawPages = 1024

func newRawFile(b *testing.B, dir string) *rawFile {
	file, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { file.Close() })
	if _, err := file.Write(make([]byte, rawPages*4096)); err != nil {
		b.Fatal(err)
	}
	if err := file.Sync(); err != nil {
		b.Fatal(err)
	}
	return &rawFile{file: file}
}

func (r *rawFile) overwrite(b *testing.B) {
	binary.LittleEndian.PutUint64(r.page[:], uint64(r.next))
	if _, err := r.file.WriteAt(r.page[:], r.next%rawPages*4096); err != nil {
		b.Fatal(err)
	}
	if err := datasync(r.file); err != nil {
		b.Fatal(err)
	}
	r.next++
}

// From sending in one process to seeing it in the other.
func BenchmarkNotice(b *testing.B) {
	for _, ownerSends := range []bool{true, false} {
		b.Run(fmt.Sprintf("ownerSends=%v", ownerSends), func(b *testing.B) {
			dir := b.TempDir()
			var s *seat
			if ownerSends {
				s = account(b, join(b, dir), "alice")
			}
			listener := launch(b, "listen", dir, "bob")
			if !ownerSends {
				s = account(b, join(b, dir), "alice")
			}
			var sends, notices []time.Duration
			for b.Loop() {
				begun := time.Now()
				if err := s.send(b.Context(), strconv.FormatInt(begun.UnixNano(), 10)); err != nil {
					b.Fatal(err)
				}
				sends = append(sends, time.Since(begun))
				nanos, err := strconv.ParseInt(listener.line(b), 10, 64)
				if err != nil {
					b.Fatal(err)
				}
				notices = append(notices, time.Duration(nanos))
			}
			quantiles(b, "send", sends)
			quantiles(b, "notice", notices)
			if err := s.send(b.Context(), lastWords); err != nil {
				b.Fatal(err)
			}
			listener.finish(b)
		})
	}
}

// From the death of the owner to the first answer of the next, which may be any process,
// as a member sees it.
func BenchmarkHandOver(b *testing.B) {
	for _, processes := range []int{2, 30} {
		b.Run(fmt.Sprintf("processes=%d", processes), func(b *testing.B) {
			dir := b.TempDir()
			children := map[string]*child{}
			born := 0
			s := account(b, join(b, dir), "alice")
			var silences []time.Duration
			for b.Loop() {
				b.StopTimer()
				for ; len(children) < processes; born++ {
					name := fmt.Sprint("p", born)
					children[name] = launch(b, "idle", dir, name)
				}
				owner := ownerOf(b, dir, children)
				for owner == nil { // this process must not be the one that dies
					s.member.Close()
					s = account(b, join(b, dir), "alice")
					owner = ownerOf(b, dir, children)
				}
				delete(children, owner.name)
				b.StartTimer()
				killed := time.Now()
				owner.command.Process.Kill()
				<-owner.ended
				if err := s.send(b.Context(), "still there?"); err != nil {
					b.Fatal(err)
				}
				silences = append(silences, time.Since(killed))
			}
			quantiles(b, "silence", silences)
		})
	}
}

// What relaying costs without the disk: a call that reads one row.
func BenchmarkRelayedRead(b *testing.B) {
	dir := b.TempDir()
	launch(b, "idle", dir, "owner")
	s := account(b, join(b, dir), "alice")
	for b.Loop() {
		if _, err := flow.GetAccountID.Call(b.Context(), s, flow.AccountIDInput{}); err != nil {
			b.Fatal(err)
		}
	}
}
