package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

// session is the connection to one stdio server.
type session struct {
	id    string
	lines *io.PipeWriter // to the server
	ended sync.WaitGroup

	mu   sync.Mutex
	open []*exchange // requests without a reply, the newest last
	over bool
}

// exchange is a request and what the server sends for it.
type exchange struct {
	request  message
	ctx      context.Context // done when nobody waits any more
	cancel   context.CancelFunc
	messages chan message // closed behind the reply, and when the server ends
}

// next returns the next message of the server, or false if there are no more.
func (e *exchange) next() (message, bool) {
	select {
	case m, ok := <-e.messages:
		return m, ok
	case <-e.ctx.Done():
		return message{}, false
	}
}

func newSession(id string, serve serveFunc) *session {
	in, lines := io.Pipe()
	replies, out := io.Pipe()
	s := &session{id: id, lines: lines}
	s.ended.Go(func() {
		out.CloseWithError(serve(context.Background(), in, out))
		in.Close()
	})
	s.ended.Go(func() { s.read(replies) })
	return s
}

// close ends the server as a host does, and waits for it.
func (s *session) close() {
	s.lines.Close()
	s.ended.Wait()
}

// send writes one line.
func (s *session) send(line []byte) error {
	_, err := s.lines.Write(append(bytes.Clone(line), '\n'))
	return err
}

// ask sends a request. A client must not use an id again before it is answered, for then
// nobody can tell what belongs to which.
func (s *session) ask(ctx context.Context, m message) (*exchange, error) {
	e := &exchange{request: m, messages: make(chan message)}
	e.ctx, e.cancel = context.WithCancel(ctx)
	s.mu.Lock()
	taken := s.find(func(o *exchange) bool { return bytes.Equal(o.request.ID, m.ID) }) != nil
	usable := !taken && !s.over
	if usable {
		s.open = append(s.open, e)
	}
	s.mu.Unlock()
	if !usable {
		e.cancel()
		return nil, errors.New("the id is that of an open request, or the session has ended")
	}
	return e, s.send(m.line)
}

// leave ends an exchange. If it has no reply, the client went away, which is how it
// cancels over HTTP.
func (s *session) leave(e *exchange) {
	e.cancel()
	if !s.remove(e) {
		return
	}
	params := map[string]any{"requestId": e.request.ID}
	line, err := json.Marshal(map[string]any{
		"jsonrpc": mcp.JSONRPC_VERSION, "method": mcp.MethodNotificationCancelled, "params": params,
	})
	if err == nil {
		_ = s.send(line)
	}
}

// read hands what the server writes to those whom it is for.
func (s *session) read(replies *io.PipeReader) {
	defer s.endAll()
	in := bufio.NewReader(replies)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		m := parse(bytes.TrimSpace(line))
		e := s.owner(m)
		if e == nil {
			continue // it belongs to no request, or its client has gone
		}
		select {
		case e.messages <- m:
		case <-e.ctx.Done():
		}
		if m.isReply() && s.remove(e) {
			close(e.messages)
		}
	}
}

// endAll releases those who wait for a server that has ended.
func (s *session) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, e := range s.open {
		close(e.messages)
	}
	s.open = nil
}

// owner is the exchange that a message of the server belongs to. Over stdio, logs and
// questions do not say; they are taken for those of the newest call.
func (s *session) owner(m message) *exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, token := m.subscription(), m.Params.ProgressToken
	return s.find(func(e *exchange) bool {
		switch {
		case m.isReply():
			return bytes.Equal(e.request.ID, m.ID)
		case id != nil:
			return bytes.Equal(e.request.ID, id)
		case token != nil:
			return bytes.Equal(e.request.Params.Meta["progressToken"], token)
		default:
			return e.request.Method != string(mcp.MethodSubscriptionsListen)
		}
	})
}

// find returns the newest open exchange that fits. s.mu is held.
func (s *session) find(fits func(*exchange) bool) *exchange {
	for i := len(s.open) - 1; i >= 0; i-- {
		if fits(s.open[i]) {
			return s.open[i]
		}
	}
	return nil
}

// remove tells whether e was open until now.
func (s *session) remove(e *exchange) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range s.open {
		if o == e {
			s.open = append(s.open[:i], s.open[i+1:]...)
			return true
		}
	}
	return false
}

// message is what the bridge has to know of a message.
type message struct {
	ID     json.RawMessage
	Method string
	Params struct {
		Meta          map[string]json.RawMessage `json:"_meta"`
		ProgressToken json.RawMessage
	}
	Error *struct{ Code int }
	line  []byte
}

// parse reads what it can; judging messages is the server's part.
func parse(line []byte) message {
	m := message{}
	_ = json.Unmarshal(line, &m)
	m.line = line
	return m
}

func (m message) isRequest() bool { return m.ID != nil && m.Method != "" }
func (m message) isReply() bool   { return m.ID != nil && m.Method == "" }

func (m message) version() string {
	var v string
	_ = json.Unmarshal(m.Params.Meta[mcp.MetaKeyProtocolVersion], &v)
	return v
}

func (m message) subscription() json.RawMessage { return m.Params.Meta[mcp.MetaKeySubscriptionID] }
