package flow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// forgetful is a backend that numbers its sessions, and may forget them.
type forgetful struct {
	outside
	mu     sync.Mutex
	newest int
	first  int   // all before are forgotten
	refuse error // what no account starts for
}

func newForgetful(rest func(context.Context, string, json.RawMessage) (json.RawMessage, error)) *forgetful {
	f := &forgetful{}
	f.answer = func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
		if method == "NewSession" {
			return f.open(), nil
		}
		if err := f.judge(method, params); err != nil {
			return nil, err
		}
		return greet(true, rest)(ctx, method, params)
	}
	return f
}

func (f *forgetful) open() json.RawMessage {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.newest++
	return json.RawMessage(fmt.Sprintf(`{"SessionID":%d}`, f.newest))
}

func (f *forgetful) judge(method string, params json.RawMessage) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var call flow.Call
	if err := json.Unmarshal(params, &call); err != nil {
		return err
	}
	switch {
	case method == "Config":
		return nil
	case int(call.Session) < f.first:
		return flow.Errorf(flow.UnknownSession, "Unknown session")
	case strings.HasPrefix(method, "StartUp"):
		return f.refuse
	}
	return nil
}

// forget ends all sessions there are.
func (f *forgetful) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.first = f.newest + 1
}

func (f *forgetful) refuses(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = err
}

// Many callers whose session has ended open one new one, for the account they had.
func TestClientRenewsItsSession(t *testing.T) {
	o := newForgetful(pong)
	c := flow.NewClient(o, ada)
	if _, err := c.Identity(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.forget()
	pings(t, c, 20)
	var opening []string
	for _, call := range o.calls {
		if !strings.HasPrefix(call, "Ping") && !strings.HasPrefix(call, "Config") {
			opening = append(opening, call)
		}
	}
	want := []string{
		`NewSession {}`, `StartUpLocal {"SessionID":1,"Username":"ada"}`,
		`NewSession {}`, `StartUpLocal {"SessionID":2,"Username":"ada","AccountID":"A"}`,
	}
	if diff := cmp.Diff(want, opening); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// An account that does not start costs one session, however often it is tried.
func TestClientKeepsASessionUntilItStarts(t *testing.T) {
	o := newForgetful(pong)
	c := flow.NewClient(o, ada)
	try := func(want flow.Code) {
		t.Helper()
		if _, err := c.Identity(t.Context()); flow.CodeOf(err) != want {
			t.Errorf("error is %v, want code %q", err, want)
		}
	}
	o.refuses(flow.Errorf(flow.Denied, "the account is locked"))
	try(flow.Unusable)
	try(flow.Unusable)
	select {
	case <-c.Started():
		t.Error("a client without an account has started")
	default:
	}
	o.forget()
	try(flow.Unusable)
	o.refuses(nil)
	try("")
	<-c.Started()
	want := []string{
		"Config", "NewSession", "StartUpLocal", "StartUpLocal",
		"StartUpLocal", "Config", "NewSession", "StartUpLocal", // one is none any more
		"StartUpLocal",
	}
	if diff := cmp.Diff(want, o.methods()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// A backend that knows no session at all is not asked for ever.
func TestClientGivesUpWithoutSessions(t *testing.T) {
	o := newForgetful(pong)
	o.first = 1 << 30
	c := flow.NewClient(o, ada)
	if _, err := c.Identity(t.Context()); flow.CodeOf(err) != flow.UnknownSession {
		t.Errorf("error is %v, want code %q", err, flow.UnknownSession)
	}
	want := []string{"Config", "NewSession", "StartUpLocal", "Config", "NewSession", "StartUpLocal"}
	if diff := cmp.Diff(want, o.methods()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// Who listens hears of a new session that there is another connection, and goes on where it
// was. When that session is none either, there is something to wait out.
func TestNotificationsGoOnInANewSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := make(news)
		o := newForgetful(n.answer)
		ctx, cancel := context.WithCancel(t.Context())
		heard := listens(ctx, flow.NewClient(o, ada))
		heard.expect(t, "connected")
		n <- `[{"type":"org","data":[],"seq":4}]`
		heard.expect(t, "org")
		n <- "none"
		heard.expect(t, "connected")
		n <- `[{"type":"hwm","data":[],"seq":6}]`
		heard.expect(t, "hwm")
		for range 3 {
			n <- "none"
			heard.expect(t, "connected")
			n <- "none"
			heard.expect(t, "Unknown session", "connected")
			n <- `[]`
		}
		synctest.Wait()
		cancel()
		if text, more := <-heard; more {
			t.Errorf("after the end of its context the iterator yields %q", text)
		}
		want := []string{`{"SessionID":1}`, `{"SessionID":1}`, `{"SessionID":2,"After":4}`, `{"SessionID":2}`}
		for i := 3; i < 9; i += 2 {
			want = append(want, fmt.Sprintf(`{"SessionID":%d,"After":6}`, i), fmt.Sprintf(`{"SessionID":%d,"After":6}`, i+1),
				fmt.Sprintf(`{"SessionID":%d}`, i+1))
		}
		if diff := cmp.Diff(want, o.polls()); diff != "" {
			t.Errorf("polls (-want +got):\n%s", diff)
		}
	})
}
