package stdio

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

// request is one request of the client, from its line to its reply.
type request struct {
	message
	ctx    context.Context
	cancel context.CancelFunc
	listen *subscription // of a subscriptions/listen

	// guarded by inflight.mu
	cancelled bool // by the client; no reply, and nothing else, may follow
}

var errClosing = errors.New("the server is shutting down")

// inflight knows the requests that have no reply yet. It does what the
// library's own table cannot: its keys tell 1 from "1", a request is in it
// before its goroutine starts, and it remembers that no reply may follow.
type inflight struct {
	maxRequests, maxBytes int

	mu       sync.Mutex
	byID     map[string]*request
	requests int // admitted and not released
	calls    int // those of them that are no listens
	bytes    int // their lines
	closed   bool

	callsDone chan struct{} // closed once closed and calls == 0
	allDone   chan struct{} // closed once closed and requests == 0
}

func newInflight(maxRequests, maxBytes int) *inflight {
	return &inflight{
		maxRequests: maxRequests,
		maxBytes:    maxBytes,
		byID:        make(map[string]*request),
		callsDone:   make(chan struct{}),
		allDone:     make(chan struct{}),
	}
}

// admit takes r in. The fault, if any, is for the client.
func (f *inflight) admit(r *request) (*mcp.JSONRPCErrorDetails, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return nil, errClosing
	case f.byID[r.id.key] != nil:
		return fault(mcp.INVALID_REQUEST, fmt.Sprintf("The id %.100s belongs to a request that has no reply yet; use another.", r.id.raw)), nil
	case f.requests >= f.maxRequests || f.bytes+len(r.line) > f.maxBytes:
		return fault(codeBusy, fmt.Sprintf("The server is busy with %d requests; wait for replies, then try again.", f.requests)), nil
	}
	f.byID[r.id.key] = r
	f.requests++
	f.bytes += len(r.line)
	if r.listen == nil {
		f.calls++
	}
	return nil, nil
}

// cancel cancels the request with the given id on behalf of the client and
// returns it, or nil if it has its reply already or never existed.
func (f *inflight) cancel(id requestID) *request {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.byID[id.key]
	if r == nil {
		return nil
	}
	delete(f.byID, id.key)
	r.cancelled = true
	r.cancel()
	return r
}

// wanted reports whether the client still wants to hear of r.
func (f *inflight) wanted(r *request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !r.cancelled
}

// open reports whether r has no reply yet and will get one.
func (f *inflight) open(r *request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.byID[r.id.key] == r
}

// settle decides that r gets its reply now, and reports whether it does: a
// cancelled one does not. From here on r cannot be cancelled.
func (f *inflight) settle(r *request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.cancelled {
		return false
	}
	delete(f.byID, r.id.key)
	return true
}

// release gives r's place to another request.
func (f *inflight) release(r *request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests--
	f.bytes -= len(r.line)
	if r.listen == nil {
		f.calls--
	}
	if !f.closed {
		return
	}
	if f.calls == 0 && r.listen == nil {
		close(f.callsDone)
	}
	if f.requests == 0 {
		close(f.allDone)
	}
}

// close lets no more requests in; callsDone and allDone tell when those
// admitted have their replies.
func (f *inflight) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.calls == 0 {
		close(f.callsDone)
	}
	if f.requests == 0 {
		close(f.allDone)
	}
}
