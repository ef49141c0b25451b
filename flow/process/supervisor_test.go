//go:build unix

package process_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

// logged is a log that can be waited for.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logged) says(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.text.Bytes(), []byte(text))
}

func (l *logged) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !l.says(text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say %q within %v:\n%.2000s", text, patience, l.String())
		}
	}
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
	if two.there() {
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
			if all[0].there() {
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

func TestFailedStarts(t *testing.T) {
	tests := []struct {
		role string
		want []string
	}{
		{"mute", []string{"no handshake within 500ms", "I do not talk to strangers"}},
		{"closed", []string{"closed its output without a handshake"}},
		{"garbage", []string{"no handshake", "JSON object"}},
		{"long", []string{"longer than 4096 bytes"}},
		{"portless", []string{"no port"}},
		{"crashing", []string{"exit status 3", "opening the store\n", "token is [hidden]\n", "disk is full"}},
	}
	for _, tt := range tests {
		t.Run(tt.role, func(t *testing.T) {
			t.Parallel()
			var log logged
			l := listen(t)
			s := child(l, tt.role)
			s.Own, s.Log = false, log.logger()
			if tt.role == "mute" || tt.role == "closed" {
				s.HandshakeTimeout = 500 * time.Millisecond
			}
			run(t, s)
			_, err := s.Endpoint(t.Context())
			if !errors.Is(err, flow.Unavailable) {
				t.Fatalf("Endpoint returned %v, want %v", err, flow.Unavailable)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if strings.Contains(log.String(), "5JX3O2") {
				t.Errorf("the log holds a token:\n%s", log.String())
			}
			for range 3 { // attempts went on, and each child is gone
				l.next(t, tt.role).gone(t)
			}
			if _, again := s.Endpoint(t.Context()); !errors.Is(again, flow.Unavailable) {
				t.Errorf("Endpoint returned %v, want %v", again, flow.Unavailable)
			}
			l.next(t, tt.role)
		})
	}
}

func TestWrongCommand(t *testing.T) {
	for _, command := range [][]string{nil, {"/nonexistent/backend", "0"}, {t.TempDir()}} {
		s := &process.Supervisor{Command: command}
		run(t, s)
		if _, err := s.Endpoint(t.Context()); !errors.Is(err, flow.Unavailable) {
			t.Errorf("command %q: Endpoint returned %v, want %v", command, err, flow.Unavailable)
		}
	}
}

func TestRecoveryAfterFailedStarts(t *testing.T) {
	l := listen(t)
	s := child(l, "good")
	var broken = errors.New("no such version")
	var mu sync.Mutex
	s.Newest = func() ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		return s.Command, broken
	}
	run(t, s)
	if _, err := s.Endpoint(t.Context()); err == nil || !strings.Contains(err.Error(), "no such version") {
		t.Errorf("Endpoint returned %v, want the reason of Newest", err)
	}
	mu.Lock()
	broken = nil
	mu.Unlock()
	s.Restart() // which also ends a pause
	l.next(t, "good")
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, err := s.Endpoint(t.Context()); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
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

// The pauses between starts, in a time that only passes when everybody waits.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pauses []time.Duration
		last := time.Now()
		s := &process.Supervisor{Newest: func() ([]string, error) {
			pauses = append(pauses, time.Since(last))
			last = time.Now()
			return nil, errors.New("no backend here")
		}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		time.Sleep(time.Hour)
		if len(pauses) != 0 {
			t.Errorf("%d starts although nobody asked", len(pauses))
		}
		last = time.Now()
		if _, err := s.Endpoint(t.Context()); !errors.Is(err, flow.Unavailable) {
			t.Errorf("Endpoint returned %v, want %v", err, flow.Unavailable)
		}
		time.Sleep(time.Minute)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
		ms := time.Millisecond
		want := []time.Duration{0, 0, 50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms,
			10000 * ms, 10000 * ms, 10000 * ms, 10000 * ms}
		if diff := cmp.Diff(want, pauses); diff != "" {
			t.Errorf("pauses before the starts (-want +got):\n%s", diff)
		}
	})
}

// The end of the supervising process, whatever the way, is the end of all its children.
func TestNoOrphans(t *testing.T) {
	tests := []struct {
		name     string
		env      []string
		children []string
	}{
		{"our own backend", []string{childVariable + "=good"}, []string{"good"}},
		{"a foreign backend", []string{childVariable + "=guard", guardedVariable + "=foreign"}, []string{"guard", "foreign"}},
		{"a deaf backend", []string{childVariable + "=guard", guardedVariable + "=deaf"}, []string{"guard", "deaf"}},
		{"a backend with children", []string{childVariable + "=guard", guardedVariable + "=foreign parent"}, []string{"guard", "foreign parent", "child"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			cmd := exec.Command(os.Args[0])
			cmd.Env = environment("supervisor", l.address, tt.env...)
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Wait()
			defer cmd.Process.Kill()
			l.next(t, "supervisor")
			var all []*line
			for _, role := range tt.children {
				all = append(all, l.next(t, role))
			}
			if _, err := out.Read(make([]byte, 6)); err != nil {
				t.Fatal(err) // it says that it is ready
			}
			began := time.Now()
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			for _, one := range all {
				one.gone(t)
			}
			t.Logf("it took %v", time.Since(began))
		})
	}
}

func TestGuardReportsTheEndOfItsBackend(t *testing.T) {
	l := listen(t)
	s := child(l, "guard", guardedVariable+"=crashing")
	run(t, s)
	_, err := s.Endpoint(t.Context())
	if err == nil || !strings.Contains(err.Error(), "disk is full") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Endpoint returned %v, want the last words and the status of the backend", err)
	}
}

func TestClientGoesOnAfterACrash(t *testing.T) {
	tests := []struct {
		name, method string
		more         []string
		want         error
	}{
		{"a read", "EnumerateOrgs", nil, nil},
		{"a write", "SendMessage", nil, flow.Uncertain},
		{"a write that the backend knows again", "SendMessage", []string{idempotentVariable + "=yes"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			s := child(l, "good", append(tt.more, onceVariable+"="+t.TempDir()+"/crashed")...)
			run(t, s)
			client := flow.NewClient(s, flow.Setup{Username: "ada"})
			_, err := client.Call(t.Context(), tt.method, json.RawMessage(`{}`))
			if !errors.Is(err, tt.want) {
				t.Errorf("the call that the backend crashed on returned %v, want %v", err, tt.want)
			}
			if _, err := client.Call(t.Context(), tt.method, json.RawMessage(`{}`)); err != nil {
				t.Errorf("the next call returned %v", err)
			}
			l.next(t, "good").gone(t)
			l.next(t, "good")
		})
	}
}

func TestNotificationsGoOnAfterACrash(t *testing.T) {
	l := listen(t)
	s := child(l, "good")
	run(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	connections, errs := 0, 0
	for n, err := range flow.NewClient(s, flow.Setup{Username: "ada"}).Notifications(ctx) {
		if err != nil {
			errs++
			continue
		}
		if n.Type != flow.Connected {
			t.Errorf("a notification of type %s from nowhere", n.Type)
		}
		if connections++; connections == 3 {
			break
		}
		syscall.Kill(pid(t, endpoint(t, s)), syscall.SIGKILL)
	}
	if connections != 3 || errs == 0 {
		t.Errorf("%d connections and %d errors, want 3 and some", connections, errs)
	}
}
