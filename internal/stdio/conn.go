package stdio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

const (
	// how long calls may go on after the client closed its end.
	callsAfterEOF = 1200 * time.Millisecond
	// how long cancelled calls have to answer before the last flush.
	settleTime = 100 * time.Millisecond
	// when Run returns at the latest, after the client closed its end and
	// after its context was done.
	limitAfterEOF  = 1450 * time.Millisecond
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
	next     chan *request // to a goroutine that is kept
	idle     atomic.Int32  // how many are kept
	fromPeer chan message  // the client's notifications

	fromPeerEnded chan struct{}
}

func newConn(ctx context.Context, s *Server, out io.Writer) *conn {
	c := &conn{
		Server:        s,
		out:           newOutbox(out, s.subs, 4*s.opts.MaxLine),
		requests:      newInflight(s.opts.MaxInFlight, 4*s.opts.MaxLine),
		tools:         make(chan struct{}, s.opts.ToolWorkers),
		next:          make(chan *request),
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

	if c.opts.ClientLog != nil {
		c.opts.ClientLog.sink.conn.Store(c)
		defer c.opts.ClientLog.sink.conn.Store(nil)
	}
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
		long, isLong := errors.AsType[*longLineError](err)
		switch {
		case isLong:
			text := fmt.Sprintf("A line may have at most %d bytes; a longer one was skipped.", c.opts.MaxLine)
			err = c.refuse(idIn(long.head), fault(mcp.INVALID_REQUEST, text))
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read from the client: %w", err)
		default:
			err = c.dispatch(line)
		}
		if err != nil || c.work.Err() != nil {
			return err
		}
	}
}

// refuse answers a line that is no request. Without an id it is the reply to nothing in
// particular, and dropped when much is unwritten.
func (c *conn) refuse(id requestID, why *mcp.JSONRPCErrorDetails) error {
	p := packet{line: encodeError(id, why)}
	if id.raw != nil {
		return c.out.answer(p)
	}
	c.out.own.add(p)
	return nil
}

// dispatch acts on one line. It never waits for a handler, except for that of
// initialize; it waits for the client to read only when much is unwritten.
func (c *conn) dispatch(line []byte) error {
	m, bad := parseMessage(line)
	switch {
	case bad != nil:
		c.opts.Log.Debug("unusable line from the client", "code", bad.Code, "bytes", len(line))
		return c.refuse(m.id, bad)
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
		return c.initialize(m)
	default:
		return c.start(m)
	}
	return nil
}

// initialize is served by the reader, so that no later request can overtake
// it. Announcements and broadcasts follow once its reply is out.
func (c *conn) initialize(m message) error {
	r := &request{message: m}
	r.ctx, r.cancel = context.WithCancel(c.work)
	defer r.cancel()
	p := packet{line: c.reply(r)}
	shaken := c.peer.shaken.Load()
	if shaken {
		c.subs.want(c.peer.sub, allLists)
		p.sent = func() { c.subs.open(c.peer.sub) }
	}
	if err := c.out.answer(p); err != nil {
		return err
	}
	c.peer.greeted.Store(shaken)
	return nil
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
