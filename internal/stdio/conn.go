package stdio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

const (
	// how long calls may go on after the client closed its end.
	callsAfterEOF = 1500 * time.Millisecond
	// how long cancelled calls have to answer before the last flush.
	settleTime = 100 * time.Millisecond
	// when Run returns at the latest, after the client closed its end and
	// after its context was done.
	limitAfterEOF  = 1750 * time.Millisecond
	limitAfterStop = time.Second
	// notifications of the client that may wait for their handlers.
	maxClientNotes = 64
)

// conn is one Run of a Server.
type conn struct {
	*Server
	work     context.Context // of everything done for the client
	cancel   context.CancelFunc
	out      *outbox
	requests *inflight
	asks     *asks
	peer     *peer
	tools    chan struct{} // semaphore of running tool calls
	fromPeer chan message  // the client's notifications

	fromPeerEnded chan struct{}
}

func newConn(ctx context.Context, s *Server, out io.Writer) *conn {
	c := &conn{
		Server:        s,
		out:           newOutbox(out, s.subs),
		requests:      newInflight(s.opts.MaxInFlight, 4*s.opts.MaxLine),
		tools:         make(chan struct{}, s.opts.ToolWorkers),
		fromPeer:      make(chan message, maxClientNotes),
		fromPeerEnded: make(chan struct{}),
	}
	c.work, c.cancel = context.WithCancel(ctx)
	c.asks = newAsks(c.out.send)
	c.peer = newPeer(c.work, s, c.asks, newNotes(c.work, c.broadcast))
	return c
}

func (c *conn) run(ctx context.Context, in io.Reader) error {
	defer c.cancel()
	if err := c.mcp.RegisterSession(c.work, c.peer); err != nil {
		return fmt.Errorf("register the client: %w", err)
	}
	defer c.mcp.UnregisterSession(context.WithoutCancel(ctx), c.peer.id)

	go c.out.run()
	go c.clientNotifications()
	ended := make(chan error, 1)
	go func() { ended <- c.read(in) }()

	select {
	case err := <-ended:
		return errors.Join(err, c.finish(ctx, callsAfterEOF, limitAfterEOF))
	case <-ctx.Done():
		return c.finish(ctx, 0, limitAfterStop)
	case <-c.out.done:
		return errors.Join(c.out.err, c.finish(ctx, 0, limitAfterStop))
	}
}

// finish ends everything: calls under way get grace to finish, then they and
// the listens are cancelled, what waits is written, and after limit whatever
// still hangs is left behind.
func (c *conn) finish(ctx context.Context, grace, limit time.Duration) error {
	end := time.NewTimer(limit)
	defer end.Stop()
	defer c.out.abandon()

	c.requests.close()
	c.asks.close()
	select {
	case <-c.requests.callsDone:
	case <-time.After(grace):
	case <-ctx.Done():
	case <-c.out.done:
	}
	c.cancel()
	await(c.requests.allDone, settleTime)
	await(c.fromPeerEnded, settleTime)
	c.peer.broadcasts.end()

	c.subs.changedNow()
	close(c.out.closing)
	select {
	case <-c.out.done:
		return nil
	case <-end.C: // a blocked write cannot be interrupted; it is left behind
		return ErrBlocked
	}
}

// await waits for done, at most for limit.
func await(done <-chan struct{}, limit time.Duration) {
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// read takes lines from the client until it closes its end.
func (c *conn) read(in io.Reader) error {
	lines := newLineReader(in, c.opts.MaxLine)
	for {
		line, err := lines.next()
		switch {
		case errors.Is(err, errLineTooLong):
			text := fmt.Sprintf("A line may have at most %d bytes; a longer one was skipped.", c.opts.MaxLine)
			c.out.send(packet{line: encodeError(requestID{}, fault(mcp.INVALID_REQUEST, text))})
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read from the client: %w", err)
		default:
			c.dispatch(line)
		}
		if c.work.Err() != nil {
			return nil
		}
	}
}

// dispatch acts on one line. It never waits for a handler, except for that of
// initialize; it waits for the client to read if the client asks faster.
func (c *conn) dispatch(line []byte) {
	m, bad := parseMessage(line)
	switch {
	case bad != nil:
		c.opts.Log.Debug("unusable line from the client", "code", bad.Code, "bytes", len(line))
		c.out.send(packet{line: encodeError(m.id, bad)})
	case m.method == "":
		if !c.asks.answer(m) {
			c.opts.Log.Debug("reply from the client to no open request")
		}
	case m.id.raw == nil && m.method == string(mcp.MethodNotificationCancelled):
		if r := c.requests.cancel(m.cancels); r != nil && r.listen != nil {
			c.subs.remove(r.listen)
		}
	case m.id.raw == nil:
		select {
		case c.fromPeer <- m:
		default:
			c.opts.Log.Warn("too many notifications from the client; one was dropped", "method", m.method)
		}
	case m.method == string(mcp.MethodInitialize) && !m.modern:
		c.initialize(m)
	default:
		c.start(m)
	}
}

// initialize is served by the reader, so that no later request can overtake
// it. Announcements and broadcasts follow once its reply is out.
func (c *conn) initialize(m message) {
	r := &request{message: m}
	r.ctx, r.cancel = context.WithCancel(c.work)
	defer r.cancel()
	p := packet{line: c.reply(r)}
	shaken := c.peer.shaken.Load()
	if shaken {
		c.subs.want(c.peer.sub, allLists)
		p.sent = func() { c.subs.open(c.peer.sub) }
	}
	c.out.send(p)
	c.peer.greeted.Store(shaken)
}

// start gives the request m a goroutine, or refuses it.
func (c *conn) start(m message) {
	r := &request{message: m}
	r.ctx, r.cancel = context.WithCancel(c.work)
	if m.modern && m.method == string(mcp.MethodSubscriptionsListen) {
		r.listen = c.subs.add(m.id.raw)
	}
	bad, err := c.requests.admit(r)
	if bad == nil && err == nil {
		go c.serve(r)
		return
	}
	r.cancel()
	if r.listen != nil {
		c.subs.remove(r.listen)
	}
	if bad != nil {
		c.out.send(packet{line: encodeError(m.id, bad)})
	}
}

// serve sees r through to its reply.
func (c *conn) serve(r *request) {
	defer c.requests.release(r)
	defer r.cancel()
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

// reply runs the library on r and returns the line that answers it.
// Everything r notified of is queued by then.
func (c *conn) reply(r *request) []byte {
	if r.method == string(mcp.MethodToolsCall) {
		select {
		case c.tools <- struct{}{}:
			defer func() { <-c.tools }()
		case <-r.ctx.Done():
		}
		if r.ctx.Err() != nil {
			return encodeError(r.id, fault(mcp.INTERNAL_ERROR, "The server is shutting down; the tool was not called."))
		}
	}
	own := newNotes(r.ctx, func(n mcp.JSONRPCNotification) { c.notify(r, n) })
	defer own.end()
	slot := &codeSlot{}
	ctx := context.WithValue(c.mcp.WithContext(r.ctx, c.session(r, own)), codeSlotKey{}, slot)
	return c.encodeReply(r, c.handle(ctx, r.message), slot.code)
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

// encodeReply returns the line for what the library replied to r. code, if not
// 0, is the code that a handler's error chose.
func (c *conn) encodeReply(r *request, reply mcp.JSONRPCMessage, code int) []byte {
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
		if code != 0 {
			v.Error.Code = code
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

// broadcast passes on what the library tells every session. It never waits for
// the client, for whoever broadcasts waits for it.
func (c *conn) broadcast(n mcp.JSONRPCNotification) {
	if l := listOf(n.Method); l != 0 {
		c.subs.changedSoon(l)
		return
	}
	if !c.peer.greeted.Load() {
		return
	}
	line, err := encode(n)
	if err != nil {
		c.opts.Log.Error("encode a notification", "method", n.Method, "err", err)
		return
	}
	if !c.out.trySend(packet{line: line}) {
		c.opts.Log.Warn("the client does not read; a notification was dropped", "method", n.Method)
	}
}

// clientNotifications runs the handlers of the client's notifications, in
// order and apart from the reader, since a handler may ask the client.
func (c *conn) clientNotifications() {
	defer close(c.fromPeerEnded)
	ctx := c.mcp.WithContext(c.work, c.peer)
	for {
		select {
		case m := <-c.fromPeer:
			c.handle(ctx, m)
		case <-c.work.Done():
			return
		}
	}
}
