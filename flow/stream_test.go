package flow

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// callerFunc answers calls by a function.
type callerFunc func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error)

func (f callerFunc) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	return f(ctx, method, params)
}

// connect returns the calling end of a connection that caller serves.
func connect(t testing.TB, caller Caller) (s *Stream, hangUp func() error) {
	t.Helper()
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- ServeStream(ctx, far, caller) }()
	s = NewStream(near, StreamOptions{})
	hangUp = sync.OnceValue(func() error {
		cancel()
		return <-served
	})
	t.Cleanup(func() {
		s.Close()
		hangUp()
	})
	return s, hangUp
}

// echo answers with what it got.
func echo(_ context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if method == "fail" {
		return nil, Errorf(NotFound, "there is no %s", params)
	}
	return params, nil
}

func TestStreamManyAtOnce(t *testing.T) {
	s, _ := connect(t, callerFunc(echo))
	var calls sync.WaitGroup
	for i := range 100 {
		calls.Go(func() {
			want := fmt.Sprintf(`{"number":%d,"pad":%q}`, i, strings.Repeat("x", i*40))
			got, err := s.Call(t.Context(), "echo", json.RawMessage(want))
			if err != nil || string(got) != want {
				t.Errorf("call %d: %.60s, %v", i, got, err)
			}
			if _, err := s.Call(t.Context(), "fail", json.RawMessage(`{}`)); !errors.Is(err, NotFound) {
				t.Errorf("call %d: %v, want NotFound", i, err)
			}
		})
	}
	calls.Wait()
}

// The end of a caller's context ends its call on the other side, and no other call.
func TestStreamCancel(t *testing.T) {
	ended := make(chan struct{})
	s, _ := connect(t, callerFunc(func(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
		if method == "wait" {
			<-ctx.Done()
			close(ended)
			return nil, ctx.Err()
		}
		return params, nil
	}))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("had enough")
	go func() {
		_, _ = s.Call(t.Context(), "echo", json.RawMessage(`{}`)) // after wait has been sent, most likely
		cancel(why)
	}()
	if _, err := s.Call(ctx, "wait", json.RawMessage(`{}`)); !errors.Is(err, why) {
		t.Errorf("the call ended with %v", err)
	}
	<-ended
	if _, err := s.Call(t.Context(), "echo", json.RawMessage(`{}`)); err != nil {
		t.Errorf("another call ended with %v", err)
	}
}

func TestStreamLost(t *testing.T) {
	under := make(chan struct{})
	s, hangUp := connect(t, callerFunc(func(ctx context.Context, _ string, _ json.RawMessage) (json.RawMessage, error) {
		close(under)
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	result := make(chan error)
	go func() {
		_, err := s.Call(t.Context(), "wait", json.RawMessage(`{}`))
		select {
		case <-s.Done():
		default:
			t.Error("a call failed before the stream was known to be lost")
		}
		result <- err
	}()
	<-under
	if err := hangUp(); err != nil {
		t.Errorf("the serving end says %v", err)
	}
	if err := <-result; !errors.Is(err, Uncertain) {
		t.Errorf("the call under way ended with %v", err)
	}
	if _, err := s.Call(t.Context(), "late", json.RawMessage(`{}`)); !errors.Is(err, Unavailable) {
		t.Errorf("a later call ended with %v", err)
	}
}

// When the calling end hangs up, what it asked for ends.
func TestStreamHungUp(t *testing.T) {
	near, far := net.Pipe()
	served := make(chan error)
	under := make(chan struct{})
	go func() {
		served <- ServeStream(t.Context(), far, callerFunc(func(ctx context.Context, _ string, _ json.RawMessage) (json.RawMessage, error) {
			close(under)
			<-ctx.Done()
			return nil, ctx.Err()
		}))
	}()
	s := NewStream(near, StreamOptions{})
	result := make(chan error)
	go func() {
		_, err := s.Call(t.Context(), "wait", json.RawMessage(`{}`))
		result <- err
	}()
	<-under
	s.Close()
	if err := <-served; err != nil {
		t.Errorf("the serving end says %v", err)
	}
	if err := <-result; !errors.Is(err, Uncertain) {
		t.Errorf("the call ended with %v", err)
	}
}

// Whoever leaves its end unread loses the connection after a while, and until then only
// a bounded amount waits for it.
func TestStreamUnread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		served := make(chan error)
		go func() { served <- ServeStream(t.Context(), far, callerFunc(echo)) }()
		begun := time.Now()
		big := json.RawMessage(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`)
		for id := uint64(1); id < 20; id++ {
			request := EncodeRequest(id, "echo", big, "")
			if _, err := near.Write(binary.BigEndian.AppendUint32(nil, uint32(len(request)))); err != nil {
				break
			}
			if _, err := near.Write(request); err != nil {
				break
			}
		}
		<-served
		if d := time.Since(begun); d != writePatience {
			t.Errorf("the connection was dropped after %v, want %v", d, writePatience)
		}
	})
}

func TestServeStreamRefuses(t *testing.T) {
	long := binary.BigEndian.AppendUint32(nil, MaxFrame+1)
	cases := map[string][]byte{
		"no JSON":      frameOf("hello"),
		"no id":        frameOf(`{"method":"a","params":[{},{}]}`),
		"long frame":   long,
		"broken frame": frameOf(`{"id":1,"method":"echo"}`)[:9],
	}
	for name, bytes := range cases {
		t.Run(name, func(t *testing.T) {
			near, far := net.Pipe()
			served := make(chan error)
			go func() { served <- ServeStream(t.Context(), far, callerFunc(echo)) }()
			if _, err := near.Write(bytes); err != nil {
				t.Fatal(err)
			}
			if name == "broken frame" {
				near.Close()
			}
			if err := <-served; err == nil {
				t.Error("it was not refused")
			}
			near.Close()
		})
	}
}

// A call that cannot be right fails alone.
func TestStreamWrongCall(t *testing.T) {
	s, _ := connect(t, callerFunc(func(_ context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
		switch {
		case !json.Valid(params):
			return nil, Errorf(Invalid, "no JSON")
		case method == "much":
			return json.RawMessage(`"` + strings.Repeat("x", MaxFrame/2) + `"`), nil
		}
		return params, nil
	}))
	long := `{"a":"` + strings.Repeat("x", MaxFrame/2) + `"}`
	for _, call := range [][2]string{{"echo", "{"}, {"echo", "[]"}, {"echo", "{},{}"}, {"", "{}"}, {"echo", long}, {"much", "{}"}} {
		if got, err := s.Call(t.Context(), call[0], json.RawMessage(call[1])); !errors.Is(err, Invalid) {
			t.Errorf("%s(%.20s) = %.20s, %v, want Invalid", call[0], call[1], got, err)
		}
	}
	if _, err := s.Call(t.Context(), "echo", json.RawMessage("{}")); err != nil {
		t.Errorf("a right call ended with %v", err)
	}
}

func frameOf(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

// Whatever arrives, reading frames ends, and what it returns is what was written.
func FuzzReadFrame(f *testing.F) {
	f.Add(frameOf(""))
	f.Add(frameOf(`{"id":1,"method":"Ping","params":[{}]}`))
	f.Add(append(frameOf("{}"), 0, 0, 0))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bufio.NewReader(bytes.NewReader(data))
		var again []byte
		for {
			frame, err := readFrame(in)
			if err != nil {
				break
			}
			again = append(again, frameOf(string(frame))...)
			reply, err := DecodeReply(frame)
			if err == nil && !json.Valid(reply.Result) {
				t.Errorf("reply %d has the result %q", reply.ID, reply.Result)
			}
		}
		if !bytes.HasPrefix(data, again) {
			t.Errorf("%q was read as %q", data, again)
		}
	})
}

// Whatever the other end sends, serving it ends when it hangs up, with well-formed replies.
func FuzzServeStream(f *testing.F) {
	f.Add(frameOf(`{"id":1,"method":"echo","params":[{"a":1}]}`))
	f.Add(append(frameOf(`{"id":1,"method":"fail"}`), frameOf(`{"id":1,"method":"$cancel"}`)...))
	f.Add(frameOf(`{"id":18446744073709551615,"method":"\u0000","params":null,"token":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		near, far := net.Pipe()
		served := make(chan error)
		go func() { served <- ServeStream(t.Context(), far, callerFunc(echo)) }()
		replies := make(chan struct{})
		go func() {
			defer close(replies)
			in := bufio.NewReader(near)
			for {
				frame, err := readFrame(in)
				if err != nil {
					return
				}
				if !json.Valid(frame) {
					t.Errorf("the reply %q is not JSON", frame)
				}
			}
		}()
		near.Write(data) // it may be refused half-way
		near.Close()
		<-served
		<-replies
	})
}

func TestReadFrame(t *testing.T) {
	in := bufio.NewReader(strings.NewReader(string(frameOf("one")) + string(frameOf("")) + "\x00\x00"))
	var got []string
	for {
		frame, err := readFrame(in)
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("a broken head: %v", err)
			}
			break
		}
		got = append(got, string(frame))
	}
	if diff := cmp.Diff([]string{"one", ""}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func BenchmarkStream(b *testing.B) {
	for _, inFlight := range []int{1, 100} {
		b.Run(fmt.Sprintf("inFlight=%d", inFlight), func(b *testing.B) {
			dir := b.TempDir()
			listener, err := net.Listen("unix", dir+"/s")
			if err != nil {
				b.Fatal(err)
			}
			defer listener.Close()
			go func() {
				conn, err := listener.Accept()
				if err == nil {
					ServeStream(b.Context(), conn, callerFunc(echo))
				}
			}()
			conn, err := net.Dial("unix", listener.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			s := NewStream(conn, StreamOptions{})
			defer s.Close()
			params := json.RawMessage(`{"SessionID":1,"RequestID":"0190b5a0-0000-7000-8000-000000000000","ChannelID":"ABC","Text":"the quick brown fox"}`)
			b.ReportAllocs()
			b.SetParallelism(max(1, inFlight/2))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := s.Call(b.Context(), "echo", params); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
