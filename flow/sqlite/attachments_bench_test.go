package sqlite

import (
	"bytes"
	"encoding/binary"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

var attached = flag.Int64("attached", 64<<20, "how many bytes BenchmarkAttachment sends and fetches")

// BenchmarkAttachment sends a file and fetches it, in rounds that alternate with a plain
// copy that is made durable too. The ratios also hold on a machine that does other things.
// peak-MiB is the most memory that the whole process had.
func BenchmarkAttachment(b *testing.B) {
	dir := b.TempDir()
	s := open(b, filepath.Join(dir, "store"))
	ana := start(b, s, "one", "ana")
	source, here, there := filepath.Join(dir, "source"), filepath.Join(dir, "here"), filepath.Join(dir, "there")
	for _, place := range []string{here, there} {
		if err := os.Mkdir(place, 0o700); err != nil {
			b.Fatal(err)
		}
	}
	ana.downloadsTo(b, there)
	makeLarge(b, source, *attached)
	resetPeak()
	b.SetBytes(2 * *attached)
	var copies, sends, fetches []float64 // MB/s
	for round := uint64(0); b.Loop(); round++ {
		b.StopTimer()
		mark(b, source, round) // else its content would be there already
		copies = append(copies, rate(func() { copyDurably(b, source, filepath.Join(here, "copy")) }))
		b.StartTimer()
		var id flow.AttachmentID
		var message flow.MessageID
		sends = append(sends, rate(func() {
			id = ana.register(b, source)
			message = ana.sendFile(b, id)
			ana.uploaded(b, id)
		}))
		fetches = append(fetches, rate(func() {
			ana.fetch(b, message, id)
			if kind, said := ana.downloaded(b, id); kind != flow.DownloadCompleteEvent.Type() {
				b.Fatal(kind, said)
			}
		}))
		b.StopTimer()
		empty(b, there)
		b.StartTimer()
	}
	b.ReportMetric(middle(copies), "cp-MB/s")
	b.ReportMetric(middle(sends), "send-MB/s")
	b.ReportMetric(middle(fetches), "fetch-MB/s")
	b.ReportMetric(middle(ratios(sends, copies)), "send-of-cp")
	b.ReportMetric(middle(ratios(fetches, copies)), "fetch-of-cp")
	if peak, ok := peakMemory(); ok {
		b.ReportMetric(peak, "peak-MiB")
	}
}

// makeLarge writes a file that cannot be compressed, a piece at a time.
func makeLarge(b *testing.B, path string, size int64) {
	b.Helper()
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.CopyN(file, rand.NewChaCha8([32]byte{}), size); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
}

// mark makes the content of a file another one.
func mark(b *testing.B, path string, round uint64) {
	b.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := file.Write(binary.BigEndian.AppendUint64(nil, round)); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
}

func copyDurably(b *testing.B, from, to string) {
	src, err := os.Open(from)
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		b.Fatal(err)
	}
	if err := dst.Sync(); err != nil {
		b.Fatal(err)
	}
	if err := dst.Close(); err != nil {
		b.Fatal(err)
	}
}

// rate returns how fast the file passed, in MB a second.
func rate(pass func()) float64 {
	begin := time.Now()
	pass()
	return float64(*attached) / 1e6 / time.Since(begin).Seconds()
}

func ratios(of, to []float64) []float64 {
	all := make([]float64, len(of))
	for i := range of {
		all[i] = of[i] / to[i]
	}
	return all
}

func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func empty(b *testing.B, dir string) {
	b.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			b.Fatal(err)
		}
	}
}

// resetPeak lets Linux forget how much memory the process had.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMemory returns the most memory that the process had, in MiB, where the system is
// Linux.
func peakMemory() (float64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, rest, found := bytes.Cut(status, []byte("VmHWM:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	kib, err := strconv.ParseFloat(string(number), 64)
	return kib / 1024, found && err == nil
}
