package stdio

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

const (
	// queued lines beyond which senders wait for the client to read.
	maxQueued = 256
	// lines, or announcements of one subscription, written before the other
	// of the two has its turn, so that neither starves.
	turn = 64
)

// packet is one line on its way to the client.
type packet struct {
	line []byte
	// sent, if set, is called by the writer once line is written and before
	// it looks for announcements.
	sent func()
}

// outbox is the one way to the client. Its goroutine, run, owns the writer:
// it takes queued lines in their order, and announcements from the
// subscriptions whenever the queue is empty or a turn is over. What the reader
// has to say itself comes before both.
type outbox struct {
	w       *bufio.Writer
	subs    *subscriptions
	lines   chan packet
	own     *backlog // of the reader
	written *progress
	closing chan struct{} // closed: write what is queued, flush, end
	done    chan struct{} // closed: run has ended, err is final
	err     error

	giveUp sync.Once
	quit   chan struct{} // closed: senders need not wait any more
}

func newOutbox(w io.Writer, subs *subscriptions, backlogBytes int) *outbox {
	written := &progress{w: w}
	return &outbox{
		w:       bufio.NewWriterSize(written, 16<<10),
		subs:    subs,
		own:     newBacklog(backlogBytes),
		written: written,
		lines:   make(chan packet, maxQueued),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		quit:    make(chan struct{}),
	}
}

// send queues p and reports whether it could. While the queue is full it
// waits for the client to read, until abandon is called.
func (o *outbox) send(p packet) bool {
	select {
	case <-o.quit:
		return false
	default:
	}
	select {
	case o.lines <- p:
		return true
	case <-o.quit:
		return false
	}
}

// trySend queues p unless the queue is full.
func (o *outbox) trySend(p packet) bool {
	select {
	case o.lines <- p:
		return true
	default:
		return false
	}
}

// abandon releases every sender, now and later. What is queued may stay
// unwritten.
func (o *outbox) abandon() { o.giveUp.Do(func() { close(o.quit) }) }

// run writes until closing is closed or a write fails.
func (o *outbox) run() {
	defer close(o.done)
	defer o.abandon()
	for {
		if o.err = o.drain(); o.err != nil {
			return
		}
		select {
		case p := <-o.lines:
			o.err = o.write(p)
		case <-o.own.wake:
		case <-o.subs.wake:
		case <-o.closing:
			o.err = o.drain()
			return
		}
		if o.err != nil {
			return
		}
	}
}

// drain writes until nothing is left to write, then flushes.
func (o *outbox) drain() error {
	for {
		lines, err := o.writeQueued()
		if err != nil {
			return err
		}
		announced, err := o.writeAnnouncements()
		if err != nil {
			return err
		}
		if err := o.writeOwn(); err != nil {
			return err
		}
		if lines+announced > 0 {
			continue
		}
		if err := o.w.Flush(); err != nil {
			return fmt.Errorf("write to the client: %w", err)
		}
		return nil
	}
}

func (o *outbox) writeQueued() (int, error) {
	for n := range turn {
		select {
		case p := <-o.lines:
			if err := o.write(p); err != nil {
				return n, err
			}
		default:
			return n, nil
		}
	}
	return turn, nil
}

func (o *outbox) writeAnnouncements() (int, error) {
	announcements := o.subs.take(turn)
	for _, a := range announcements {
		if err := o.write(packet{line: a.encode()}); err != nil {
			return 0, err
		}
	}
	return len(announcements), nil
}

// write writes what the reader has to say, and then a line, so that none overtakes
// the reply to initialize.
func (o *outbox) write(p packet) error {
	if err := o.writeOwn(); err != nil {
		return err
	}
	return o.put(p)
}

func (o *outbox) writeOwn() error {
	for {
		p, ok := o.own.take()
		if !ok {
			return nil
		}
		if err := o.put(p); err != nil {
			return err
		}
	}
}

func (o *outbox) put(p packet) error {
	if _, err := o.w.Write(p.line); err != nil {
		return fmt.Errorf("write to the client: %w", err)
	}
	if p.sent != nil {
		p.sent()
	}
	return nil
}

// announcement says to one subscriber that something changed.
type announcement struct {
	method string
	uri    string          // empty: a list changed
	tag    json.RawMessage // nil: the subscriber is no listen
}

func (a announcement) encode() []byte {
	type meta map[string]json.RawMessage
	var params struct {
		URI  string `json:"uri,omitempty"`
		Meta meta   `json:"_meta,omitempty"`
	}
	params.URI = a.uri
	if a.tag != nil {
		params.Meta = meta{mcp.MetaKeySubscriptionID: a.tag}
	}
	// Strings and an id that was read from JSON always encode.
	line, _ := encode(outgoing{JSONRPC: mcp.JSONRPC_VERSION, Method: a.method, Params: params})
	return line
}
