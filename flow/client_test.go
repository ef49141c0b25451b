package flow_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

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
	if !errors.Is(err, flow.Unusable) || err.Error() != missing.Error() {
		t.Errorf("error is %v, want that %v is for a person to mend", err, missing)
	}
	if last := o.calls[len(o.calls)-1]; !strings.Contains(last, `"Existing":true`) {
		t.Errorf("the account is started with %s", last)
	}
}

// pings makes so many calls at once.
func pings(t *testing.T, c *flow.Client, n int) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if _, err := flow.Ping.Call(t.Context(), c, flow.PingInput{}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// Many callers at once share one session.
func TestClientSharesItsSession(t *testing.T) {
	o := &outside{answer: greet(true, pong)}
	c := flow.NewClient(o, ada)
	pings(t, c, 20)
	if n := len(o.methods()); n != 23 {
		t.Errorf("%d calls were made, want 3 for the session and 20", n)
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
	if !errors.Is(err, flow.Unusable) {
		t.Errorf("error is %v, want %v", err, flow.Unusable)
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
