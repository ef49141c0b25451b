package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

const (
	headerSession = "Mcp-Session-Id"
	headerVersion = "Mcp-Protocol-Version"

	maxBody = 4 << 20
)

// serveFunc serves one stdio client until in ends.
type serveFunc func(ctx context.Context, in io.Reader, out io.Writer) error

// bridge is Streamable HTTP in front of stdio servers. Each session has a server of its
// own; all requests of the revisions without sessions share one.
type bridge struct {
	serve serveFunc

	mu       sync.Mutex
	sessions map[string]*session // by id; "" is the one that is shared
}

func newBridge(serve serveFunc) *bridge {
	return &bridge{serve: serve, sessions: map[string]*session{"": newSession("", serve)}}
}

// close ends every server and waits for it.
func (b *bridge) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.sessions {
		s.close()
		delete(b.sessions, id)
	}
}

func (b *bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !local(r.Host) || !local(origin(r)) {
		http.Error(w, "only local pages may use this server", http.StatusForbidden)
		return
	}
	switch r.Method {
	case http.MethodPost:
		b.post(w, r)
	case http.MethodDelete:
		b.end(w, r)
	default: // a GET would wait for what belongs to no request; there is no such stream here
		w.Header().Set("Allow", "POST, DELETE")
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// post carries one message of the client to its server, and, if it is a request, what
// belongs to that back.
func (b *bridge) post(w http.ResponseWriter, r *http.Request) {
	var line bytes.Buffer
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = json.Compact(&line, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m := parse(line.Bytes())
	version := r.Header.Get(headerVersion)
	if err := checkHeaders(r.Header, m); err != nil {
		refuse(w, m.ID, mcp.HEADER_MISMATCH, err.Error())
		return
	}
	s := b.session(r.Header.Get(headerSession), m, version)
	switch {
	case s == nil:
		http.Error(w, "there is no such session", http.StatusNotFound)
	case m.isRequest():
		answer(w, r, s, m)
	case s.send(line.Bytes()) != nil:
		http.Error(w, "the session has ended", http.StatusNotFound)
	default:
		w.WriteHeader(http.StatusAccepted)
	}
}

// checkHeaders holds the headers of a request against its message.
func checkHeaders(h http.Header, m message) error {
	version, said := h.Get(headerVersion), m.version()
	if said != "" && said != version {
		return fmt.Errorf("the header says version %q, the message %q", version, said)
	}
	if !m.isRequest() {
		return nil
	}
	var body struct{ Params json.RawMessage }
	_ = json.Unmarshal(m.line, &body)
	return mcp.ValidateStandardHeaders(h.Get, version, mcp.MCPMethod(m.Method), body.Params)
}

// session finds the session of a message, and makes one for a handshake.
func (b *bridge) session(id string, m message, version string) *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id == "" && m.Method == string(mcp.MethodInitialize) && !mcp.IsModernProtocol(version) {
		id = rand.Text()
		b.sessions[id] = newSession(id, b.serve)
	}
	return b.sessions[id]
}

func (b *bridge) end(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(headerSession)
	b.mu.Lock()
	s := b.sessions[id]
	if id != "" {
		delete(b.sessions, id)
	}
	b.mu.Unlock()
	if s == nil || id == "" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	s.close()
	w.WriteHeader(http.StatusNoContent)
}

// answer sends a request and writes what comes back: a reply that comes alone as JSON,
// with the status that belongs to it, everything else as a stream of events.
func answer(w http.ResponseWriter, r *http.Request, s *session, m message) {
	e, err := s.ask(r.Context(), m)
	if err != nil {
		refuse(w, m.ID, mcp.INVALID_REQUEST, err.Error())
		return
	}
	defer s.leave(e)
	if s.id != "" {
		w.Header().Set(headerSession, s.id)
	}
	first, ok := e.next()
	switch {
	case !ok:
		http.Error(w, "the server has ended", http.StatusBadGateway)
	case first.isReply():
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status(s, first))
		_, _ = w.Write(first.line)
	default:
		stream(w, first, e)
	}
}

// stream writes m and what follows it as server-sent events.
func stream(w http.ResponseWriter, m message, e *exchange) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	for ok := true; ok; m, ok = e.next() {
		_, err := fmt.Fprintf(w, "data: %s\n\n", m.line)
		if err = errors.Join(err, flush.Flush()); err != nil {
			return
		}
	}
}

// status is the HTTP status of a reply: revisions without sessions tell errors of the
// protocol by it too.
func status(s *session, reply message) int {
	protocol := []int{mcp.INVALID_REQUEST, mcp.INVALID_PARAMS, mcp.HEADER_MISMATCH,
		mcp.MISSING_REQUIRED_CLIENT_CAPABILITY, mcp.UNSUPPORTED_PROTOCOL_VERSION}
	switch {
	case s.id != "" || reply.Error == nil:
		return http.StatusOK
	case reply.Error.Code == mcp.METHOD_NOT_FOUND:
		return http.StatusNotFound
	case slices.Contains(protocol, reply.Error.Code):
		return http.StatusBadRequest
	default:
		return http.StatusOK
	}
}

// refuse answers in place of the server.
func refuse(w http.ResponseWriter, id json.RawMessage, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"jsonrpc": mcp.JSONRPC_VERSION, "id": id, "error": map[string]any{"code": code, "message": text},
	})
}

// origin is the host of the page that a browser says it acts for, if any.
func origin(r *http.Request) string {
	text := r.Header.Get("Origin")
	if text == "" {
		return r.Host
	}
	page, err := url.Parse(text)
	if err != nil {
		return text
	}
	return page.Host
}

// local tells whether a host is this machine. Pages of other hosts must not reach it by a
// name that resolves to it.
func local(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1", "[::1]"}, name)
}
