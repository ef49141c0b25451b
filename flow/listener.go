package flow

import (
	"context"
	"errors"
	"iter"
)

// Notifications yields what the backend reports, for as long as ctx lives. The first
// after every connection is of type [Connected]. Errors are yielded too, and waited out:
// a consumer that goes on gets what comes after them. On a backend whose notifications
// have a Seq none is lost or repeated, however often the backend goes away.
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
				if !yield(n, nil) {
					return
				}
			}
		}
	}
}

// listener polls for the notifications of a client.
type listener struct {
	client *Client
	number int    // of the session that was polled last
	lost   int    // of the session that turned out to be none
	misses int    // how many did, one after the other
	last   Cursor // of the notifications that arrived
	unsure bool   // whether the backend knows what arrived
}

// next returns what the backend reports, or [Connected] on another session than before.
func (l *listener) next(ctx context.Context) (Notifications, error) {
	conn, err := l.client.connect(ctx, l.lost)
	if err != nil {
		return nil, err
	}
	if conn.number != l.number {
		l.number, l.unsure = conn.number, true
		return Notifications{{Type: Connected}}, nil
	}
	var in WaitForNotificationInput
	if l.unsure {
		in.After = l.last
	}
	batch, err := WaitForNotification.Call(ctx, Session{conn.endpoint.Caller, conn.session}, in)
	if errors.Is(err, Invalid) {
		l.last = 0 // it is not of this log, which must have been made anew
	}
	l.unsure = err != nil
	if errors.Is(err, UnknownSession) {
		l.lost = conn.number
		if l.misses++; l.misses == 1 {
			return l.next(ctx)
		}
		return nil, err
	}
	l.misses = 0
	for _, n := range batch {
		l.last = max(l.last, n.Seq)
	}
	return batch, err
}
