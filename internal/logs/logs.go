// Package logs makes the logger of this program. It writes to standard error and
// nowhere else: standard output belongs to MCP, or to the handshake of a backend.
//
// Whoever started us may never read standard error, or may close it. Lines therefore go
// through a bounded queue that drops the newest when it is full and says later how many
// were lost, so that logging neither blocks nor ends the program.
package logs

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/lmittmann/tint"
)

// Options say how lines look. The zero value is plain text from level info up.
type Options struct {
	Level slog.Level
	// JSON writes one object a line, for programs.
	JSON bool
	// Color is for terminals.
	Color bool
}

// queued is how many lines may wait, and flushTime how long Close waits for them.
const (
	queued    = 512
	flushTime = 200 * time.Millisecond
)

// Writer is the bounded queue in front of a stream.
type Writer struct {
	lines chan []byte
	done  chan struct{}

	mu      sync.Mutex
	closed  bool
	dropped int
}

// New returns a logger that writes to w, and the queue, which the program closes at its
// end.
func New(w io.Writer, o Options) (*slog.Logger, *Writer) {
	queue := newWriter(w)
	if o.JSON {
		return slog.New(slog.NewJSONHandler(queue, &slog.HandlerOptions{Level: o.Level})), queue
	}
	return slog.New(tint.NewTextHandler(queue, &tint.Options{
		Level: o.Level, NoColor: !o.Color, TimeFormat: time.TimeOnly,
	})), queue
}

func newWriter(w io.Writer) *Writer {
	q := &Writer{lines: make(chan []byte, queued), done: make(chan struct{})}
	go q.run(w)
	return q
}

// Write queues a copy of one line. It never blocks and never fails.
func (q *Writer) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return len(line), nil
	}
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.dropped++
	}
	return len(line), nil
}

// run writes until Close. A stream that fails, because it was closed at the other end, is
// still drained.
func (q *Writer) run(w io.Writer) {
	defer close(q.done)
	for line := range q.lines {
		_, _ = w.Write(line)
		if n := q.takeDropped(); n > 0 {
			_, _ = fmt.Fprintf(w, "%d log lines were dropped because nobody read them\n", n)
		}
	}
}

func (q *Writer) takeDropped() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.dropped
	q.dropped = 0
	return n
}

// Close writes what is queued, for a moment at most: a stream that nobody reads may
// block for ever, and then its goroutine ends with the program.
func (q *Writer) Close() error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.lines)
	}
	q.mu.Unlock()
	timer := time.NewTimer(flushTime)
	defer timer.Stop()
	select {
	case <-q.done:
	case <-timer.C:
	}
	return nil
}
