package stdio

import (
	"context"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

// notesRoom is how many notifications may wait to be forwarded.
const notesRoom = 64

// notes is the notification channel of one session. It forwards what arrives
// in order, from a goroutine that runs only if there is anything to forward.
// That of a request ends before the request's reply is queued.
//
// The library drops a notification when the channel is full. It asks for the
// channel each time just before it sends, so that is the moment to wait for
// room: a handler that notifies faster than the client reads slows down
// instead of losing what it says.
type notes struct {
	ctx     context.Context
	forward func(mcp.JSONRPCNotification)

	mu    sync.Mutex
	ch    chan mcp.JSONRPCNotification // nil before first use
	ended bool
	stop  chan struct{} // closed: forward what is there, then end
	done  chan struct{} // closed: ended
	room  chan struct{} // receives when something was forwarded
}

func newNotes(ctx context.Context, forward func(mcp.JSONRPCNotification)) *notes {
	return &notes{ctx: ctx, forward: forward}
}

// channel returns the channel to send one notification to, when it has room.
// After end it is nil, so that the library reports an error to a handler that
// notifies after its reply.
func (n *notes) channel() chan<- mcp.JSONRPCNotification {
	if !n.start() {
		return nil
	}
	for len(n.ch) > notesRoom/2 {
		select {
		case <-n.room:
		case <-n.stop:
			return nil
		case <-n.ctx.Done():
			return n.ch
		}
	}
	return n.ch
}

func (n *notes) start() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		return false
	}
	if n.ch == nil {
		n.ch = make(chan mcp.JSONRPCNotification, notesRoom)
		n.stop = make(chan struct{})
		n.done = make(chan struct{})
		n.room = make(chan struct{}, 1)
		go n.run()
	}
	return true
}

// end forwards what was sent so far and returns when that is done.
func (n *notes) end() {
	n.mu.Lock()
	started := n.ch != nil && !n.ended
	n.ended = true
	n.mu.Unlock()
	if started {
		close(n.stop)
		<-n.done
	}
}

func (n *notes) run() {
	defer close(n.done)
	for {
		select {
		case note := <-n.ch:
			n.forwardOne(note)
			continue
		case <-n.stop:
		}
		for {
			select {
			case note := <-n.ch:
				n.forward(note)
			default:
				return
			}
		}
	}
}

func (n *notes) forwardOne(note mcp.JSONRPCNotification) {
	signal(n.room)
	n.forward(note)
}
