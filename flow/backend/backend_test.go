package backend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/backend"
)

// patience bounds what should take no time, on a busy machine too.
const patience = time.Minute

// answers is the outside of these tests: it stands for an engine.
type answers func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error)

func (a answers) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	return a(ctx, method, params)
}

// echo answers with what it was asked.
var echo = answers(func(_ context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	return json.Marshal(map[string]any{"method": method, "params": params})
})

// writes keeps what each Write got.
type writes struct {
	mu  sync.Mutex
	got []string
	any chan struct{} // closed with the first
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.got = append(w.got, string(p)); len(w.got) == 1 {
		close(w.any)
	}
	return len(p), nil
}

// running is a server under test.
type running struct {
	Port  int
	Token string
	Ready *writes
	stop  func() error
}

// Stop ends the server and returns what Serve returned.
func (r *running) Stop() error { return r.stop() }

func (r *running) address() string { return fmt.Sprintf("127.0.0.1:%d", r.Port) }

func (r *running) url() string { return "http://" + r.address() + "/rpc" }

func (r *running) caller(t testing.TB) *flow.HTTP {
	c := flow.NewHTTP(r.Port, r.Token)
	t.Cleanup(c.Close)
	return c
}

var line = regexp.MustCompile(`^\{"token":"([A-Za-z0-9]{20,})", "port":"([1-9][0-9]*)"\}\n$`)

func serve(t testing.TB, s *backend.Server) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{Ready: &writes{any: make(chan struct{})}}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, 0, r.Ready) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return fmt.Errorf("Serve has not returned within %v", patience)
		}
	})
	t.Cleanup(func() { r.stop() })
	select {
	case <-r.Ready.any:
	case err := <-ended:
		t.Fatalf("Serve ended at once: %v", err)
	}
	parts := line.FindStringSubmatch(r.Ready.got[0])
	if parts == nil {
		t.Fatalf("handshake is %q, want the form %s", r.Ready.got[0], line)
	}
	r.Token = parts[1]
	fmt.Sscan(parts[2], &r.Port)
	return r
}

func TestHandshake(t *testing.T) {
	a := serve(t, &backend.Server{Caller: echo})
	b := serve(t, &backend.Server{Caller: echo})
	if a.Token == b.Token {
		t.Errorf("two servers have the same token")
	}
	if err := a.Stop(); err != nil {
		t.Errorf("Serve returned %v, want nil", err)
	}
	if n := len(a.Ready.got); n != 1 {
		t.Errorf("the server wrote %d times to its standard output, want once: %q", n, a.Ready.got)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestHandshakeThatCannotBeWritten(t *testing.T) {
	err := (&backend.Server{Caller: echo}).Serve(t.Context(), 0, broken{})
	if err == nil || !strings.Contains(err.Error(), "handshake") {
		t.Errorf("Serve returned %v, want an error about the handshake", err)
	}
}

func TestPortInUse(t *testing.T) {
	a := serve(t, &backend.Server{Caller: echo})
	err := (&backend.Server{Caller: echo}).Serve(t.Context(), a.Port, io.Discard)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(a.Port)) {
		t.Errorf("Serve on a port in use returned %v, want an error that names the port", err)
	}
}

// blocking answers polls when their context ends or something is sent to it.
type blocking struct {
	began, ended chan struct{}
	news         chan string
}

func newBlocking() *blocking {
	return &blocking{make(chan struct{}, 1000), make(chan struct{}, 1000), make(chan string)}
}

func (b *blocking) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if method != "WaitForNotification" {
		return echo(ctx, method, params)
	}
	b.began <- struct{}{}
	defer func() { b.ended <- struct{}{} }()
	select {
	case text := <-b.news:
		return json.Marshal(text)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("still waiting after %v: %s", patience, what)
	}
}

func TestCallsWhileAPollBlocks(t *testing.T) {
	engine := newBlocking()
	s := serve(t, &backend.Server{Caller: engine})
	caller := s.caller(t)
	polled := make(chan string, 1)
	go func() {
		result, err := caller.Call(context.WithoutCancel(t.Context()), "WaitForNotification", json.RawMessage(`{}`))
		polled <- fmt.Sprint(string(result), err)
	}()
	await(t, "the poll to reach the engine", engine.began)

	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			params := json.RawMessage(fmt.Sprintf(`{"n":%d}`, i))
			result, err := caller.Call(t.Context(), "Ping", params)
			if want := fmt.Sprintf(`{"method":"Ping","params":{"n":%d}}`, i); string(result) != want || err != nil {
				t.Errorf("reply is %s, %v; want %s", result, err, want)
			}
		})
	}
	all.Wait()
	engine.news <- "news"
	if got := <-polled; got != `"news"<nil>` {
		t.Errorf("the poll returned %s, want the news", got)
	}
}

func TestPollEndsWhenTheClientGoesAway(t *testing.T) {
	engine := newBlocking()
	s := serve(t, &backend.Server{Caller: engine})
	ctx, hangUp := context.WithCancel(t.Context())
	polled := make(chan error, 1)
	go func() {
		_, err := s.caller(t).Call(ctx, "WaitForNotification", json.RawMessage(`{}`))
		polled <- err
	}()
	await(t, "the poll to reach the engine", engine.began)
	hangUp()
	await(t, "the poll to end in the engine", engine.ended)
	if err := <-polled; err != context.Canceled {
		t.Errorf("the poll returned %v, want %v", err, context.Canceled)
	}
}

func TestStopWithABlockedPoll(t *testing.T) {
	engine := newBlocking()
	s := serve(t, &backend.Server{Caller: engine})
	caller := s.caller(t)
	if _, err := caller.Call(t.Context(), "Ping", json.RawMessage(`{}`)); err != nil {
		t.Fatal(err) // leaves an idle connection
	}
	silent, err := net.Dial("tcp4", s.address())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	polled := make(chan error, 1)
	go func() {
		_, err := caller.Call(context.WithoutCancel(t.Context()), "WaitForNotification", json.RawMessage(`{}`))
		polled <- err
	}()
	await(t, "the poll to reach the engine", engine.began)
	if err := s.Stop(); err != nil {
		t.Errorf("Serve returned %v, want nil", err)
	}
	if err := <-polled; flow.CodeOf(err) != flow.Uncertain {
		t.Errorf("the poll returned %v, want that its connection was lost (%v)", err, flow.Uncertain)
	}
	_, err = caller.Call(context.WithoutCancel(t.Context()), "Ping", json.RawMessage(`{}`))
	if flow.CodeOf(err) != flow.Unavailable {
		t.Errorf("a call after the end returned %v, want %v", err, flow.Unavailable)
	}
}

// A caller that does not listen to its context cannot keep the process from ending.
func TestStopWithADeafCall(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	deaf := answers(func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
		close(began)
		<-release
		return nil, nil
	})
	s := serve(t, &backend.Server{Caller: deaf})
	go s.caller(t).Call(context.WithoutCancel(t.Context()), "Ping", json.RawMessage(`{}`))
	await(t, "the call to begin", began)
	if err := s.Stop(); err == nil || !strings.Contains(err.Error(), "call") {
		t.Errorf("Serve returned %v, want an error that a call goes on", err)
	}
}

// Calls that wait take up three of four places at most, so that others can be made.
func TestTooManyCalls(t *testing.T) {
	engine := newBlocking()
	s := serve(t, &backend.Server{Caller: engine, MaxCalls: 4})
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	caller := s.caller(t)
	for range 3 {
		go caller.Call(ctx, "WaitForNotification", json.RawMessage(`{}`))
		await(t, "the poll to begin", engine.began)
	}
	wait := func() error {
		_, err := caller.Call(t.Context(), "EnumerateEvents", json.RawMessage(`{"WaitMilliseconds":1}`))
		return err
	}
	err := wait()
	if flow.CodeOf(err) != flow.Unavailable || !strings.Contains(err.Error(), "3 calls that wait") {
		t.Errorf("the fourth call that waits returned %v, want that the backend is busy", err)
	}
	if _, err := caller.Call(t.Context(), "Ping", json.RawMessage(`{}`)); err != nil {
		t.Errorf("a call that does not wait returned %v", err)
	}
	hangUp()
	// The places come back with the polls' end, which the engine tells a moment early.
	for range 3 {
		await(t, "the poll to end", engine.ended)
	}
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); {
		err = wait()
	}
	if err != nil {
		t.Errorf("a call after the polls ended returned %v", err)
	}
}

func TestDefectsOfTheCaller(t *testing.T) {
	const secret = "attack at dawn"
	engine := answers(func(_ context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
		switch method {
		case "Ping":
			panic("we attack at dawn")
		case "BuildNumber":
			return nil, fmt.Errorf("disk I/O error")
		}
		return nil, flow.Errorf(flow.Denied, "you may not say %s", params)
	})
	var log lockedBuffer
	s := serve(t, &backend.Server{Caller: engine, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	caller := s.caller(t)
	params := json.RawMessage(fmt.Sprintf(`{"Text":%q}`, secret))
	for method, want := range map[string]string{
		"Ping":        "internal error; the backend's log has the details",
		"BuildNumber": "internal error; the backend's log has the details",
		"SendMessage": fmt.Sprintf(`you may not say {"Text":%q}`, secret),
	} {
		_, err := caller.Call(t.Context(), method, params)
		if err == nil || err.Error() != want {
			t.Errorf("%s failed with %v, want %s", method, err, want)
		}
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"panic=string", "disk I/O error", "backend_test.go", "method=Ping", "method=BuildNumber"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
	for _, never := range []string{secret, s.Token} {
		if strings.Contains(log.String(), never) {
			t.Errorf("the log says %q, which is a secret:\n%s", never, log.String())
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
