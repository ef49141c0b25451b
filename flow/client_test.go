package flow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// outside stands for whatever backends there are: it gives them out and answers for them.
type outside struct {
	mu         sync.Mutex
	generation int
	down       error // what Endpoint fails with
	answer     func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error)
	calls      []string // method and parameters as they arrived
}

func (o *outside) Endpoint(context.Context) (flow.Endpoint, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return flow.Endpoint{Caller: o, Generation: o.generation}, o.down
}

func (o *outside) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	o.mu.Lock()
	o.calls = append(o.calls, method+" "+string(params))
	answer := o.answer
	o.mu.Unlock()
	return answer(ctx, method, params)
}

func (o *outside) restart() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.generation++
}

// methods returns the methods that were called so far.
func (o *outside) methods() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var names []string
	for _, call := range o.calls {
		var name string
		fmt.Sscan(call, &name)
		names = append(names, name)
	}
	return names
}

// greet answers what a client asks when it opens a session; rest answers all else.
func greet(own bool, rest func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error)) func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
	return func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
		switch method {
		case "Config":
			if own {
				return json.RawMessage(`{"name":"flow-mcp","version":"1","idempotent":true}`), nil
			}
			return json.RawMessage(`null`), nil
		case "NewSession":
			return json.RawMessage(`{"SessionID":7}`), nil
		case "StartUpLocal":
			return json.RawMessage(`{"accountId":"A","username":"ada","orgId":"O","channelId":"C","created":true}`), nil
		case "StartUp":
			return json.RawMessage(`null`), nil
		case "AccountId":
			return json.RawMessage(`"A"`), nil
		}
		return rest(ctx, method, params)
	}
}

func pong(context.Context, string, json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(`"pong"`), nil
}

var ada = flow.Setup{Username: "ada", ServerURI: "chat.example"}

func TestClientOpensOneSession(t *testing.T) {
	tests := []struct {
		name string
		own  bool
		want []string
		home flow.Home
	}{
		{"on our own backend", true,
			[]string{"Config", "NewSession", "StartUpLocal", "Ping", "Ping"},
			flow.Home{AccountID: "A", Username: "ada", OrgID: "O", ChannelID: "C", Created: true}},
		{"on another one", false,
			[]string{"Config", "NewSession", "StartUp", "AccountId", "Ping", "Ping"},
			flow.Home{AccountID: "A", Username: "ada"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := &outside{answer: greet(tt.own, pong)}
			c := flow.NewClient(o, ada)
			if len(o.calls) != 0 {
				t.Errorf("a new client has called %v", o.calls)
			}
			for range 2 {
				if _, err := flow.Ping.Call(t.Context(), c, flow.PingInput{}); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.want, o.methods()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if last, want := o.calls[len(o.calls)-1], `Ping {"SessionID":7}`; last != want {
				t.Errorf("the last call is %s, want %s", last, want)
			}
			who, err := c.Identity(t.Context())
			if err != nil || who.Home != tt.home || who.Backend.Idempotent != tt.own {
				t.Errorf("identity is %+v, %v; want %+v", who, err, tt.home)
			}
		})
	}
}

func TestClientOpensASessionAfterARestart(t *testing.T) {
	o := &outside{answer: greet(true, pong)}
	c := flow.NewClient(o, ada)
	for range 2 {
		if _, err := flow.Ping.Call(t.Context(), c, flow.PingInput{}); err != nil {
			t.Fatal(err)
		}
		o.restart()
	}
	want := []string{"Config", "NewSession", "StartUpLocal", "Ping", "Config", "NewSession", "StartUpLocal", "Ping"}
	if diff := cmp.Diff(want, o.methods()); diff != "" {
		t.Fatalf("calls (-want +got):\n%s", diff)
	}
	// The account may have been renamed meanwhile.
	if before, after := o.calls[2], o.calls[6]; strings.Contains(before, "AccountID") || !strings.Contains(after, `"AccountID":"A"`) {
		t.Errorf("the account is started with %s and then with %s", before, after)
	}
}

// A program that only reads has the backend make no account, and hears why there is none.
func TestClientOfAnExistingAccount(t *testing.T) {
	missing := flow.Errorf(flow.NotFound, "no account is called ada")
	o := &outside{}
	o.answer = func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
		if method == "StartUpLocal" {
			return nil, missing
		}
		return greet(true, pong)(ctx, method, params)
	}
	_, err := flow.NewClient(o, flow.Setup{Username: "ada", Existing: true}).Identity(t.Context())
	if err != missing {
		t.Errorf("error is %v, want %v", err, missing)
	}
	if last := o.calls[len(o.calls)-1]; !strings.Contains(last, `"Existing":true`) {
		t.Errorf("the account is started with %s", last)
	}
}

// Many callers at once share one session.
func TestClientSharesItsSession(t *testing.T) {
	o := &outside{answer: greet(true, pong)}
	c := flow.NewClient(o, ada)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := flow.Ping.Call(t.Context(), c, flow.PingInput{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(o.methods()); n != 23 {
		t.Errorf("%d calls were made, want 3 for the session and 20", n)
	}
}

// failing answers with errors first, one per call, and then with ok.
func failing(errs ...error) func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
	var mu sync.Mutex
	return func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
		mu.Lock()
		defer mu.Unlock()
		if len(errs) == 0 {
			return json.RawMessage(`"ok"`), nil
		}
		err := errs[0]
		errs = errs[1:]
		return nil, err
	}
}

func TestClientRepeats(t *testing.T) {
	away := flow.Errorf(flow.Unavailable, "away")
	lost := flow.Errorf(flow.Uncertain, "lost")
	no := flow.Errorf(flow.Denied, "no")
	stuck := flow.Errorf(flow.Unusable, "stuck")
	tests := []struct {
		name   string
		own    bool
		method string
		fails  []error
		want   error
		times  int
	}{
		{"a read that was not done", false, "EnumerateOrgs", []error{away, away}, nil, 3},
		{"a read that was lost", false, "EnumerateOrgs", []error{lost}, nil, 2},
		{"a write that was not done", false, "SendMessage", []error{away}, nil, 2},
		{"a write that was lost", false, "SendMessage", []error{lost}, lost, 1},
		{"a write that was lost on a backend that knows it again", true, "SendMessage", []error{lost, away, lost}, nil, 4},
		{"an unknown method that was lost", false, "Mystery", []error{lost}, lost, 1},
		{"a refusal", true, "SendMessage", []error{no}, no, 1},
		{"a read of a store that is of no use", true, "EnumerateOrgs", []error{lost, stuck}, stuck, 2},
		{"a write that meets a store that is of no use", true, "SendMessage", []error{stuck}, stuck, 1},
		{"a write that was lost before that", true, "SendMessage", []error{lost, stuck}, flow.Uncertain, 2},
		{"what is away for ever", true, "EnumerateOrgs", slices.Repeat([]error{away}, 50), away, 13},
		{"a write that was lost and then is away for ever", true, "SendMessage", append([]error{lost}, slices.Repeat([]error{away}, 50)...), lost, 13},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &outside{answer: greet(tt.own, failing(tt.fails...))}
				_, err := flow.NewClient(o, ada).Call(t.Context(), tt.method, json.RawMessage(`{"Text":"x"}`))
				if !errors.Is(err, tt.want) {
					t.Errorf("error is %v, want %v", err, tt.want)
				}
				times := 0
				var ids []string
				for i, name := range o.methods() {
					if name != tt.method {
						continue
					}
					times++
					var call flow.Call
					if err := json.Unmarshal([]byte(o.calls[i][len(name):]), &call); err != nil {
						t.Fatal(err)
					}
					ids = append(ids, string(call.Request))
				}
				if times != tt.times {
					t.Errorf("the method was called %d times, want %d", times, tt.times)
				}
				if ids = slices.Compact(ids); len(ids) != 1 || (ids[0] == "") != (tt.method == "EnumerateOrgs") {
					t.Errorf("the request ids are %q, want one for all attempts at a write and none for a read", ids)
				}
			})
		})
	}
}

// A backend that ends while the session is opened costs the caller nothing: no part of
// its call was sent.
func TestClientRepeatsTheOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := failing(flow.Errorf(flow.Uncertain, "lost"), flow.Errorf(flow.Unavailable, "away"))
		ok := greet(false, pong)
		o := &outside{}
		o.answer = func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
			if method == "StartUp" {
				if _, err := lost(ctx, method, params); err != nil {
					o.restart()
					return nil, err
				}
			}
			return ok(ctx, method, params)
		}
		if _, err := flow.NewClient(o, ada).Call(t.Context(), "SendMessage", json.RawMessage(`{}`)); err != nil {
			t.Error(err)
		}
	})
}

func TestClientFailsAtOnceWithoutABackend(t *testing.T) {
	o := &outside{down: flow.Errorf(flow.Unavailable, "the backend does not start")}
	_, err := flow.NewClient(o, ada).Call(t.Context(), "Ping", json.RawMessage(`{}`))
	if err != o.down {
		t.Errorf("error is %v, want %v", err, o.down)
	}
}

func TestClientReportsAnUnknownAccount(t *testing.T) {
	o := &outside{}
	o.answer = func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
		if method == "StartUp" {
			return nil, flow.Errorf(flow.NotFound, "Unknown account")
		}
		return greet(false, pong)(ctx, method, params)
	}
	_, err := flow.NewClient(o, ada).Call(t.Context(), "Ping", json.RawMessage(`{}`))
	if !errors.Is(err, flow.NotFound) {
		t.Errorf("error is %v, want %v", err, flow.NotFound)
	}
}

// Zero is no session: a backend that says so has opened none.
func TestClientRefusesNoSession(t *testing.T) {
	for _, said := range []string{"null", "{}", `{"SessionID":0}`} {
		o := &outside{generation: 1, answer: func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
			return json.RawMessage(said), nil
		}}
		c := flow.NewClient(o, flow.Setup{Username: "ana"})
		for range 2 {
			if _, err := c.Identity(t.Context()); flow.CodeOf(err) != flow.Internal {
				t.Errorf("a backend that opens the session %s: %v", said, err)
			}
		}
	}
}

func TestKeyedCallsCarryTheirKey(t *testing.T) {
	o := &outside{answer: greet(true, pong)}
	c := flow.NewClient(o, ada)
	for _, caller := range []flow.Caller{c.Keyed("K"), flow.Session{Caller: o, ID: 7}.Keyed("K")} {
		if _, err := caller.Call(t.Context(), "SendMessage", json.RawMessage(`{"Text":"x"}`)); err != nil {
			t.Fatal(err)
		}
		var call flow.Call
		last := o.calls[len(o.calls)-1]
		if err := json.Unmarshal([]byte(last[len("SendMessage"):]), &call); err != nil {
			t.Fatal(err)
		}
		if want := (flow.Call{Session: 7, Request: "K"}); call != want {
			t.Errorf("the call carries %+v, want %+v", call, want)
		}
	}
}

func TestParametersMustBeAnObject(t *testing.T) {
	o := &outside{answer: greet(true, pong)}
	c := flow.NewClient(o, ada)
	for _, params := range []string{``, ` `, `null`, `[]`, `{`, `"x"`} {
		if _, err := c.Call(t.Context(), "Ping", json.RawMessage(params)); !errors.Is(err, flow.Invalid) {
			t.Errorf("parameters %q: error is %v, want %v", params, err, flow.Invalid)
		}
	}
}

// news answers polls with what is sent to it.
type news chan string

func (n news) answer(ctx context.Context, method string, _ json.RawMessage) (json.RawMessage, error) {
	select {
	case text := <-n:
		if text == "lost" {
			return nil, flow.Errorf(flow.Uncertain, "lost")
		}
		if text == "foreign" {
			return nil, flow.Errorf(flow.Invalid, "the cursor is not in this log")
		}
		return json.RawMessage(text), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func TestNotifications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := make(news)
		o := &outside{answer: greet(true, n.answer)}
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan string)
		go func() {
			defer close(got)
			for notification, err := range flow.NewClient(o, ada).Notifications(ctx) {
				if err != nil {
					got <- err.Error()
					continue
				}
				got <- string(notification.Type)
			}
		}()
		expect := func(want ...string) {
			t.Helper()
			for _, one := range want {
				if text := <-got; text != one {
					t.Fatalf("got %q, want %q", text, one)
				}
			}
		}
		expect("connected")
		n <- `[{"type":"message","data":{}},{"type":"hwm","data":[]}]`
		expect("message", "hwm")
		n <- `{"type":"channel","data":[]}` // as some backends answer
		expect("channel")
		for _, nothing := range []string{`[]`, `null`, `{}`} {
			n <- nothing
		}
		n <- "lost" // the connection only: the backend is the same
		expect("lost")
		n <- `[{"type":"org","data":[]}]`
		expect("org")
		synctest.Wait() // until the next poll is under way
		o.restart()
		n <- "lost"
		expect("lost", "connected")
		cancel()
		if text, more := <-got; more {
			t.Errorf("after the end of its context the iterator yields %q", text)
		}
	})
}

// The backend is told what arrived when it cannot know: after an answer that may have been
// lost, and when it is another one.
func TestNotificationsGoOnWhereTheyWere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := make(news)
		o := &outside{answer: greet(true, n.answer)}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for range flow.NewClient(o, ada).Notifications(ctx) {
			}
		}()
		n <- `[{"type":"org","data":[],"seq":4},{"type":"hwm","data":[],"seq":6}]`
		n <- `[{"type":"notify-event","data":{"EventCode":6}}]`
		n <- "lost"
		n <- `[{"type":"org","data":[],"seq":9}]`
		synctest.Wait()
		o.restart()
		n <- `[]` // the old one's last word
		n <- "foreign"
		n <- `[]`
		synctest.Wait()
		cancel()
		var polls []string
		for _, call := range o.calls {
			if poll, ok := strings.CutPrefix(call, "WaitForNotification "); ok {
				polls = append(polls, poll)
			}
		}
		want := []string{
			`{"SessionID":7}`, `{"SessionID":7}`, `{"SessionID":7}`,
			`{"SessionID":7,"After":6}`, `{"SessionID":7}`,
			`{"SessionID":7,"After":9}`, `{"SessionID":7}`, `{"SessionID":7}`,
		}
		if diff := cmp.Diff(want, polls); diff != "" {
			t.Errorf("polls (-want +got):\n%s", diff)
		}
	})
}

// A backend that stays away must not keep a core busy, however long it stays away.
func TestNotificationsWaitBetweenErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outside{down: flow.Errorf(flow.Unavailable, "away")}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		errs := 0
		for _, err := range flow.NewClient(o, ada).Notifications(ctx) {
			if err == nil {
				t.Fatal("a notification from nowhere")
			}
			errs++
		}
		if errs < 600 || errs > 620 {
			t.Errorf("%d errors in ten minutes, want about one a second", errs)
		}
	})
}

func TestNotificationsEndWithTheirConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := make(news)
		o := &outside{answer: greet(true, n.answer)}
		for range flow.NewClient(o, ada).Notifications(t.Context()) {
			break
		}
	})
}
