package backend_test

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

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/backend"
)

func TestRefusals(t *testing.T) {
	s := serve(t, &backend.Server{Caller: echo})
	good := fmt.Sprintf(`{"method":"Ping","params":[{}],"token":%q}`, s.Token)
	tests := []struct {
		name         string
		method, path string
		head         map[string]string
		body         string
		status       int
		want         string // in the error; empty for success
	}{
		{name: "call", status: 200},
		{name: "by the name localhost", head: map[string]string{"Host": fmt.Sprintf("LocalHost:%d", s.Port)}, status: 200},
		{name: "by the other loopback address", head: map[string]string{"Host": fmt.Sprintf("[::1]:%d", s.Port)}, status: 200},
		{name: "JSON with a charset", head: map[string]string{"Content-Type": "application/json; charset=utf-8"}, status: 200},
		{name: "JSON of another kind", head: map[string]string{"Content-Type": "application/rpc+json"}, status: 200},
		{name: "no content type", head: map[string]string{"Content-Type": ""}, status: 200},

		{name: "foreign host", head: map[string]string{"Host": "evil.example"}, status: 403, want: "127.0.0.1"},
		{name: "rebound host", head: map[string]string{"Host": fmt.Sprintf("evil.example:%d", s.Port)}, status: 403, want: "127.0.0.1"},
		{name: "foreign port", head: map[string]string{"Host": "127.0.0.1:1"}, status: 403, want: "127.0.0.1"},
		{name: "no port", head: map[string]string{"Host": "127.0.0.1"}, status: 403, want: "127.0.0.1"},
		{name: "from a page", head: map[string]string{"Origin": "http://evil.example"}, status: 403, want: "Origin"},
		{name: "from a page without origin", head: map[string]string{"Origin": "null"}, status: 403, want: "Origin"},
		{name: "from a page of this port", head: map[string]string{"Origin": "http://" + s.address()}, status: 403, want: "Origin"},
		{name: "linked", head: map[string]string{"Referer": "http://evil.example/"}, status: 403, want: "Referer"},
		{name: "form", head: map[string]string{"Content-Type": "text/plain"}, status: 415, want: "application/json"},
		{name: "broken content type", head: map[string]string{"Content-Type": "a/b/c;;"}, status: 415, want: "application/json"},
		{name: "other path", path: "/", status: 404, want: "/rpc"},
		{name: "longer path", path: "/rpc/", status: 404, want: "/rpc"},
		{name: "GET", method: "GET", status: 405, want: "POST"},
		{name: "preflight", method: "OPTIONS", status: 405, want: "POST"},

		{name: "empty body", body: " ", status: 400, want: "JSON object"},
		{name: "no JSON", body: "method=Ping", status: 400, want: "JSON object"},
		{name: "cut JSON", body: good[:len(good)-1], status: 400, want: "JSON object"},
		{name: "two values", body: good + good, status: 400, want: "JSON object"},
		{name: "a list", body: "[" + good + "]", status: 400, want: "JSON object"},
		{name: "no method", body: fmt.Sprintf(`{"token":%q}`, s.Token), status: 400, want: "method"},
		{name: "two parameter objects", body: fmt.Sprintf(`{"method":"Ping","params":[{},{}],"token":%q}`, s.Token), status: 400, want: "one object"},
		{name: "no token", body: `{"method":"Ping","params":[{}]}`, status: 200, want: "invalid token"},
		{name: "empty token", body: `{"method":"Ping","params":[{}],"token":""}`, status: 200, want: "invalid token"},
		{name: "wrong token", body: fmt.Sprintf(`{"method":"Ping","params":[{}],"token":%q}`, s.Token[:25]+"!"), status: 200, want: "invalid token"},
		{name: "part of the token", body: fmt.Sprintf(`{"method":"Ping","params":[{}],"token":%q}`, s.Token[:25]), status: 200, want: "invalid token"},
		{name: "wrong token, unknown method", body: `{"method":"NoSuchThing","params":[{}],"token":"x"}`, status: 200, want: "invalid token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			method, path, body := "POST", "/rpc", good
			if tt.method != "" {
				method = tt.method
			}
			if tt.path != "" {
				path = tt.path
			}
			if tt.body != "" {
				body = tt.body
			}
			r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.address()+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			for name, value := range tt.head {
				switch {
				case name == "Host":
					r.Host = value
				case value == "":
					r.Header.Del(name)
				default:
					r.Header.Set(name, value)
				}
			}
			status, head, reply := do(t, r)
			if status != tt.status {
				t.Errorf("status is %d, want %d", status, tt.status)
			}
			if got := head.Get("Content-Type"); got != "application/json; charset=utf-8" {
				t.Errorf("Content-Type is %q", got)
			}
			for name := range head {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("the reply has %s, which invites web pages", name)
				}
			}
			text, failed := reply["error"].(string)
			if _, there := reply["error"]; there != failed {
				t.Errorf("error is %v: programs need a string or no such member", reply["error"])
			}
			if failed != (tt.want != "") || !strings.Contains(text, tt.want) {
				t.Errorf("error is %q, want one with %q", text, tt.want)
			}
		})
	}
}

// A body that is announced as too long is refused before it is sent.
func TestLongBody(t *testing.T) {
	s := serve(t, &backend.Server{Caller: echo})
	conn, err := net.Dial("tcp4", s.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /rpc HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", s.address(), flow.MaxRequest+1)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status is %d, want 413", response.StatusCode)
	}
}

// A body without an announced length is measured as it arrives. The server may hang up
// while it is still being sent.
func TestLongBodyInChunks(t *testing.T) {
	s := serve(t, &backend.Server{Caller: echo})
	conn, err := net.Dial("tcp4", s.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		const size = flow.MaxRequest + 1
		fmt.Fprintf(conn, "POST /rpc HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", s.address(), size)
		io.Copy(conn, io.LimitReader(letters{}, size))
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status is %d, want 413", response.StatusCode)
	}
}

// letters has no end.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// Whoever sends long bodies slowly, with or without a token, keeps nobody else out.
func TestCallsPassSlowLongOnes(t *testing.T) {
	s := serve(t, &backend.Server{Caller: echo})
	for range 20 {
		conn, err := net.Dial("tcp4", s.address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /rpc HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n{", s.address(), flow.MaxRequest)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := s.caller(t).Call(ctx, "Ping", json.RawMessage(`{}`)); err != nil {
		t.Error(err)
	}
}

// do sends a request on a connection of its own and returns the reply's parts.
func do(t testing.TB, r *http.Request) (int, http.Header, map[string]any) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var reply map[string]any
	if err := json.Unmarshal(data, &reply); err != nil {
		t.Fatalf("the reply is no JSON object: %v\n%s", err, data)
	}
	return response.StatusCode, response.Header, reply
}

// The requests and replies of a Python program of 2018, byte for byte.
func TestOldProgram(t *testing.T) {
	engine := answers(func(_ context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
		switch method {
		case "Config", "NewSession":
			return json.RawMessage(`{"SessionID":1}`), nil
		case "StartUp":
			return nil, flow.Errorf(flow.NotFound, "Unknown account")
		case "SendMessage":
			var in struct{ SessionID, Text any }
			if err := json.Unmarshal(params, &in); err != nil {
				return nil, err
			}
			return json.Marshal(fmt.Sprintf("%v said %v", in.SessionID, in.Text))
		case "Pause":
			return nil, nil
		}
		return nil, flow.Errorf(flow.Unsupported, "unknown method %s", method)
	})
	s := serve(t, &backend.Server{Caller: engine})
	tests := []struct{ body, want string }{
		{`{"method": "Config", "params": [{"FlowServHost": "flow.spideroak.com", "FlowServPort": "443", "FlowCurrentVersion": null, "FlowUseTLS": "true"}], "token": "TOKEN"}`,
			`{"result":{"SessionID":1}}`},
		{`{"method": "NewSession", "params": [{}], "token": "TOKEN"}`, `{"result":{"SessionID":1}}`},
		{`{"params": [{"Username": "", "ServerURI": "flow.spideroak.com", "SessionID": 1}], "token": "TOKEN", "method": "StartUp"}`,
			`{"error":"Unknown account","code":"not_found"}`},
		{`{"method": "SendMessage", "params": [{"OrgID": "O", "ChannelID": "C", "Text": "h\u00e9llo \ud83d\ude00", "OtherData": "", "Attachments": null, "SessionID": 1}], "token": "TOKEN"}`,
			`{"result":"1 said héllo 😀"}`},
		{`{"method": "Pause", "params": [{"SessionID": 1}], "token": "TOKEN"}`, `{"result":null}`},
		{`{"method": "Nonsense", "params": [{}], "token": "TOKEN"}`, `{"error":"unknown method Nonsense","code":"unsupported"}`},
		{`{"method": "Config", "params": [{}], "token": "WRONG"}`, `{"error":"invalid token","code":"denied"}`},
	}
	for _, tt := range tests {
		body := strings.Replace(tt.body, "TOKEN", s.Token, 1)
		request := fmt.Sprintf("POST /rpc HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: python-requests/2.31.0\r\n"+
			"Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n"+
			"Content-type: application/json\r\nContent-Length: %d\r\n\r\n%s", s.Port, len(body), body)
		conn, err := net.Dial("tcp4", s.address())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, request)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		conn.Close()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("reply to %s (-want +got):\n%s", tt.body, diff)
		}
	}
}

// Whatever is posted, the reply is one that every client can read, and the caller is
// reached by whole requests with the token only.
func FuzzRPC(f *testing.F) {
	for _, seed := range []string{
		`{"method":"Ping","params":[{"SessionID":1}],"token":"TOKEN"}`,
		`{"method":"Ping","params":null,"token":"TOKEN","id":5}`,
		`{"Method":"Ping","PARAMS":[null],"Token":"TOKEN"}`,
		`{"method":"Fail","params":[{}],"token":"TOKEN"}`,
		`{"method":"","token":"TOKEN"}`, `{"method":"Ping","token":"TOKE"}`, `[]`, `null`, `"TOKEN"`, "\xff\x00",
	} {
		f.Add([]byte(seed))
	}
	reached := make(chan string, 1)
	s := serve(f, &backend.Server{Caller: answers(func(_ context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
		reached <- method
		if method == "Fail" {
			return nil, flow.Errorf(flow.Invalid, "%s", params)
		}
		return params, nil
	})})
	client := http.Client{Timeout: patience}
	f.Fuzz(func(t *testing.T, body []byte) {
		body = []byte(strings.ReplaceAll(string(body), "TOKEN", s.Token))
		response, err := client.Post(s.url(), "application/json", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		var reply map[string]json.RawMessage
		if err := json.Unmarshal(data, &reply); err != nil {
			t.Fatalf("reply is no JSON object: %v\n%s", err, data)
		}
		var text string
		if raw, failed := reply["error"]; failed && (json.Unmarshal(raw, &text) != nil || text == "") {
			t.Fatalf("error is no text: %s", data)
		}
		if _, ok := reply["result"]; ok == (text != "") {
			t.Fatalf("want either a result or an error: %s", data)
		}
		select {
		case method := <-reached:
			request, err := flow.DecodeRequest(body)
			if err != nil || request.Token != s.Token || request.Method != method {
				t.Fatalf("%q reached the caller as %s", body, method)
			}
		default:
			if text == "" {
				t.Fatalf("a result although the caller was not asked: %s", data)
			}
		}
	})
}
