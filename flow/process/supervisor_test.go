//go:build unix

package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/process"
)

// run starts s; what it returns stops s and returns what Run returned.
func run(t *testing.T, s *process.Supervisor) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return fmt.Errorf("Run has not returned within %v", patience)
		}
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return stop
}

// child returns a supervisor of a child in a role.
func child(l *lines, role string, more ...string) *process.Supervisor {
	return &process.Supervisor{
		Command: []string{os.Args[0]}, Env: environment(role, l.address, more...),
		Own: true, HandshakeTimeout: patience,
	}
}

func endpoint(t *testing.T, s *process.Supervisor) flow.Endpoint {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	e, err := s.Endpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// pid asks a child for its process id.
func pid(t *testing.T, e flow.Endpoint) int {
	t.Helper()
	text, err := flow.BuildNumber.Call(t.Context(), e.Caller, flow.BuildNumberInput{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestNothingStartsUnasked(t *testing.T) {
	l := listen(t)
	s := child(l, "good")
	stop := run(t, s)
	if err := stop(); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
	if n := len(l.calls); n != 0 {
		t.Errorf("%d children were started although nobody asked", n)
	}
	if _, err := s.Endpoint(t.Context()); !errors.Is(err, flow.Unavailable) {
		t.Errorf("after the end Endpoint returned %v, want %v", err, flow.Unavailable)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("a second Run is no error")
	}
}

func TestAskedOnceIsKept(t *testing.T) {
	l := listen(t)
	s := child(l, "good")
	stop := run(t, s)
	first := endpoint(t, s)
	one := l.next(t, "good")
	if again := endpoint(t, s); again != first {
		t.Errorf("Endpoint returned %v and then %v without a restart", first, again)
	}
	syscall.Kill(pid(t, first), syscall.SIGKILL)
	one.gone(t)
	two := l.next(t, "good") // nobody has asked
	for deadline := time.Now().Add(patience); ; {
		e := endpoint(t, s)
		if e.Generation == 2 {
			pid(t, e)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("generation is %d, want 2", e.Generation)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
	if two.there(t) {
		t.Error("Run has returned and the backend is still there")
	}
}

func TestStop(t *testing.T) {
	tests := []struct {
		role string
		own  bool
		all  []string // the processes, in the order of their calls
	}{
		{"good", true, []string{"good"}},
		{"good", false, []string{"good"}},
		{"foreign", true, []string{"foreign"}},
		{"foreign", false, []string{"foreign"}},
		{"deaf", true, []string{"deaf"}},
		{"deaf", false, []string{"deaf"}},
		{"parent", true, []string{"parent", "child"}},
		{"foreign parent", false, []string{"foreign parent", "child"}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s, own %v", tt.role, tt.own), func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			s := child(l, tt.role)
			s.Own = tt.own
			stop := run(t, s)
			endpoint(t, s)
			var all []*line
			for _, role := range tt.all {
				all = append(all, l.next(t, role))
			}
			began := time.Now()
			if err := stop(); err != nil {
				t.Errorf("Run returned %v, want nil", err)
			}
			t.Logf("it took %v", time.Since(began))
			if all[0].there(t) {
				t.Error("Run has returned and the backend is still there")
			}
			for _, one := range all {
				one.gone(t)
			}
		})
	}
}

func TestStopDuringTheStart(t *testing.T) {
	l := listen(t)
	s := child(l, "mute")
	stop := run(t, s)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Endpoint(context.Background())
		failed <- err
	}()
	one := l.next(t, "mute")
	if err := stop(); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
	one.gone(t)
	if err := <-failed; !errors.Is(err, flow.Unavailable) {
		t.Errorf("Endpoint returned %v, want %v", err, flow.Unavailable)
	}
}

func TestEndpointWaits(t *testing.T) {
	l := listen(t)
	s := child(l, "slow")
	run(t, s)
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := s.Endpoint(ctx)
		failed <- err
	}()
	one := l.next(t, "slow")
	cancel(enough)
	if err := <-failed; err != enough {
		t.Errorf("Endpoint returned %v, want %v", err, enough)
	}
	ready := make(chan flow.Endpoint)
	go func() { ready <- endpoint(t, s) }()
	select {
	case <-ready:
		t.Error("Endpoint has returned before the handshake")
	default:
	}
	one.conn.Write([]byte("!"))
	pid(t, <-ready)
}

// A backend that writes and writes must neither block nor fill the memory.
func TestTalkativeBackend(t *testing.T) {
	var log logged
	l := listen(t)
	s := child(l, "talkative")
	s.Log = log.logger()
	run(t, s)
	e := endpoint(t, s)
	log.await(t, "that was all")
	pid(t, e)
}

// What a crashed backend started is killed; what it let go and still holds its output
// does not delay its restart.
func TestOffspringOfACrashedBackend(t *testing.T) {
	for role, offspring := range map[string]string{"parent": "child", "parent of a stray": "stray"} {
		t.Run(role, func(t *testing.T) {
			l := listen(t)
			s := child(l, role)
			run(t, s)
			e := endpoint(t, s)
			one, two := l.next(t, role), l.next(t, offspring)
			syscall.Kill(pid(t, e), syscall.SIGKILL)
			one.gone(t)
			if offspring == "child" {
				two.gone(t)
			}
			l.next(t, role)
			l.next(t, offspring)
		})
	}
}

func TestRestart(t *testing.T) {
	l := listen(t)
	s := child(l, "good")
	versions := 0
	s.Newest = func() ([]string, error) {
		versions++
		return []string{os.Args[0], strconv.Itoa(versions)}, nil
	}
	stop := run(t, s)
	before := endpoint(t, s)
	one := l.next(t, "good")
	s.Restart()
	one.gone(t)
	l.next(t, "good")
	for deadline := time.Now().Add(patience); endpoint(t, s).Generation == before.Generation; {
		if time.Now().After(deadline) {
			t.Fatal("the generation stays the same")
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if versions != 2 {
		t.Errorf("Newest was asked %d times, want 2", versions)
	}
}
