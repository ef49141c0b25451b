package sqlite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestMembersShareAStore(t *testing.T) {
	for name, dir := range map[string]string{"short path": filepath.Join(t.TempDir(), "store"), "long path": longDir(t)} {
		t.Run(name, func(t *testing.T) {
			place, err := newPlace(dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { // when the members are closed
				if _, err := os.Stat(place.socket); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the socket is left behind: %v", err)
				}
				if parent := filepath.Dir(place.socket); parent != place.dir {
					if _, err := os.Stat(parent); !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("the directory of the socket is left behind: %v", err)
					}
				}
			})
			alice, bob := account(t, join(t, dir), "alice"), account(t, join(t, dir), "bob")
			if err := alice.send(t.Context(), "from alice"); err != nil {
				t.Fatal(err)
			}
			if err := bob.send(t.Context(), "from bob"); err != nil {
				t.Fatal(err)
			}
			want := []string{"from alice", "from bob"}
			for _, s := range []*seat{alice, bob} {
				if diff := cmp.Diff(want, texts(t, s, "from bob")); diff != "" {
					t.Errorf("%s sees (-want +got):\n%s", s.name, diff)
				}
			}
			info, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			if runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
				t.Errorf("the directory has mode %v", info.Mode())
			}
		})
	}
}

// texts returns the messages that arrive, up to the last one.
func texts(t *testing.T, s *seat, last string) []string {
	t.Helper()
	got, err := s.texts(t.Context(), last)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A session goes on at every owner, and what arrived at one does not come again from the
// next.
func TestCloseHandsOver(t *testing.T) {
	dir := t.TempDir()
	first := join(t, dir)
	account(t, first, "first")
	members := []*Member{join(t, dir), join(t, dir), join(t, dir)}
	bob := account(t, members[2], "bob")
	for i, m := range append([]*Member{first}, members[:2]...) {
		before, after := fmt.Sprint("before ", i), fmt.Sprint("after ", i)
		if err := bob.send(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{before}, texts(t, bob, before)); diff != "" {
			t.Errorf("before the hand-over (-want +got):\n%s", diff)
		}
		waits := make(chan []string)
		go func() {
			got, err := bob.texts(t.Context(), after)
			if err != nil {
				t.Error(err)
			}
			waits <- got
		}()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if err := bob.send(t.Context(), after); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{after}, <-waits); diff != "" {
			t.Errorf("after the hand-over (-want +got):\n%s", diff)
		}
	}
}

func TestCallAfterClose(t *testing.T) {
	m := join(t, t.TempDir())
	s := account(t, m, "alice")
	waits := make(chan error)
	go func() { waits <- s.receive(t.Context(), func(seen) bool { return true }) }()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waits; !errors.Is(err, flow.Unavailable) {
		t.Errorf("a call under way ended with %v", err)
	}
	if err := s.send(t.Context(), "too late"); !errors.Is(err, flow.Unavailable) {
		t.Errorf("a later call ended with %v", err)
	}
}

// All goroutines of a member end with it, also those that served others.
func TestCloseLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	var members []*Member
	for i := range 4 {
		m := join(t, dir)
		members = append(members, m)
		s := account(t, m, fmt.Sprint("account", i))
		go s.receive(t.Context(), func(seen) bool { return true })
		if err := s.send(t.Context(), "hello"); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range members {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "no method of ours runs", func() bool {
		all := make([]byte, 1<<20)
		stacks := string(all[:runtime.Stack(all, true)])
		return !strings.Contains(stacks, "flow-mcp/flow.(*") && !strings.Contains(stacks, "flow-mcp/flow/sqlite.(*")
	})
}

// Of many that come at once one becomes the owner and the others find it.
func TestStartTogether(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 16 {
		m := join(t, dir)
		all.Go(func() {
			s, err := sit(t.Context(), m, fmt.Sprint("account", i))
			if err == nil {
				err = s.send(t.Context(), "hello")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestUnusableDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", file, filepath.Join(file, "below")} {
		_, err := Open(t.Context(), dir, Options{})
		var sentence *flow.Error
		if !errors.As(err, &sentence) {
			t.Errorf("Open(%q) = %v, want a flow.Error", dir, err)
		}
	}
}

// A store that cannot be opened is the answer to every call of every member, and none of
// them keeps the lock from a program that can open it.
func TestStoreThatCannotBeOpened(t *testing.T) {
	spoilers := map[string]struct {
		spoil func(path string) error
		says  string
	}{
		"of another program": {func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("text"), 100), 0o600) }, "not a store"},
		"of a newer program": {func(path string) error {
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer file.Close()
			_, err = file.WriteAt([]byte{0, 0, 0, 99}, 60) // the version of the tables
			return err
		}, "format 99"},
	}
	for name, c := range spoilers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			m := join(t, dir)
			account(t, m, "alice")
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "main.db")
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.spoil(path); err != nil {
				t.Fatal(err)
			}
			members := []*Member{join(t, dir), join(t, dir)}
			for range 3 {
				for _, m := range members {
					_, err := flow.NewSession.Call(t.Context(), m, flow.NewSessionInput{})
					if !errors.Is(err, flow.Unusable) || !strings.Contains(err.Error(), c.says) {
						t.Errorf("a call fails with %v, want %q", err, c.says)
					}
				}
			}
			able := newLock(filepath.Join(dir, "lock"))
			eventually(t, "the lock is free", func() bool {
				ok, err := able.try()
				return ok && err == nil
			})
			if err := os.WriteFile(path, good, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := able.release(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the members notice", func() bool {
				_, one := flow.NewSession.Call(t.Context(), members[0], flow.NewSessionInput{})
				_, two := flow.NewSession.Call(t.Context(), members[1], flow.NewSessionInput{})
				return one == nil && two == nil
			})
		})
	}
}

// A call waits while nobody owns the store, but not for ever.
func TestNobodyAnswers(t *testing.T) {
	dir := t.TempDir()
	held := newLock(filepath.Join(dir, "lock"))
	if ok, err := held.try(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	m := join(t, dir)
	gone, cancel := context.WithCancelCause(t.Context())
	why := errors.New("had enough")
	cancel(why)
	if _, err := m.Call(gone, "Ping", json.RawMessage("{}")); !errors.Is(err, why) {
		t.Errorf("a call that was given up ended with %v", err)
	}
	m.patience = 20 * time.Millisecond // before any other call reads it
	if _, err := m.Call(t.Context(), "Ping", json.RawMessage("{}")); !errors.Is(err, flow.Unavailable) {
		t.Errorf("a call that nobody answers ended with %v", err)
	}
	m.patience = time.Minute
	if err := held.release(); err != nil {
		t.Fatal(err)
	}
	account(t, m, "alice")
}

func TestWithRequest(t *testing.T) {
	cases := map[string]bool{ // params, and whether they get a new id
		`{}`:                                  true,
		`{"Text":"a"}`:                        true,
		` { "Text" : "a" } `:                  true,
		`{"Text":"\"RequestID\":1"}`:          true,
		`{"OtherData":{"RequestID":"x"}}`:     true,
		`{"RequestID":""}`:                    true,
		`{"requestid":null}`:                  true,
		`{"RequestID":"mine"}`:                false,
		`{"Text":"a","requestId":"mine"}`:     false,
		`{"\u0052equestID":"mine"}`:           false,
		`{"RequestID":"","RequestID":"mine"}`: false,
	}
	for params, fresh := range cases {
		got, err := withRequest(json.RawMessage(params))
		if err != nil {
			t.Errorf("%s: %v", params, err)
			continue
		}
		var call flow.Call
		if err := json.Unmarshal(got, &call); err != nil {
			t.Errorf("%s became %s: %v", params, got, err)
		}
		if _, err := uuid.Parse(string(call.Request)); (err == nil) != fresh || !fresh && call.Request != "mine" {
			t.Errorf("%s became %s", params, got)
		}
	}
	for _, params := range []string{"", "null", "[]", `"text"`, "{"} {
		if got, err := withRequest(json.RawMessage(params)); !errors.Is(err, flow.Invalid) {
			t.Errorf("params %q gave %s, %v", params, got, err)
		}
	}
}

func TestChanges(t *testing.T) {
	for method, want := range map[string]bool{
		"SendMessage": true, "NewSession": true, "SetChannelReadHWM": true, "MarkMessagesDeleted": true,
		"EnumerateOrgs": false, "WaitForNotification": false, "Unheard": false,
	} {
		if got := changes(method); got != want {
			t.Errorf("changes(%q) = %v", method, got)
		}
	}
}
