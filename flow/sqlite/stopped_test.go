//go:build linux || darwin

package sqlite

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// joinImpatient opens a member that notices soon when the owner does not answer.
func joinImpatient(t *testing.T, dir string) *Member {
	t.Helper()
	m, err := Open(t.Context(), dir, Options{Version: "test", Patience: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func (c *child) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := c.command.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// stop stops the child, and returns when none of its threads runs any more.
func (c *child) stop(t *testing.T) {
	t.Helper()
	c.signal(t, syscall.SIGSTOP)
	if _, err := syscall.Wait4(c.command.Process.Pid, nil, syscall.WUNTRACED, nil); err != nil {
		t.Fatal(err)
	}
}

// refusesAs checks that a read fails because the owner does not answer, with its number.
func refusesAs(t *testing.T, c flow.Caller, owner *child) {
	t.Helper()
	_, err := flow.Ping.Call(t.Context(), c, flow.PingInput{})
	if !errors.Is(err, flow.Unusable) || !strings.Contains(err.Error(), fmt.Sprintf("process %d has the store", owner.command.Process.Pid)) {
		t.Errorf("with the owner stopped a read ended with %v, want %s and which process it is", err, flow.Unusable)
	}
}

// While the owner is stopped, calls of other processes say so; when it goes on or ends, they
// work again, and what was under way is there once.
func TestOwnerIsStopped(t *testing.T) {
	t.Parallel() // most of it is waiting
	endings := map[string]func(*testing.T, *child){
		"goes on": func(t *testing.T, c *child) { c.signal(t, syscall.SIGCONT) },
		"is killed": func(t *testing.T, c *child) {
			c.signal(t, syscall.SIGKILL)
			<-c.ended
		},
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			owner := launch(t, "idle", dir, "owner")
			ownerOf(t, dir, map[string]*child{"owner": owner})
			alice := account(t, joinImpatient(t, dir), "alice")
			if err := alice.send(t.Context(), "before"); err != nil {
				t.Fatal(err)
			}
			texts(t, alice, "before")
			heard := make(chan []string)
			go func() {
				got, err := alice.texts(t.Context(), "after")
				if err != nil {
					t.Errorf("a wait that was under way ended with %v", err)
				}
				heard <- got
			}()

			owner.stop(t)
			during := flow.SendMessageInput{ChannelID: alice.channel, Text: "during"}
			if _, err := flow.SendMessage.Call(t.Context(), alice.Keyed("during"), during); !errors.Is(err, flow.Uncertain) {
				t.Errorf("a write that was under way ended with %v, want %s", err, flow.Uncertain)
			}
			refusesAs(t, alice, owner)
			late := joinImpatient(t, dir)
			eventually(t, "who comes late knows too", func() bool { // on a busy machine it may lose its patience first
				_, err := flow.Ping.Call(t.Context(), late, flow.PingInput{})
				return !errors.Is(err, flow.Unavailable)
			})
			refusesAs(t, late, owner)

			end(t, owner)
			eventually(t, "calls work again", func() bool {
				_, one := flow.Ping.Call(t.Context(), alice, flow.PingInput{})
				_, two := flow.Ping.Call(t.Context(), late, flow.PingInput{})
				return one == nil && two == nil
			})
			if _, err := flow.SendMessage.Call(t.Context(), alice.Keyed("during"), during); err != nil {
				t.Fatal(err)
			}
			if err := alice.send(t.Context(), "after"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"before", "during", "after"}, history(t, alice)); diff != "" {
				t.Errorf("in the store (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"during", "after"}, <-heard); diff != "" {
				t.Errorf("heard (-want +got):\n%s", diff)
			}
		})
	}
}

// A process that was stopped while another one came to own the store, for so long that it was
// taken for gone, goes on as if nothing had happened: its program keeps its session, and hears
// everything once.
func TestStoppedForLong(t *testing.T) {
	dir := t.TempDir()
	first := launch(t, "idle", dir, "first")
	ownerOf(t, dir, map[string]*child{"first": first})
	ben := launch(t, "hear", dir, "ben")
	place, err := newPlace(dir)
	if err != nil {
		t.Fatal(err)
	}
	next, err := newMember(place, Options{Version: "test", Patience: aWhile, absence: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	next.start(t.Context())
	defer next.Close()
	ana := account(t, next, "ana")
	send := func(text string) {
		t.Helper()
		if err := ana.send(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	send("before")
	if text := ben.line(t); text != "before" {
		t.Fatalf("ben hears %q", text)
	}
	ben.stop(t)
	send("to a stopped one")
	first.signal(t, syscall.SIGKILL)
	<-first.ended
	send("to one that has another owner")
	eventually(t, "ben is taken for gone", func() bool {
		r, _ := next.look()
		gone, err := r.caller.(*owner).store.read.Departures(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(gone) == 2 // with the first
	})
	send("to one that is gone")
	ben.signal(t, syscall.SIGCONT)
	for _, want := range []string{"to a stopped one", "to one that has another owner", "to one that is gone"} {
		if text := ben.line(t); text != want {
			t.Fatalf("ben hears %q, want %q", text, want)
		}
	}
	send(lastWords)
	if text := ben.line(t); text != lastWords {
		t.Errorf("ben hears %q", text)
	}
	ben.finish(t)
}
