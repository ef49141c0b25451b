package tail

import (
	"context"
	"io"
	"time"
)

// grace is how long a line that is being written may take when everything has to end.
const grace = 300 * time.Millisecond

// writer writes to out. When ctx has ended and nobody takes what is written, the write is
// left behind; it is the last one.
type writer struct {
	ctx context.Context
	out io.Writer
}

// Write implements [io.Writer].
func (w writer) Write(p []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	written := make(chan result, 1)
	go func() {
		n, err := w.out.Write(p)
		written <- result{n, err}
	}()
	select {
	case r := <-written:
		return r.n, r.err
	case <-w.ctx.Done():
	}
	select {
	case r := <-written:
		return r.n, r.err
	case <-time.After(grace):
		return 0, context.Cause(w.ctx)
	}
}
