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
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1:8000/rpc",
					strings.NewReader(`{"method":"`+tt.method+`","params":[{}],"token":"T"}`))
				began := time.Now()
				h.ServeHTTP(w, r)
				if took := time.Since(began); took != tt.takes {
					t.Errorf("the reply took %v, want %v", took, tt.takes)
				}
				if got, want := w.Body.String(), `{"error":"Unknown session","code":"unknown_session"}`; got != want {
					t.Errorf("reply is %s, want %s", got, want)
				}
			})
		})
	}
}
