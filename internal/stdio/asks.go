package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

// errNoAnswer ends a question to a client that can answer no more.
var errNoAnswer = errors.New("the client is gone")

// answer is a client's reply to a question.
type answer struct {
	result  json.RawMessage
	failure json.RawMessage // nil: result is the reply
}

// asks are the questions to the client that wait for an answer: requests
// from us, which only the handshake era knows. Their ids are strings that
// start with an s.
type asks struct {
	send func(packet) bool

	mu      sync.Mutex
	last    int
	waiting map[string]chan answer // of capacity 1, by id
	closed  chan struct{}
}

func newAsks(send func(packet) bool) *asks {
	return &asks{send: send, waiting: make(map[string]chan answer), closed: make(chan struct{})}
}

// ask sends a request and decodes its result into result. It waits for the
// client, and often for a person, until ctx is done; then the client is told
// that the question is void.
func (a *asks) ask(ctx context.Context, method mcp.MCPMethod, params, result any) error {
	id, reply := a.open()
	defer a.forget(id)
	raw := json.RawMessage(strconv.Quote(id))
	line, err := encode(outgoing{JSONRPC: mcp.JSONRPC_VERSION, ID: raw, Method: string(method), Params: params})
	if err != nil {
		return fmt.Errorf("encode %s: %w", method, err)
	}
	select {
	case <-a.closed:
		return fmt.Errorf("send %s: %w", method, errNoAnswer)
	default:
	}
	if !a.send(packet{line: line}) {
		return fmt.Errorf("send %s: %w", method, errNoAnswer)
	}
	select {
	case got := <-reply:
		return got.decode(method, result)
	case <-a.closed:
		return fmt.Errorf("wait for the answer to %s: %w", method, errNoAnswer)
	case <-ctx.Done():
		a.withdraw(raw)
		return fmt.Errorf("wait for the answer to %s: %w", method, context.Cause(ctx))
	}
}

func (a *asks) open() (string, chan answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	id := "s" + strconv.Itoa(a.last)
	reply := make(chan answer, 1)
	a.waiting[id] = reply
	return id, reply
}

func (a *asks) forget(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, id)
}

func (a *asks) withdraw(id json.RawMessage) {
	params := map[string]any{"requestId": id, "reason": "the call that asked has ended"}
	line, _ := encode(outgoing{JSONRPC: mcp.JSONRPC_VERSION, Method: string(mcp.MethodNotificationCancelled), Params: params})
	a.send(packet{line: line})
}

// answer hands m to whoever asked, and reports whether anybody did.
func (a *asks) answer(m message) bool {
	var id string
	if json.Unmarshal(m.id.raw, &id) != nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	reply, ok := a.waiting[id]
	if !ok {
		return false
	}
	delete(a.waiting, id)
	reply <- answer{result: m.result, failure: m.failure}
	return true
}

// close ends every question, now and later.
func (a *asks) close() { close(a.closed) }

func (a answer) decode(method mcp.MCPMethod, result any) error {
	if a.failure != nil {
		var e mcp.JSONRPCErrorDetails
		if err := json.Unmarshal(a.failure, &e); err != nil {
			return fmt.Errorf("decode the client's refusal of %s: %w", method, err)
		}
		return fmt.Errorf("the client refused %s: %s (%d)", method, e.Message, e.Code)
	}
	if err := json.Unmarshal(a.result, result); err != nil {
		return fmt.Errorf("decode the answer to %s: %w", method, err)
	}
	return nil
}
