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
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
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

// Who sends slowly is dropped, also when all he wants is to be refused. Who waits long
// for an answer is not.
func TestSlowClients(t *testing.T) {
	p := poll{make(chan struct{}), make(chan json.RawMessage)}
	s := &Server{Caller: p, headerTime: 50 * time.Millisecond, bodyTime: 50 * time.Millisecond}
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx, 0, writer) }()
	text, err := bufio.NewReader(reader).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var hello struct {
		Token string
		Port  int `json:",string"`
	}
	if err := json.Unmarshal(text, &hello); err != nil {
		t.Fatal(err)
	}
	caller := flow.NewHTTP(hello.Port, hello.Token)
	defer caller.Close()
	polled := make(chan string)
	go func() {
		result, err := caller.Call(context.Background(), "WaitForNotification", json.RawMessage(`{}`))
		polled <- fmt.Sprint(string(result), err)
	}()
	<-p.began

	host := fmt.Sprintf("127.0.0.1:%d", hello.Port)
	for name, part := range map[string]string{
		"nothing":            "",
		"half a head":        "POST /rpc HTTP/1.1\r\nHost: " + host + "\r\n",
		"half a body":        "POST /rpc HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 1000\r\n\r\n{",
		"half a chunk":       "POST /rpc HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{",
		"half a refused one": "POST /rpc HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1000\r\n\r\n{",
	} {
		conn, err := net.Dial("tcp4", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, part)
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		said, err := io.ReadAll(conn)
		if e, ok := err.(net.Error); ok && e.Timeout() {
			t.Errorf("%s: the connection is still open", name)
		}
		if strings.Contains(string(said), fmt.Sprint(http.StatusOK)) {
			t.Errorf("%s: the reply is %q", name, said)
		}
	}
	p.news <- json.RawMessage(`"news"`)
	if got := <-polled; got != `"news"<nil>` {
		t.Errorf("the long poll returned %s, want the news", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
