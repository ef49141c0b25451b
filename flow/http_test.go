package flow_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// dial returns a caller to a program that answers in place of a backend.
func dial(t *testing.T, program http.HandlerFunc) *flow.HTTP {
	t.Helper()
	server := httptest.NewServer(program)
	t.Cleanup(server.Close)
	return connect(t, server.Listener.Addr())
}

func connect(t *testing.T, address net.Addr) *flow.HTTP {
	caller := flow.NewHTTP(address.(*net.TCPAddr).Port, "TOKEN")
	t.Cleanup(caller.Close)
	return caller
}

func TestHTTPSendsTheEnvelope(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // must not be asked
	caller := dial(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := []string{r.Method, r.URL.Path, r.Header.Get("Content-Type"), string(body)}
		want := []string{"POST", "/rpc", "application/json", `{"method":"Ping","params":[{"a":1}],"token":"TOKEN"}`}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		io.WriteString(w, `{"result":"pong"}`)
	})
	result, err := caller.Call(t.Context(), "Ping", json.RawMessage(`{"a":1}`))
	if string(result) != `"pong"` || err != nil {
		t.Errorf("result is %s, %v; want pong", result, err)
	}
}

func TestHTTPFailures(t *testing.T) {
	hangUp := func(w http.ResponseWriter) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}
	tests := []struct {
		name    string
		program http.HandlerFunc
		want    flow.Code
	}{
		{"refused", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"error":"no","code":"denied"}`)
		}, flow.Denied},
		{"refused with a status", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, `{"error":"busy","code":"unavailable"}`)
		}, flow.Unavailable},
		{"not a backend", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "not found", http.StatusNotFound)
		}, flow.Internal},
		{"went away before the reply", func(w http.ResponseWriter, _ *http.Request) {
			hangUp(w)
		}, flow.Uncertain},
		{"went away during the reply", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"result":`)
			http.NewResponseController(w).Flush()
			hangUp(w)
		}, flow.Uncertain},
		{"a reply that is said to be huge", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000000000000")
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, flow.Internal},
		{"a reply that does not end", func(w http.ResponseWriter, r *http.Request) {
			part := []byte(strings.Repeat(" ", 1<<20))
			for {
				if _, err := w.Write(part); err != nil {
					return
				}
			}
		}, flow.Internal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			result, err := dial(t, tt.program).Call(t.Context(), "Ping", json.RawMessage(`{}`))
			if flow.CodeOf(err) != tt.want || result != nil {
				t.Errorf("result is %s, %v; want an error of kind %s", result, err, tt.want)
			}
		})
	}
}

// Nobody listens on port 1, which no system gives to anybody.
func TestHTTPNobodyThere(t *testing.T) {
	_, err := connect(t, &net.TCPAddr{Port: 1}).Call(t.Context(), "Ping", json.RawMessage(`{}`))
	if flow.CodeOf(err) != flow.Unavailable {
		t.Errorf("error is %v, want %s", err, flow.Unavailable)
	}
}

// Any answer is a sign of life, and the question carries no token.
func TestHTTPAlive(t *testing.T) {
	caller := dial(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if diff := cmp.Diff([]string{"GET", "/", ""}, []string{r.Method, r.URL.String(), string(body)}); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
		http.Error(w, "nothing here", http.StatusNotFound)
	})
	if err := caller.Alive(t.Context()); err != nil {
		t.Errorf("a backend that refuses is taken for dead: %v", err)
	}
	asked := make(chan struct{})
	silent := dial(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-asked
		cancel(enough)
	}()
	if err := silent.Alive(ctx); !errors.Is(err, enough) {
		t.Errorf("error is %v, want %v", err, enough)
	}
}

func TestHTTPSendsNoEndlessRequest(t *testing.T) {
	caller := dial(t, func(http.ResponseWriter, *http.Request) { t.Error("the request was sent") })
	text, _ := json.Marshal(strings.Repeat("x", flow.MaxRequest))
	_, err := caller.Call(t.Context(), "SendMessage", json.RawMessage(`{"Text":`+string(text)+`}`))
	if !errors.Is(err, flow.Invalid) {
		t.Errorf("error is %v, want %s", err, flow.Invalid)
	}
}

// A redirection must not carry the token to somebody else.
func TestHTTPFollowsNoRedirection(t *testing.T) {
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(other.Close)
	caller := dial(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	if _, err := caller.Call(t.Context(), "Ping", json.RawMessage(`{}`)); err == nil {
		t.Error("a redirection is no error")
	}
	if asked {
		t.Error("the redirection was followed")
	}
}

func TestHTTPEndsWithItsContext(t *testing.T) {
	arrived := make(chan struct{})
	caller := dial(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
	})
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(enough)
	}()
	if _, err := caller.Call(ctx, "WaitForNotification", json.RawMessage(`{}`)); !errors.Is(err, enough) {
		t.Errorf("error is %v, want %v", err, enough)
	}
}

func TestHTTPCarriesManyCallsAtOnce(t *testing.T) {
	const calls = 20
	all := make(chan struct{})
	here := make(chan struct{}, calls)
	caller := dial(t, func(w http.ResponseWriter, _ *http.Request) {
		here <- struct{}{}
		<-all
		io.WriteString(w, `{"result":true}`)
	})
	failed := make(chan error, calls)
	for i := range calls {
		go func() {
			_, err := caller.Call(t.Context(), "Ping"+strconv.Itoa(i), json.RawMessage(`{}`))
			failed <- err
		}()
	}
	for range calls {
		<-here
	}
	close(all)
	for range calls {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}
