//go:build unix

package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

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
