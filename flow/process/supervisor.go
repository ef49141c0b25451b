// Package process keeps a backend running: it starts one when it is first needed, reads
// its handshake, starts it again when it ends, and stops it.
//
// A backend that is there and does not answer, because it was stopped or hangs, is given
// up: when a call waits for longer than it should, the process is asked for any answer at
// all, and killed when it has none. Long work is no reason, and as long as nobody calls,
// nobody asks.
//
// A backend is a child process, our own (the same binary) or an installed one. It has
// pipes of its own, so that it can neither read nor write what belongs to this process,
// and a process group of its own, so that it can be stopped with all it started. Its
// first line on standard output says token and port; what it writes afterwards is
// discarded, and what it writes to standard error goes to the log, line by line.
//
// No backend outlives this process, however it ends: our own ends when its standard
// input closes, which the kernel does for a process that was killed; any other one runs
// below [Guard], which does the same for it.
//
//	down ──first call──▶ starting ──handshake──▶ ready ──┐
//	            ▲            │ no handshake              │ it ended or hangs, or Restart
//	            └── pause ◀──┴───────────────────────────┘
//
// The pause is nothing after the first failure, doubles with each further one and
// shrinks again with the time that a backend ran well.
package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Supervisor keeps one backend running. Set the fields before first use; Command or
// Newest is needed.
type Supervisor struct {
	// Command is the backend's argument list, its path first.
	Command []string
	// Newest, when set, is asked before each start and takes the place of Command.
	Newest func() ([]string, error)
	// Env is the backend's environment; nil stands for that of this process.
	Env []string
	// Dir is its working directory; empty stands for that of this process.
	Dir string
	// Own says that the backend ends when its standard input closes, as our own and
	// Guard do. Any other one is sent SIGTERM at once when it has to stop.
	Own bool
	// HandshakeTimeout bounds the time from start to handshake; 0 stands for 15 seconds.
	// A machine may be busy, and to begin anew with a slow start makes nothing faster.
	HandshakeTimeout time.Duration
	// Patience is how long a backend may leave a question open that it answers at once
	// while it runs, before it is given up. The question is put when a call has waited
	// for a fifth of that, or for three seconds. 0 stands for 15 seconds.
	Patience time.Duration
	// Log gets what the backend says (at debug level, or at the level that it names
	// itself in a line of JSON) and how its life goes; nil discards it.
	Log *slog.Logger

	once    sync.Once
	log     *slog.Logger
	asked   chan struct{} // holds a value once a backend is wanted
	restart chan struct{} // holds a value while a restart is wanted

	mu      sync.Mutex
	running bool
	now     state
	changed chan struct{} // closed and replaced with each change of now
}

// state is what Endpoint answers: neither member is set while it is worth waiting.
type state struct {
	endpoint flow.Endpoint
	err      error
}

const (
	defaultHandshakeTimeout = 15 * time.Second
	defaultPatience         = 15 * time.Second
)

func (s *Supervisor) init() {
	s.once.Do(func() {
		s.asked = make(chan struct{}, 1)
		s.restart = make(chan struct{}, 1)
		s.changed = make(chan struct{})
		if s.log = s.Log; s.log == nil {
			s.log = slog.New(slog.DiscardHandler)
		}
	})
}

// Endpoint implements [flow.Dialer]: it returns the running backend. It starts the first
// one, and blocks while one starts, which takes Run. While a backend fails again and
// again it fails at once, with Unavailable and what the backend said last; one of ours that
// says what a person has to mend makes that Unusable.
func (s *Supervisor) Endpoint(ctx context.Context) (flow.Endpoint, error) {
	s.init()
	notify(s.asked)
	for {
		s.mu.Lock()
		now, changed := s.now, s.changed
		s.mu.Unlock()
		if now.err != nil || now.endpoint.Caller != nil {
			return now.endpoint, now.err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return flow.Endpoint{}, context.Cause(ctx)
		}
	}
}

// Restart replaces the running backend by a new one, of the newest version if there is a
// choice. It does not wait; calls under way are lost as if the backend had crashed.
func (s *Supervisor) Restart() {
	s.init()
	notify(s.restart)
}

// Run starts a backend when Endpoint is first called and keeps one running until ctx
// ends. Then it stops the backend, with SIGKILL when it has not ended within a second, and
// returns when it is reaped. An error says that it was killed and did not end. Run is
// called once.
func (s *Supervisor) Run(ctx context.Context) error {
	s.init()
	if err := s.claim(); err != nil {
		return err
	}
	defer s.set(state{err: flow.Errorf(flow.Unavailable, "the backend was stopped")})
	select {
	case <-s.asked:
	case <-ctx.Done():
		return nil
	}
	var pauses backoff
	for generation := 1; ctx.Err() == nil; generation++ {
		healthy, err := s.live(ctx, generation)
		if ctx.Err() != nil {
			if stuck, ok := errors.AsType[*stuckError](err); ok {
				return stuck
			}
			return nil
		}
		if err == nil { // a restart was asked for
			continue
		}
		pause := pauses.after(healthy)
		s.log.Warn("backend failed", "error", err, "pause", pause)
		switch {
		case errors.Is(err, flow.Unusable): // trying again helps nobody who waits
			s.set(state{err: flow.Errorf(flow.Unusable, "%v", err)})
		case pauses.hopeless():
			s.set(state{err: flow.Errorf(flow.Unavailable, "the backend does not run: %v", err)})
		}
		s.wait(ctx, pause)
	}
	return nil
}

func (s *Supervisor) claim() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		return errors.New("supervise backend: Run was called twice")
	}
	s.running = true
	return nil
}

// set tells everybody who waits.
func (s *Supervisor) set(now state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
	close(s.changed)
	s.changed = make(chan struct{})
}

// wait ends early when somebody asks for a restart: a newer backend may do better.
func (s *Supervisor) wait(ctx context.Context, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.restart:
	case <-ctx.Done():
	}
}

// live runs one backend from its start to its end. It returns for how long it was ready
// and why it failed, which is nothing when it ended because it should.
func (s *Supervisor) live(ctx context.Context, generation int) (healthy time.Duration, err error) {
	select {
	case <-s.restart: // what was asked for until now is about to happen
	default:
	}
	command := s.Command
	if s.Newest != nil {
		if command, err = s.Newest(); err != nil {
			return 0, fmt.Errorf("choose the backend: %w", err)
		}
	}
	b, err := s.start(command)
	if err != nil {
		return 0, err
	}
	hello, err := b.handshake(ctx, cmp.Or(s.HandshakeTimeout, defaultHandshakeTimeout))
	if err == nil {
		healthy, err = s.attend(ctx, b, hello, generation)
	}
	if stuck := b.child.stop(s.graces()); stuck != nil {
		return healthy, stuck
	}
	if err != nil {
		err = b.said.addTo(err)
	}
	return healthy, err
}

// graces returns how long a backend may take to end after its standard input was closed,
// and after SIGTERM. With the time that calls under way are given before, all ends within
// two seconds; what our own store has not written down then, it does when it is opened.
func (s *Supervisor) graces() (eof, term time.Duration) {
	if s.Own {
		return 400 * time.Millisecond, 200 * time.Millisecond
	}
	return 0, time.Second
}

// attend offers a ready backend to callers until it ends, hangs or has to end.
func (s *Supervisor) attend(ctx context.Context, b *backend, hello greeting, generation int) (healthy time.Duration, err error) {
	caller := mortal{
		HTTP: flow.NewHTTP(hello.port, hello.token), log: s.log, patience: cmp.Or(s.Patience, defaultPatience),
		withdrawn: make(chan struct{}), doubts: make(chan struct{}, 1),
	}
	defer caller.Close()
	defer close(caller.withdrawn)
	watching, stop := context.WithCancel(ctx)
	hangs := make(chan bool, 1)
	go func() { hangs <- caller.hangs(watching) }()
	defer stop()
	s.log.Info("backend is ready", "pid", b.child.pid(), "generation", generation)
	s.set(state{endpoint: flow.Endpoint{Caller: caller, Generation: generation}})
	defer s.set(state{})
	since := time.Now()
	select {
	case <-b.child.done:
		err = fmt.Errorf("the backend ended: %s", b.child.status())
	case <-hangs:
		if ctx.Err() == nil {
			err = fmt.Errorf("the backend hangs: process %d has not answered within %v", b.child.pid(), caller.patience)
		}
	case <-s.restart:
		s.log.Info("backend is restarted", "pid", b.child.pid(), "generation", generation)
	case <-ctx.Done():
	}
	return time.Since(since), err
}

// notify puts a value into a channel of one place, if it is empty.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
