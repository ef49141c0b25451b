package backend

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// poll answers what is sent to it.
type poll struct {
	began chan struct{}
	news  chan json.RawMessage
}

func (p poll) Call(ctx context.Context, _ string, _ json.RawMessage) (json.RawMessage, error) {
	p.began <- struct{}{}
	select {
	case news := <-p.news:
		return news, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// counter is a listener whose connections are pipes, which keep the time of a bubble.
type counter struct {
	calls  chan net.Conn
	closed context.Context
	close  context.CancelFunc
}

func newCounter(t *testing.T) *counter {
	closed, end := context.WithCancel(t.Context())
	return &counter{make(chan net.Conn), closed, end}
}

func (c *counter) Accept() (net.Conn, error) {
	select {
	case conn := <-c.calls:
		return conn, nil
	case <-c.closed.Done():
		return nil, net.ErrClosed
	}
}

func (c *counter) Addr() net.Addr { return &net.TCPAddr{} }

func (c *counter) Close() error { c.close(); return nil }

// sends makes a connection and sends part of a request, or all of it.
func (c *counter) sends(t *testing.T, part string) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close() })
	c.calls <- far
	if part == "" {
		return near
	}
	if _, err := io.WriteString(near, part); err != nil {
		t.Fatal(err)
	}
	return near
}

// Who sends slowly is dropped, also when all he wants is to be refused. Who waits long
// for an answer is not.
func TestSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := poll{make(chan struct{}), make(chan json.RawMessage)}, newCounter(t)
		ctx, cancel := context.WithCancel(t.Context())
		reader, writer := io.Pipe()
		ended := make(chan error)
		go func() { ended <- (&Server{Caller: p}).serve(ctx, c, 8000, writer) }()
		var hello struct{ Token string }
		if err := json.NewDecoder(reader).Decode(&hello); err != nil {
			t.Fatal(err)
		}
		const head = "POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n"
		body := fmt.Sprintf(`{"method":"WaitForNotification","params":[{}],"token":%q}`, hello.Token)
		waits := c.sends(t, fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(body), body))
		<-p.began

		for name, test := range map[string]struct {
			part string
			most time.Duration
		}{
			"nothing":            {"", headerTime},
			"half a head":        {head, headerTime},
			"half a body":        {head + "Content-Length: 1000\r\n\r\n{", bodyTime},
			"half a chunk":       {head + "Transfer-Encoding: chunked\r\n\r\nff\r\n{", bodyTime},
			"half a refused one": {"POST /rpc HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1000\r\n\r\n{", bodyTime},
		} {
			began := time.Now()
			said, err := io.ReadAll(c.sends(t, test.part))
			if took := time.Since(began); err != nil || took < test.most || took > test.most+time.Second {
				t.Errorf("%s: the connection was dropped after %v (%v), want %v", name, took, err, test.most)
			}
			if strings.HasPrefix(string(said), fmt.Sprint("HTTP/1.1 ", http.StatusOK)) {
				t.Errorf("%s: the reply is %q", name, said)
			}
		}
		time.Sleep(24 * time.Hour)
		p.news <- json.RawMessage(`"news"`)
		reply, err := http.ReadResponse(bufio.NewReader(waits), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(reply.Body); string(got) != `{"result":"news"}` || err != nil {
			t.Errorf("the long poll returned %s, %v, want the news", got, err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
