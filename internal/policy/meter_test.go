package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/policy"
)

// failing is a backend whose calls end with an error, or with nothing wrong.
type failing struct{ err error }

func (f *failing) Call(context.Context, string, json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(`"ID"`), f.err
}

// A call that surely did nothing costs nothing. One of which nobody knows does, or else
// calls that are cancelled in time would be free; but to repeat it is free.
func TestWhatIsGivenBack(t *testing.T) {
	sure := []flow.Code{flow.Invalid, flow.NotFound, flow.Denied, flow.Conflict, flow.Unsupported, flow.Unavailable, flow.Unusable, flow.UnknownSession}
	tests := map[string]struct {
		err   error
		costs bool
	}{
		"done":      {nil, true},
		"cancelled": {fmt.Errorf("call the backend: %w", context.Canceled), true},
		"too slow":  {context.DeadlineExceeded, true},
		"lost":      {flow.Errorf(flow.Uncertain, "the backend went away"), true},
		"defect":    {flow.Errorf(flow.Internal, "a defect"), true},
		"other":     {errors.New("something else"), true},
	}
	for _, code := range sure {
		tests[string(code)] = struct {
			err   error
			costs bool
		}{flow.Errorf(code, "refused"), false}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			backend := &failing{test.err}
			p, err := policy.Parse([]byte("[limits]\nmessages_per_minute = 1\n"))
			if err != nil {
				t.Fatal(err)
			}
			past, err := policy.New(p, fixed{backend}, nil).Endpoint(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			send := func(key string) error {
				to := flow.Session{Caller: past.Caller, ID: 1}.Keyed(flow.RequestID(key))
				_, err := flow.SendMessage.Call(t.Context(), to, flow.SendMessageInput{ChannelID: "C", Text: "x"})
				return err
			}
			if err := send("first"); !errors.Is(err, test.err) {
				t.Fatalf("the first ended with %v, want %v", err, test.err)
			}
			backend.err = nil
			if test.costs {
				if err := send("first"); err != nil {
					t.Errorf("the first again: %v", err)
				}
			}
			err = send("second")
			if refused := err != nil && strings.Contains(err.Error(), "1 messages a minute"); refused != test.costs {
				t.Errorf("the second ended with %v", err)
			}
			if test.costs {
				return
			}
			if err := send("first"); flow.CodeOf(err) != flow.Denied {
				t.Errorf("the first, which was given back, counts no more: %v", err)
			}
		})
	}
}
