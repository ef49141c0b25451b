package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// Limits of one answer from the log.
const (
	maxWait       = 100  // notifications of one WaitForNotification
	maxEvents     = 1000 // events of one EnumerateEvents
	defaultEvents = 100  // the same, when no limit is given
	maxPageBytes  = flow.MaxPage
	logStretch    = 512 // places that one query on the log covers
	errorPause    = time.Second
)

// WaitForNotification implements [flow.Engine]. A second call on a session ends the one
// that waits. Failures are slow, since programs call again at once.
func (e *Engine) WaitForNotification(ctx context.Context, call flow.Call, in flow.WaitForNotificationInput) (flow.Notifications, error) {
	list, err := e.wait(ctx, call, in)
	if err != nil && !errors.Is(err, errClosed) {
		select {
		case <-time.After(errorPause):
		case <-ctx.Done():
		}
	}
	return list, err
}

func (e *Engine) wait(ctx context.Context, call flow.Call, in flow.WaitForNotificationInput) (flow.Notifications, error) {
	s, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	if end := e.store.hub.end(); in.After < 0 || in.After > end {
		return nil, beyond(in.After, end)
	}
	w, done := e.store.hub.wait(self.view)
	defer done()
	tell := func(list flow.Notifications) (flow.Notifications, error) { return e.store.disclose(ctx, self, list) }
	number, place, moved := s.acknowledge(w, in)
	if moved {
		// Who gets something new has seen that what was before is acknowledged: a crash must
		// not bring it back.
		select {
		case <-e.store.sessions.touch(s, e.store.savePlaces):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	for {
		var list flow.Notifications
		next := place
		if !s.isPaused() {
			list, next, err = e.store.visible(ctx, self.view, place, maxWait, tell)
		}
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			place = next
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := e.store.hub.permits(self, anyMethod); err != nil {
			return nil, err
		}
		list, current, err := s.deliver(number, list, next)
		if err != nil || len(list) > 0 || !current {
			return list, err
		}
		select {
		case <-w.wake:
		case <-s.ended:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

func beyond(after, end flow.Cursor) error {
	return flow.Errorf(flow.Invalid, "the cursor %d is not in this log, which ends at %d; leave it out to learn the end", after, end)
}

// acknowledge makes w the call that waits on the session, which acknowledges what was sent
// unless it says something else. It returns the number of the call and the place from which
// on to look.
func (s *session) acknowledge(w *waiter, in flow.WaitForNotificationInput) (number int, place flow.Cursor, moved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poll != nil {
		s.poll.signal()
	}
	s.poll = w
	s.newest++
	switch {
	case in.After != 0:
		s.sent = in.After
	case in.Again:
		s.sent = s.cursor
	}
	moved = s.sent != s.cursor
	if s.announced {
		s.due, s.synced = s.due || in.Again, !in.Again
		moved, s.announced = moved || s.synced, false
	}
	s.cursor = s.sent
	return s.newest, s.cursor, moved
}

// deliver hands out what a call has found, unless the session was paused meanwhile, and
// behind it that there is no more. It reports false when another call has taken over.
func (s *session) deliver(number int, list flow.Notifications, next flow.Cursor) (_ flow.Notifications, current bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return nil, false, s.cause
	}
	if number != s.newest {
		return nil, false, nil
	}
	if s.paused {
		return nil, true, nil
	}
	if s.due && next >= s.goal {
		s.due, s.announced = false, true
		list = append(list, flow.NotifyEvent.Make(0, flow.BackendState{EventCode: flow.SyncDone, Text: "synchronised"}))
	}
	s.sent = next
	if len(list) > 0 {
		s.poll = nil
	}
	return list, true, nil
}

func (s *session) isPaused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused
}

// visible returns what a view sees after a cursor and tell lets through, at most limit
// notifications, and the place up to which it has looked. There is nothing more when there
// are fewer, unless they are large.
func (s *store) visible(
	ctx context.Context, v *view, after flow.Cursor, limit int, tell func(flow.Notifications) (flow.Notifications, error),
) (flow.Notifications, flow.Cursor, error) {
	var list flow.Notifications
	bytes := 0
	for {
		left := limit - len(list)
		some, next, recent := s.hub.collect(v, after, left)
		atEnd := recent && len(some) < left
		some, next = cut(some, next, maxPageBytes-bytes)
		var err error
		if !recent {
			some, next, err = s.stretch(ctx, v.account, after, left)
		}
		if err != nil {
			return nil, after, s.explain(err)
		}
		if some, err = tell(some); err != nil {
			return nil, after, err
		}
		for _, n := range some {
			bytes += len(n.Data)
		}
		list, after = append(list, some...), next
		if atEnd || len(list) >= limit || bytes > maxPageBytes {
			return list, after, nil
		}
	}
}

// cut ends a list behind the notification with which it is longer than so many bytes. It
// returns the place that was reached.
func cut(list flow.Notifications, next flow.Cursor, most int) (flow.Notifications, flow.Cursor) {
	for i, n := range list {
		if most -= len(n.Data); most < 0 && i < len(list)-1 {
			return list[:i+1], n.Seq
		}
	}
	return list, next
}

// stretch reads the next part of the log from the file. A long part in which the account
// sees nothing is leapt over.
func (s *store) stretch(ctx context.Context, account int64, after flow.Cursor, limit int) (flow.Notifications, flow.Cursor, error) {
	end := s.hub.end()
	upTo := min(after+logStretch, end)
	messages, err := s.read.MessagesBetween(ctx, db.MessagesBetweenParams{
		Account: account, After: after, UpTo: upTo, Most: int64(limit),
	})
	if err != nil {
		return nil, after, err
	}
	if len(messages) == limit {
		upTo = messages[limit-1].Seq
	}
	events, err := s.read.EventsBetween(ctx, db.EventsBetweenParams{
		Viewer: nullable(account), After: after, UpTo: upTo, Most: int64(limit),
	})
	if err != nil {
		return nil, after, err
	}
	if len(events) == limit {
		upTo = events[limit-1].Seq
	}
	list, upTo := merge(messages, events, limit, upTo)
	if len(list) > 0 {
		return list, upTo, nil
	}
	next, err := s.read.NextSeen(ctx, int64(upTo), account)
	if err != nil {
		return nil, after, err
	}
	if next == 0 || flow.Cursor(next) > end {
		return nil, end, nil
	}
	return nil, flow.Cursor(next) - 1, nil
}

// merge puts messages and events in the order of the log, up to limit and a place. It
// returns the place that was reached.
func merge(messages []db.MessagesBetweenRow, events []db.EventsBetweenRow, limit int, upTo flow.Cursor) (flow.Notifications, flow.Cursor) {
	var list flow.Notifications
	bytes := 0
	for len(messages)+len(events) > 0 {
		var n flow.Notification
		if len(events) == 0 || len(messages) > 0 && messages[0].Seq < events[0].Seq {
			n = messageChange(messageOf(messages[0]))
			n.Seq = messages[0].Seq
			messages = messages[1:]
		} else {
			n = flow.Notification{Type: flow.NotificationType(events[0].Kind), Data: []byte(events[0].Data), Seq: events[0].Seq}
			events = events[1:]
		}
		if n.Seq > upTo {
			break
		}
		list = append(list, n)
		if bytes += len(n.Data); len(list) == limit || bytes > maxPageBytes {
			return list, n.Seq
		}
	}
	return list, upTo
}

// EnumerateEvents implements [flow.Engine].
func (e *Engine) EnumerateEvents(ctx context.Context, call flow.Call, in flow.EnumerateEventsInput) (flow.EventPage, error) {
	none := flow.EventPage{}
	s, self, err := e.self(ctx, call)
	if err != nil {
		return none, err
	}
	end := e.store.hub.end()
	if in.AfterMessage != "" {
		place, err := e.placeOf(ctx, self, in.AfterMessage)
		if err != nil {
			return none, e.store.explain(err)
		}
		if in.After != nil {
			return none, flow.Errorf(flow.Invalid, "give After or AfterMessage, not both")
		}
		in.After = &place
	}
	if in.After == nil {
		return flow.EventPage{Events: flow.Notifications{}, Next: end}, nil
	}
	switch {
	case *in.After < 0 || *in.After > end:
		return none, beyond(*in.After, end)
	case in.Limit < 0 || in.Limit > maxEvents:
		return none, flow.Errorf(flow.Invalid, "Limit must be between 1 and %d", maxEvents)
	case in.WaitMilliseconds < 0 || in.WaitMilliseconds > 110_000:
		return none, flow.Errorf(flow.Invalid, "WaitMilliseconds must be between 0 and 110000")
	}
	limit := in.Limit
	if limit == 0 {
		limit = defaultEvents
	}
	w, done := e.store.hub.wait(self.view)
	defer done()
	wait := time.Duration(in.WaitMilliseconds) * time.Millisecond
	return e.page(ctx, s, self, w, *in.After, limit, wait)
}

// placeOf returns where in the log a message stands that an account can see.
func (e *Engine) placeOf(ctx context.Context, self *who, id flow.MessageID) (flow.Cursor, error) {
	unknown := flow.Errorf(flow.NotFound, "there is no message %q in a channel that you are in", clip(string(id)))
	uid, ok := flow.DecodeID(string(id))
	if !ok || len(uid) != 16 {
		return 0, unknown
	}
	row, err := e.store.read.MessageByUID(ctx, uid)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, unknown
	}
	if err != nil {
		return 0, err
	}
	member, err := e.store.read.ChannelMember(ctx, row.Channel, self.account)
	if errors.Is(err, sql.ErrNoRows) || err == nil && allow("EnumerateEvents", "channel", member.State) != nil {
		return 0, unknown
	}
	return row.Seq, err
}

// page reads events, waiting for the first one.
func (e *Engine) page(ctx context.Context, s *session, self *who, w *waiter, after flow.Cursor, limit int, wait time.Duration) (flow.EventPage, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for late := wait == 0; ; {
		list, next, err := e.store.visible(ctx, w.view, after, limit, withoutBinds)
		if err != nil {
			return flow.EventPage{}, err
		}
		if err := e.store.hub.permits(self, anyMethod); err != nil {
			return flow.EventPage{}, err
		}
		if len(list) > 0 {
			rest, _, err := e.store.visible(ctx, w.view, next, 1, withoutBinds)
			return flow.EventPage{Events: list, Next: next, More: len(rest) > 0}, err
		}
		if after = next; late {
			return flow.EventPage{Events: flow.Notifications{}, Next: next}, nil
		}
		select {
		case <-w.wake:
		case <-timeout.C:
			late = true
		case <-s.ended:
			return flow.EventPage{}, s.why()
		case <-ctx.Done():
			return flow.EventPage{}, context.Cause(ctx)
		}
	}
}
