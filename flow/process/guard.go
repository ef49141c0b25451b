package process

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// guardGrace is how long a guarded backend may take after SIGTERM. A Supervisor gives
// its Guard more time than this.
const guardGrace = 400 * time.Millisecond

// Guard runs a backend that would not notice the end of its parent, and ends it when
// stdin closes or ctx ends. It is the whole work of a process that a Supervisor starts
// in place of the backend: it copies what the backend writes, and returns when the
// backend and its process group are gone, with an error when the backend ended by
// itself. One read of stdin may remain behind; SIGPIPE is ignored from then on.
//
// Where Guard itself is killed, Linux kills the backend with it. On other systems the
// backend would go on.
func Guard(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, command []string) error {
	runtime.LockOSThread() // the backend dies with the thread that started it
	defer runtime.UnlockOSThread()
	signal.Ignore(syscall.SIGPIPE) // a reader that left must not kill us before the backend
	c, err := launch{
		command:        command,
		diesWithThread: true,
		stdout:         copyTo(stdout),
		stderr:         copyTo(stderr),
	}.start()
	if err != nil {
		return err
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = io.Copy(io.Discard, stdin)
	}()
	select {
	case <-c.done:
		return fmt.Errorf("the backend ended: %s", c.status())
	case <-closed:
	case <-ctx.Done():
	}
	return c.stop(0, guardGrace)
}

// copyTo returns a reader of output that goes on when nobody takes the copy any more.
func copyTo(w io.Writer) func(io.Reader) {
	return func(r io.Reader) {
		_, _ = io.Copy(w, r)
		_, _ = io.Copy(io.Discard, r)
	}
}
