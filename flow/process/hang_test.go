//go:build unix

package process_test

import (
	"encoding/json"
	"syscall"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/process"
)

// impatient returns a supervisor of a child in a role, which it gives up soon.
func impatient(l *lines, role string) (*process.Supervisor, *logged) {
	log := &logged{}
	s := child(l, role, idempotentVariable+"=1")
	s.Patience, s.Log = 2*time.Second, log.logger()
	return s, log
}

// A backend that is there and does not answer is killed, and what was asked of it is asked
// of the next one.
func TestStoppedBackendIsGivenUp(t *testing.T) {
	for role, own := range map[string]bool{"good": true, "foreign": false, "deaf": false} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			s, log := impatient(l, role)
			s.Own = own
			run(t, s)
			client := flow.NewClient(s, flow.Setup{Username: "ana"})
			before := pid(t, flow.Endpoint{Caller: client})
			one := l.next(t, role)
			if err := syscall.Kill(before, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			// Until then threads of it may run on.
			if _, err := syscall.Wait4(before, nil, syscall.WUNTRACED, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Call(t.Context(), "SendMessage", json.RawMessage("{}")); err != nil {
				t.Errorf("a write that was under way ended with %v", err)
			}
			one.gone(t)
			l.next(t, role)
			if after := pid(t, flow.Endpoint{Caller: client}); after == before {
				t.Error("the same process answers")
			}
			log.await(t, "the backend hangs: process")
		})
	}
}

// So is one that goes on although nobody can reach it.
func TestBackendWithoutAPortIsGivenUp(t *testing.T) {
	l := listen(t)
	s := child(l, "retiring", idempotentVariable+"=1")
	s.Patience = patience // it is not needed: to ask in vain takes no time
	run(t, s)
	client := flow.NewClient(s, flow.Setup{Username: "ana"})
	before := pid(t, flow.Endpoint{Caller: client})
	one := l.next(t, "retiring")
	if _, err := one.conn.Write([]byte("!")); err != nil {
		t.Fatal(err)
	}
	if said, err := one.in.ReadString('\n'); said != "retired\n" {
		t.Fatalf("the child says %q, %v", said, err)
	}
	if after := pid(t, flow.Endpoint{Caller: client}); after == before {
		t.Error("the same process answers")
	}
	one.gone(t)
}

// A call may take as long as it takes, as long as the backend shows that it lives.
func TestBusyBackendIsKept(t *testing.T) {
	t.Parallel()
	l := listen(t)
	s, log := impatient(l, "good")
	s.Patience = patience
	run(t, s)
	e := endpoint(t, s)
	id := pid(t, e)
	answered := make(chan error, 1)
	go func() {
		_, err := flow.Ping.Call(t.Context(), e.Caller, flow.PingInput{})
		answered <- err
	}()
	log.await(t, "ping has come")
	log.await(t, "sign of life")
	if err := syscall.Kill(id, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("the long call ended with %v", err)
	}
	if now := endpoint(t, s); now.Generation != 1 {
		t.Errorf("the backend was replaced: generation %d", now.Generation)
	}
}
