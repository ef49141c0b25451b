package flow

import (
	"context"
	"errors"
	"iter"
	"sync"
)

// Notifications yields what the backend reports, for as long as ctx lives. The first
// after every connection is of type [Connected]. Errors are yielded too, and waited out:
// a consumer that goes on gets what comes after them. On a backend whose notifications
// have a Seq none is lost or repeated, however often the backend goes away. Who begins
// anew on the same client goes on where it stopped; one at a time may.
func (c *Client) Notifications(ctx context.Context) iter.Seq2[Notification, error] {
	return func(yield func(Notification, error) bool) {
		l := listener{client: c}
		for failures := 0; ctx.Err() == nil; {
			batch, err := l.next(ctx)
			if err != nil {
				if ctx.Err() != nil || !yield(Notification{}, err) {
					return
				}
				_ = pause(ctx, retryPause(failures))
				failures++
				continue
			}
			failures = 0
			for _, n := range batch {
				l.client.heard.note(n)
				if !yield(n, nil) {
					return
				}
			}
		}
	}
}

// heard is what notifications a client has had.
type heard struct {
	mu      sync.Mutex
	session int    // number of that which was polled last
	last    Cursor // of the notifications that were yielded
	left    int    // of the last answer that were not; -1 when it has not arrived
}

// poll says what to tell the backend in the next call on a session. It cannot know what
// arrived in another session, or of an answer that may have been lost.
func (h *heard) poll(session int) (in WaitForNotificationInput) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case session != h.session:
		in.After = h.last
	case h.left != 0:
		in.After, in.Again = h.last, true
	}
	h.session, h.left = session, -1
	return in
}

// answered notes how many notifications have arrived.
func (h *heard) answered(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left = n
}

func (h *heard) note(n Notification) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = max(h.last, n.Seq)
	if n.Type != Connected {
		h.left--
	}
}

// forget drops a place that is not of the backend's log, which must have been made anew.
func (h *heard) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = 0
}

// listener polls for the notifications of a client.
type listener struct {
	client *Client
	number int // of the session that was polled last
	lost   int // of the session that turned out to be none
	misses int // how many did, one after the other
}

// next returns what the backend reports, or [Connected] on another session than before.
func (l *listener) next(ctx context.Context) (Notifications, error) {
	conn, err := l.client.connect(ctx, l.lost)
	if err != nil {
		return nil, err
	}
	if conn.number != l.number {
		l.number = conn.number
		return Notifications{{Type: Connected}}, nil
	}
	batch, err := WaitForNotification.Call(ctx, Session{conn.endpoint.Caller, conn.session}, l.client.heard.poll(conn.number))
	if errors.Is(err, Invalid) {
		l.client.heard.forget()
	}
	if errors.Is(err, UnknownSession) {
		l.lost = conn.number
		if l.misses++; l.misses == 1 {
			return l.next(ctx)
		}
		return nil, err
	}
	l.misses = 0
	if err == nil {
		l.client.heard.answered(len(batch))
	}
	return batch, err
}
