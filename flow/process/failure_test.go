//go:build unix

package process_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/process"
)

func TestFailedStarts(t *testing.T) {
	tests := []struct {
		role string
		want []string
	}{
		{"mute", []string{"no handshake within 3s", "I do not talk to strangers"}},
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
				s.HandshakeTimeout = 3 * time.Second // in which the child has to come so far, three times
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
