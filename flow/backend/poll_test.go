package backend

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

type fails struct{ after time.Duration }

func (f fails) Call(context.Context, string, json.RawMessage) (json.RawMessage, error) {
	time.Sleep(f.after)
	return nil, flow.Errorf(flow.UnknownSession, "Unknown session")
}

// ask asks a handler, and checks how long the reply takes and what it says.
func ask(t *testing.T, h *handler, method string, takes time.Duration, want string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1:8000/rpc",
		strings.NewReader(`{"method":"`+method+`","params":[{}],"token":"T"}`))
	began := time.Now()
	h.ServeHTTP(w, r)
	if took := time.Since(began); took != takes {
		t.Errorf("the reply took %v, want %v", took, takes)
	}
	if got := w.Body.String(); got != want {
		t.Errorf("reply is %s, want %s", got, want)
	}
}

// Programs of the first hour poll again at once after an error.
func TestFailingPollsAreSlow(t *testing.T) {
	tests := []struct {
		name, method string
		fails, takes time.Duration
	}{
		{"a poll that fails at once", "WaitForNotification", 0, time.Second},
		{"a poll that fails soon", "WaitForNotification", 300 * time.Millisecond, time.Second},
		{"a poll that failed after a wait", "WaitForNotification", time.Minute, time.Minute},
		{"any other call", "Ping", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := (&Server{Caller: fails{tt.fails}}).handler(8000, "T")
				ask(t, h, tt.method, tt.takes, `{"error":"Unknown session","code":"unknown_session"}`)
			})
		})
	}
}

// The same where there is no room for a call.
func TestRefusedPollsAreSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := (&Server{Caller: fails{}, MaxCalls: 1}).handler(8000, "T")
		leave, err := h.room.enter(flow.Request{Method: "Ping"})
		if err != nil {
			t.Fatal(err)
		}
		const full = `{"error":"the backend has 1 calls under way, which is its limit; try again","code":"unavailable"}`
		ask(t, h, "WaitForNotification", time.Second, full)
		ask(t, h, "Ping", 0, full)
		leave()
		ask(t, h, "Ping", 0, `{"error":"Unknown session","code":"unknown_session"}`)
	})
}
