package flowtest_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// A program that cannot acknowledge anything, and hangs up in the middle of the first
// answer that it waits for, gets all of it again, and nothing else twice.
func TestAnswerIsCut(t *testing.T) {
	for name, owns := range map[string]bool{"by the owner of the store": true, "by another process": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if !owns {
				begin(t, member(t, dir), "owner")
			}
			port, token := serve(t, dir)
			http := flow.NewHTTP(port, token)
			defer http.Close()
			ben, home := begin(t, http, "ben")
			ana, _ := begin(t, member(t, dir), "ana")
			var want []string
			send := func(text string) {
				t.Helper()
				if _, err := flow.SendMessage.Call(t.Context(), ana, flow.SendMessageInput{ChannelID: home.ChannelID, Text: text}); err != nil {
					t.Fatal(err)
				}
				want = append(want, strings.TrimSpace(text))
			}
			for i := range 80 { // more than a connection holds that nobody reads from
				send(fmt.Sprint(i) + strings.Repeat(" ", flow.MaxText-2))
			}
			cut(t, port, flow.EncodeRequest(0, "WaitForNotification", fmt.Appendf(nil, `{"SessionID":%d}`, ben.ID), token))
			send("end")
			if diff := cmp.Diff(want, hear(t, ben, "end")); diff != "" {
				t.Errorf("what was heard (-sent +heard):\n%s", diff)
			}
		})
	}
}

// begin starts an account of the machine.
func begin(t *testing.T, c flow.Caller, name string) (flow.Session, flow.Home) {
	t.Helper()
	opened, err := flow.NewSession.Call(t.Context(), c, flow.NewSessionInput{})
	if err != nil {
		t.Fatal(err)
	}
	s := flow.Session{Caller: c, ID: opened.SessionID}
	home, err := flow.StartUpLocal.Call(t.Context(), s, flow.StartUpLocalInput{Username: name})
	if err != nil {
		t.Fatal(err)
	}
	return s, home
}

// cut sends a request and hangs up when the answer begins.
func cut(t *testing.T, port int, request []byte) {
	t.Helper()
	conn, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %d\r\n\r\n%s", port, len(request), request)
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 16)
	if _, err := io.ReadFull(conn, head); err != nil || !strings.HasPrefix(string(head), "HTTP/1.1 200") {
		t.Fatalf("the answer begins with %q, %v", head, err)
	}
}

// hear returns the texts that arrive, up to the last one.
func hear(t *testing.T, c flow.Caller, last string) (texts []string) {
	t.Helper()
	for {
		batch, err := flow.WaitForNotification.Call(t.Context(), c, flow.WaitForNotificationInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range batch {
			if n.Type != flow.MessageEvent.Type() {
				continue
			}
			change, err := flow.MessageEvent.Decode(n)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range change.RegularMessages {
				texts = append(texts, strings.TrimSpace(m.Text))
			}
		}
		if len(texts) > 0 && texts[len(texts)-1] == last {
			return texts
		}
	}
}
