//go:build unix

package examples_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

// These benchmarks time the whole product as a host sees it. Times of machines differ,
// so each reports a ratio to something measured beside it, in turns.

// BenchmarkStart compares the time from starting the process to the reply to initialize
// with that of a bare server on the same transport.
func BenchmarkStart(b *testing.B) {
	bare := filepath.Join(b.TempDir(), "bare")
	if out, err := exec.Command("go", "build", "-o", bare, "./testdata/bare").CombinedOutput(); err != nil {
		b.Fatalf("build the bare server: %v\n%s", err, out)
	}
	store := b.TempDir()
	var ours, theirs []time.Duration
	for b.Loop() {
		ours = append(ours, startTime(b, binary, "--account", "ana", "--data-dir", store))
		theirs = append(theirs, startTime(b, bare))
	}
	report(b, "start", ours)
	report(b, "bare", theirs)
	b.ReportMetric(ratio(ours, theirs), "x-bare")
}

func startTime(b *testing.B, program string, args ...string) time.Duration {
	b.Helper()
	begin := time.Now()
	h, err := startProgram(b.Context(), program, nil, os.Environ(), mcp.LATEST_LEGACY_PROTOCOL_VERSION, args...)
	took := time.Since(begin)
	if err != nil {
		b.Fatal(err)
	}
	h.close()
	return took
}

// BenchmarkRead is a tools/call that reads the newest 50 messages.
func BenchmarkRead(b *testing.B) {
	ana, channel := one(b)
	for i := range 60 {
		mustCall(b, ana, "flow_send_message", fmt.Sprintf(`{"channel":%q,"text":"message %d of a channel that people talk in, of a usual length"}`, channel, i))
	}
	arguments := fmt.Sprintf(`{"channel":%q,"filters":{"limit":50}}`, channel)
	var times []time.Duration
	for b.Loop() {
		times = append(times, timed(func() { mustCall(b, ana, "flow_enumerate_messages", arguments) }))
	}
	report(b, "read50", times)
}

// BenchmarkSend is a durable send by tools/call, against one write and fsync of a file.
func BenchmarkSend(b *testing.B) {
	ana, channel := one(b)
	file := preallocated(b)
	arguments := fmt.Sprintf(`{"channel":%q,"text":"a message of a usual length, as people send them"}`, channel)
	page := make([]byte, 4096)
	var sends, syncs []time.Duration
	for b.Loop() {
		sends = append(sends, timed(func() { mustCall(b, ana, "flow_send_message", arguments) }))
		syncs = append(syncs, timed(func() {
			if _, err := file.WriteAt(page, int64(len(syncs)%64)*4096); err != nil {
				b.Fatal(err)
			}
			if err := file.Sync(); err != nil {
				b.Fatal(err)
			}
		}))
	}
	report(b, "send", sends)
	report(b, "fsync", syncs)
	b.ReportMetric(ratio(sends, syncs), "x-fsync")
}

// preallocated returns a file whose blocks are there, so that a sync writes data alone.
func preallocated(b *testing.B) *os.File {
	b.Helper()
	file, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { file.Close() })
	if _, err := file.Write(make([]byte, 64*4096)); err != nil {
		b.Fatal(err)
	}
	if err := file.Sync(); err != nil {
		b.Fatal(err)
	}
	return file
}

// BenchmarkUpdate is the time from a send at one server to the update at the client of
// another, and beside it the time until the send itself is acknowledged.
func BenchmarkUpdate(b *testing.B) {
	store := b.TempDir()
	ana, ben := begun(b, b.Context(), store, "ana"), begun(b, b.Context(), store, "ben")
	channel := generalChannel(b, b.Context(), ben)
	if err := ben.subscribe(b.Context(), channel); err != nil {
		b.Fatal(err)
	}
	arguments := fmt.Sprintf(`{"channel":%q,"text":"news"}`, channel)
	mustCall(b, ana, "flow_send_message", arguments)
	if err := ben.waitUpdate(b.Context(), channel); err != nil {
		b.Fatal(err)
	}
	var updates, acknowledged, after []time.Duration
	for b.Loop() {
		var sending sync.WaitGroup
		var ack time.Duration
		begin := time.Now()
		sending.Go(func() {
			mustCall(b, ana, "flow_send_message", arguments)
			ack = time.Since(begin)
		})
		if err := ben.waitUpdate(b.Context(), channel); err != nil {
			b.Fatal(err)
		}
		update := time.Since(begin)
		sending.Wait()
		updates, acknowledged = append(updates, update), append(acknowledged, ack)
		after = append(after, max(0, update-ack))
	}
	report(b, "update", updates)
	report(b, "ack", acknowledged)
	report(b, "update-after-ack", after)
}

// BenchmarkIdle reports the memory of a server and its backend that have done some work,
// and the processor time they use while nothing happens.
func BenchmarkIdle(b *testing.B) {
	ana, channel := one(b)
	for range 100 {
		mustCall(b, ana, "flow_send_message", fmt.Sprintf(`{"channel":%q,"text":"work"}`, channel))
	}
	pid := ana.cmd.Process.Pid
	backend := children(pid)[0]
	var ticks int
	for b.Loop() {
		before := cpuTicks(b, pid) + cpuTicks(b, backend)
		time.Sleep(3 * time.Second) // idling is what is measured
		ticks += cpuTicks(b, pid) + cpuTicks(b, backend) - before
	}
	b.ReportMetric(float64(resident(b, pid))/1024, "server-MiB")
	b.ReportMetric(float64(resident(b, backend))/1024, "backend-MiB")
	b.ReportMetric(float64(ticks)/float64(b.N), "cpu-ticks/3s")
}

// cpuTicks returns the processor time of a process, in hundredths of a second.
func cpuTicks(b *testing.B, pid int) int {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	var user, system int
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		b.Fatal(err)
	}
	return user + system
}

// one starts a server on a store of its own and returns it with its channel.
func one(b *testing.B) (*host, string) {
	b.Helper()
	ana := begun(b, b.Context(), b.TempDir(), "ana")
	return ana, strings.TrimPrefix(generalChannel(b, b.Context(), ana), "flow://channels/")
}

func mustCall(b *testing.B, h *host, tool, arguments string) {
	b.Helper()
	result, err := h.call(context.Background(), tool, arguments)
	if err != nil || result.IsError {
		b.Errorf("%s: %v", tool, err)
	}
}

func timed(do func()) time.Duration {
	begin := time.Now()
	do()
	return time.Since(begin)
}

// percentile returns a quantile of times, which it sorts.
func percentile(times []time.Duration, q float64) time.Duration {
	slices.Sort(times)
	return times[int(q*float64(len(times)-1))]
}

// ratio compares medians.
func ratio(a, b []time.Duration) float64 {
	return float64(percentile(a, 0.5)) / float64(percentile(b, 0.5))
}

func report(b *testing.B, name string, times []time.Duration) {
	b.ReportMetric(float64(percentile(times, 0.5).Microseconds()), name+"-p50-us")
	b.ReportMetric(float64(percentile(times, 0.99).Microseconds()), name+"-p99-us")
}
