package flow_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/flow-mcp/flow-mcp/flow"
)

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
	none := flow.Errorf(flow.UnknownSession, "Unknown session")
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
		{"a read on a session that is none", false, "EnumerateOrgs", []error{none}, nil, 2},
		{"a write on a session that is none", false, "SendMessage", []error{none}, nil, 2},
		{"a write on sessions that are all none", true, "SendMessage", slices.Repeat([]error{none}, 50), none, 2},
		{"a write that was lost with its session", true, "SendMessage", []error{lost, none, away}, nil, 4},
		{"a write that was lost before all sessions were none", true, "SendMessage", []error{lost, none, none}, flow.Uncertain, 3},
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
