package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	hello  = `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`
	listen = `{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},` + meta + `}}`
	change = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"test_trigger_tool_change",` + meta + `}}`
	meta   = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
)

func start(t *testing.T) string {
	t.Helper()
	b := newBridge(serve)
	t.Cleanup(b.close)
	web := httptest.NewServer(b)
	t.Cleanup(web.Close)
	return web.URL
}

// post sends a message with headers given as name and value in turn. The caller closes
// the body.
func post(t *testing.T, url, body string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func read(t *testing.T, r *http.Response) string {
	t.Helper()
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestSession(t *testing.T) {
	url := start(t)
	first := post(t, url, hello)
	session := first.Header.Get(headerSession)
	if said := read(t, first); session == "" || !strings.Contains(said, `"protocolVersion":"2025-11-25"`) {
		t.Fatalf("the handshake was answered with session %q and %s", session, said)
	}
	ping := `{"jsonrpc":"2.0","id":1,"method":"ping"}`
	if r := post(t, url, ping, headerSession, session); r.StatusCode != http.StatusOK || read(t, r) == "" {
		t.Errorf("a ping was answered with %s", r.Status)
	}
	end, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	end.Header.Set(headerSession, session)
	if r, err := http.DefaultClient.Do(end); err != nil || r.StatusCode != http.StatusNoContent {
		t.Fatalf("the end was answered with %v %v", r, err)
	}
	if r := post(t, url, ping, headerSession, session); r.StatusCode != http.StatusNotFound || read(t, r) == "" {
		t.Errorf("after the end a ping was answered with %s", r.Status)
	}
}

func TestListen(t *testing.T) {
	url := start(t)
	modern := []string{headerVersion, "2026-07-28", "Mcp-Method"}
	stream := post(t, url, listen, append(modern, "subscriptions/listen")...)
	defer stream.Body.Close()
	events := bufio.NewScanner(stream.Body)
	expect(t, events, "notifications/subscriptions/acknowledged")
	read(t, post(t, url, change, append(modern, "tools/call", "Mcp-Name", "test_trigger_tool_change")...))
	expect(t, events, "notifications/tools/list_changed")
}

// expect reads the next event, which must have a text.
func expect(t *testing.T, events *bufio.Scanner, text string) {
	t.Helper()
	for events.Scan() {
		if line := events.Text(); line != "" {
			if !strings.Contains(line, text) {
				t.Errorf("the stream went on with %s, want %s", line, text)
			}
			return
		}
	}
	t.Errorf("the stream ended before %s", text)
}

func TestForeignPages(t *testing.T) {
	url := start(t)
	for _, origin := range []string{"http://evil.example", "null", "http://localhost.evil.example"} {
		if r := post(t, url, hello, "Origin", origin); r.StatusCode != http.StatusForbidden || read(t, r) == "" {
			t.Errorf("a page of %s was answered with %s", origin, r.Status)
		}
	}
	if r := post(t, url, hello, "Origin", "http://localhost:6274"); r.StatusCode != http.StatusOK || read(t, r) == "" {
		t.Errorf("a local page was answered with %s", r.Status)
	}
}
