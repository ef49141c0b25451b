package flow

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// errStopped is what the calls of these tests fail with while nobody answers.
var errStopped = Errorf(Unusable, "process 7 has stopped")

// givesUp is when a call fails at the latest that was made at once: two looks until the
// stream asks, and five for the answer.
const givesUp = defaultPatience / looksWithin * (asksAt + looksWithin)

// line is the connection of a process that has stopped: the system takes what is sent to it.
type line struct {
	net.Conn
	goes    chan struct{} // closed when the process goes on
	arrived chan []byte
	rest    []byte
}

func (l *line) take() {
	defer close(l.arrived)
	for {
		p := make([]byte, 4096)
		n, err := l.Conn.Read(p)
		if err != nil {
			return
		}
		l.arrived <- p[:n]
	}
}

func (l *line) Read(p []byte) (int, error) {
	<-l.goes
	if len(l.rest) == 0 {
		rest, more := <-l.arrived
		if !more {
			return 0, io.EOF
		}
		l.rest = rest
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// stoppedLine returns a stream to an end that does not read before goOn is called.
func stoppedLine(t *testing.T, caller Caller) (s *Stream, goOn func()) {
	near, far := net.Pipe()
	l := &line{Conn: far, goes: make(chan struct{}), arrived: make(chan []byte, 1000)}
	go l.take()
	goOn = sync.OnceFunc(func() { close(l.goes) })
	served := make(chan error)
	go func() { served <- ServeStream(t.Context(), l, caller) }()
	s = NewStream(near, StreamOptions{Silence: errStopped})
	t.Cleanup(func() {
		s.Close()
		goOn()
		<-served
	})
	return s, goOn
}

// outcome makes a call and tells how and when it ends.
type outcome struct {
	err   error
	after time.Duration
}

func outcomeOf(s *Stream, method, params string) <-chan outcome {
	ended := make(chan outcome, 1)
	began := time.Now()
	go func() {
		_, err := s.Call(context.Background(), method, json.RawMessage(params))
		ended <- outcome{err, time.Since(began)}
	}()
	return ended
}

// When the other end stops, calls fail with what the person has to know, and when it goes
// on they work again, on the same connection. What waits by nature goes on waiting.
func TestStreamSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, goOn := stoppedLine(t, callerFunc(echo))
		calls := map[string]struct {
			method, params string
			want           error
			after          time.Duration
		}{
			"read":  {"EnumerateOrgs", `{}`, errStopped, givesUp},
			"write": {"SendMessage", `{}`, Uncertain, givesUp},
		}
		ended := map[string]<-chan outcome{}
		for name, c := range calls {
			ended[name] = outcomeOf(s, c.method, c.params)
		}
		notified := outcomeOf(s, "WaitForNotification", `{}`)
		for name, c := range calls {
			if got := <-ended[name]; !errors.Is(got.err, c.want) || got.after != c.after {
				t.Errorf("the %s ended with %v after %v, want %v after %v", name, got.err, got.after, c.want, c.after)
			}
		}
		for _, method := range []string{"EnumerateOrgs", "SendMessage", "WaitForNotification"} {
			if got := <-outcomeOf(s, method, `{}`); got.err != errStopped || got.after != 0 {
				t.Errorf("a later %s ended with %v after %v, want %v at once", method, got.err, got.after, errStopped)
			}
		}
		again := s.Silent()
		if again == nil {
			t.Fatal("the stream does not know that it is silent")
		}
		select {
		case <-again:
			t.Fatal("the stream has heard something")
		default:
		}
		goOn()
		<-again
		if got := <-notified; got.err != nil {
			t.Errorf("what waited ended with %v", got.err)
		}
		if got := <-outcomeOf(s, "SendMessage", `{}`); got.err != nil {
			t.Errorf("a call after that ended with %v", got.err)
		}
		if s.Silent() != nil {
			t.Error("the stream is still said to be silent")
		}
	})
}

// Without an error of its own, a stream has a sentence all the same.
func TestStreamSilentUnexplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		s := NewStream(near, StreamOptions{Patience: time.Minute})
		defer s.Close()
		go io.Copy(io.Discard, far)
		got := <-outcomeOf(s, "EnumerateOrgs", `{}`)
		if want := 4 * givesUp; !errors.Is(got.err, Unusable) || got.after != want {
			t.Errorf("it ended with %v after %v, want %v after %v", got.err, got.after, Unusable, want)
		}
	})
}

// An answer that is due later is waited for until then.
func TestStreamSilentDuringAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stoppedLine(t, callerFunc(echo))
		got := <-outcomeOf(s, "EnumerateEvents", `{"WaitMilliseconds":100000}`)
		if want := 100*time.Second + givesUp; got.err != errStopped || got.after > want || got.after < 100*time.Second {
			t.Errorf("it ended with %v after %v, want %v within %v", got.err, got.after, errStopped, want)
		}
	})
}

// Somebody who asks again and again with little patience finds out too.
func TestStreamSilentForTheImpatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := stoppedLine(t, callerFunc(echo))
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := s.Call(ctx, "Ping", json.RawMessage(`{}`))
			cancel()
			if err == errStopped {
				return
			}
		}
		t.Error("it took no notice")
	})
}

// An engine that is busy for long is no silence: the other end says that it is there.
func TestStreamBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const long = 10 * time.Minute
		s, goOn := stoppedLine(t, callerFunc(func(_ context.Context, _ string, params json.RawMessage) (json.RawMessage, error) {
			time.Sleep(long)
			return params, nil
		}))
		goOn()
		if got := <-outcomeOf(s, "EnumerateOrgs", `{}`); got.err != nil || got.after != long {
			t.Errorf("a long call ended with %v after %v", got.err, got.after)
		}
	})
}

// A reply that takes long to arrive is no silence either.
func TestStreamSlowReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		s := NewStream(near, StreamOptions{Silence: errStopped})
		defer s.Close()
		ended := outcomeOf(s, "EnumerateOrgs", `{}`)
		in := bufio.NewReader(far)
		if _, err := readFrame(in); err != nil {
			t.Fatal(err)
		}
		go func() { // who reads on does not answer: the reply has to be enough
			for {
				if _, err := readFrame(in); err != nil {
					return
				}
			}
		}()
		for _, b := range frameOf(`{"id":1,"result":` + strings.Repeat(" ", 20) + `7}`) {
			time.Sleep(defaultPatience)
			if _, err := far.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		if got := <-ended; got.err != nil {
			t.Errorf("it ended with %v after %v", got.err, got.after)
		}
	})
}

// While nobody waits for an answer that is due, nothing is sent and no timer runs.
func TestStreamIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		s := NewStream(near, StreamOptions{Silence: errStopped})
		defer s.Close()
		var frames []string
		go func() {
			in := bufio.NewReader(far)
			for {
				frame, err := readFrame(in)
				if err != nil {
					return
				}
				request, _ := requestOf(frame)
				frames = append(frames, request.Method)
				if request.Method == "Ping" {
					far.Write(frameOf(string(EncodeReply(Reply{ID: request.ID}, nil))))
				}
			}
		}()
		notified := outcomeOf(s, "WaitForNotification", `{}`)
		if got := <-outcomeOf(s, "Ping", `{}`); got.err != nil {
			t.Fatal(got.err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(frames) != 2 {
			t.Errorf("the frames are %q, want those of the calls alone", frames)
		}
		s.mu.Lock()
		if !s.listening.look.IsZero() {
			t.Errorf("a timer runs until %v", s.listening.look)
		}
		s.mu.Unlock()
		far.Close()
		<-notified
	})
}
