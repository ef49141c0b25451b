package stdio

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/mark3labs/mcp-go/mcp"
)

// maxIdle is how many goroutines are kept for the next request. Their stacks
// have the size that decoding JSON needs; growing a new one each time took a
// quarter of the processor time of a small call.
const maxIdle = 16

// start gives the request m a goroutine, or refuses it.
func (c *conn) start(m message) error {
	r := &request{message: m}
	r.ctx, r.cancel = context.WithCancel(c.work)
	if m.modern && m.method == string(mcp.MethodSubscriptionsListen) {
		r.listen = c.subs.add(m.id.raw)
	}
	bad, err := c.requests.admit(r)
	if bad == nil && err == nil {
		select {
		case c.next <- r:
		default:
			go c.serveAll(r)
		}
		return nil
	}
	r.cancel()
	if r.listen != nil {
		c.subs.remove(r.listen)
	}
	if bad != nil {
		return c.out.answer(packet{line: encodeError(m.id, bad)})
	}
	return nil
}

// serveAll serves r, then whatever comes next if its goroutine is kept.
func (c *conn) serveAll(r *request) {
	for {
		c.serve(r)
		if c.idle.Add(1) > maxIdle {
			c.idle.Add(-1)
			return
		}
		select {
		case r = <-c.next:
			c.idle.Add(-1)
		case <-c.work.Done():
			return
		}
	}
}

// serve sees r through to its reply.
func (c *conn) serve(r *request) {
	defer c.requests.release(r)
	defer r.cancel()
	defer c.enter(r)() // until the reply is queued: a client that does not read gets no more of them
	reply := c.reply(r)
	due := c.requests.settle(r)
	if r.listen != nil {
		for _, a := range c.subs.remove(r.listen) {
			c.out.send(packet{line: a.encode()})
		}
	}
	if due {
		c.out.send(packet{line: reply})
	}
}

// enter waits for the turn of a tool call, or for its end, and returns what gives the
// turn to another.
func (c *conn) enter(r *request) (leave func()) {
	if r.method != string(mcp.MethodToolsCall) {
		return func() {}
	}
	select {
	case c.tools <- struct{}{}:
		return func() { <-c.tools }
	case <-r.ctx.Done():
		return func() {}
	}
}

// reply runs the library on r and returns the line that answers it.
// Everything r notified of is queued by then.
func (c *conn) reply(r *request) []byte {
	if r.method == string(mcp.MethodToolsCall) && r.ctx.Err() != nil {
		return encodeError(r.id, fault(mcp.INTERNAL_ERROR, "The server is shutting down; the tool was not called."))
	}
	own := newNotes(r.ctx, func(n mcp.JSONRPCNotification) { c.notify(r, n) })
	defer own.end()
	chosen := &choice{}
	ctx := context.WithValue(c.mcp.WithContext(r.ctx, c.session(r, own)), choiceKey{}, chosen)
	ctx = context.WithValue(ctx, requestKey{}, r)
	return c.encodeReply(r, c.handle(ctx, r.message), chosen)
}

// session returns what the library knows r's client by.
func (c *conn) session(r *request, own *notes) session {
	switch {
	case r.listen != nil:
		return &listenCall{
			modernCall: modernCall{id: c.peer.id, own: own},
			subscriber: subscriber{ctx: r.ctx, subs: c.subs, sub: r.listen, check: c.opts.Subscribe},
		}
	case r.modern:
		return &modernCall{id: c.peer.id, own: own}
	default:
		return &handshakeCall{peer: c.peer, own: own}
	}
}

// handle gives m to the library. A panic in a handler is answered like any
// other internal error and tells the client nothing.
func (c *conn) handle(ctx context.Context, m message) (reply mcp.JSONRPCMessage) {
	defer func() {
		if p := recover(); p != nil {
			c.opts.Log.Error("a handler panicked", "method", m.method, "panic", panicText(p), "stack", string(debug.Stack()))
			reply = mcp.JSONRPCError{Error: *fault(mcp.INTERNAL_ERROR, "The server failed while handling this request; its log says more.")}
		}
	}()
	return c.mcp.HandleMessage(ctx, m.line)
}

// panicText describes a panic for the log. Other values than the runtime's own
// may quote what somebody wrote, so only their type is told.
func panicText(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

// encodeReply returns the line for what the library replied to r, with what a
// handler's error chose.
func (c *conn) encodeReply(r *request, reply mcp.JSONRPCMessage, chosen *choice) []byte {
	switch v := reply.(type) {
	case mcp.JSONRPCResponse:
		r.tagResult(v.Result)
		line, err := encode(resultReply{JSONRPC: mcp.JSONRPC_VERSION, ID: r.id.raw, Result: v.Result})
		if err == nil {
			return line
		}
		c.opts.Log.Error("encode a result", "method", r.method, "err", err)
		return encodeError(r.id, fault(mcp.INTERNAL_ERROR, "The result cannot be written as JSON; the server's log says more."))
	case mcp.JSONRPCError:
		if chosen.code != 0 {
			v.Error.Code = chosen.code
		}
		if chosen.message != "" {
			v.Error.Message = chosen.message
		}
		if chosen.data != nil {
			v.Error.Data = chosen.data
		}
		return encodeError(r.id, &v.Error)
	default:
		c.opts.Log.Error("no reply from the library", "method", r.method)
		return encodeError(r.id, fault(mcp.INTERNAL_ERROR, "The server found no answer to this request."))
	}
}

// notify queues a notification that belongs to r.
func (c *conn) notify(r *request, n mcp.JSONRPCNotification) {
	if !c.requests.wanted(r) {
		return
	}
	var p packet
	n = r.withProgressToken(n)
	if r.listen != nil {
		n = r.tagged(n)
		if n.Method == mcp.MethodNotificationSubscriptionsAcknowledged {
			p.sent = func() { c.subs.open(r.listen) }
		}
	}
	line, err := encode(n)
	if err != nil {
		c.opts.Log.Error("encode a notification", "method", n.Method, "err", err)
		return
	}
	p.line = line
	c.out.send(p)
}
