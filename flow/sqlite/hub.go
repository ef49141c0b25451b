package sqlite

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// The newest part of the log stays in memory, up to this many events and bytes.
const (
	ringEvents = 4096
	ringBytes  = 2 << 20
)

// audience says who sees an event: the account, the members of the channel, and the
// members of the org or, of them, only its owners and admins. Zero is nobody.
type audience struct {
	account, channel, org int64
	admins                bool
}

// logEvent is one place in the log.
type logEvent struct {
	seq  flow.Cursor
	kind flow.NotificationType
	to   audience
	// teams are those whose members see it too: the teams that the account of the
	// audience was in.
	teams  []int64
	author int64    // of a message
	mark   readMark // that was moved

	size int  // about, in bytes
	gone bool // it was deleted or replaced; guarded by the hub

	message *flow.Message // of a message that was sent
	once    sync.Once
	data    json.RawMessage // made from message when it is first needed
}

// readMark is up to where an account has read a channel.
type readMark struct {
	channel int64
	upTo    flow.Cursor
}

// notification returns the event as it is sent. Its JSON is made once for all.
func (e *logEvent) notification() flow.Notification {
	e.once.Do(func() {
		if e.message != nil {
			e.data = messageChange(*e.message).Data
		}
	})
	return flow.Notification{Type: e.kind, Data: e.data, Seq: e.seq}
}

// messageChange is the notification of a message, without its place.
func messageChange(m flow.Message) flow.Notification {
	return flow.MessageEvent.Make(0, flow.MessageChange{
		RegularMessages: []flow.Message{m}, ChannelMessages: []flow.Channel{},
	})
}

// change is a new membership that has been committed. A channel or an org is set.
type change struct {
	account, channel, org int64
	state                 flow.MemberState
	since                 flow.Cursor
}

// view is what one account sees of the log. The hub guards it and keeps it up to date
// while somebody holds it.
type view struct {
	account  int64
	holders  int
	channels map[int64]membership
	orgs     map[int64]membership
	lock     flow.AccountLock
	revoked  map[int64]bool // devices that may do nothing
}

// membership is the state of a member, who sees what happens from since on.
type membership struct {
	state flow.MemberState
	since flow.Cursor
}

func newView(account int64, orgs []db.OrgViewsRow, channels []db.ChannelViewsRow) *view {
	v := &view{
		account: account, holders: 1,
		channels: make(map[int64]membership, len(channels)),
		orgs:     make(map[int64]membership, len(orgs)),
		revoked:  map[int64]bool{},
	}
	for _, o := range orgs {
		v.orgs[o.Org] = membership{o.State, o.Since}
	}
	for _, c := range channels {
		v.channels[c.Channel] = membership{c.State, c.Since}
	}
	return v
}

// barred says what keeps the account and its devices out.
func (v *view) barred(lock flow.AccountLock, revoked []int64) {
	v.lock = lock
	for _, device := range revoked {
		v.revoked[device] = true
	}
}

func (v *view) bar(b bar) {
	switch {
	case b.device == 0:
		v.lock = b.lock
	case b.revoked:
		v.revoked[b.device] = true
	default:
		delete(v.revoked, b.device)
	}
}

func (v *view) apply(c change) {
	switch {
	case c.channel != 0 && !isIn(c.state):
		delete(v.channels, c.channel)
	case c.channel != 0:
		v.channels[c.channel] = membership{c.state, c.since}
	case !isIn(c.state):
		delete(v.orgs, c.org)
	default:
		v.orgs[c.org] = membership{c.state, c.since}
	}
}

// sees is the rule of the log. The same rule stands in the queries of log.sql.
func (v *view) sees(seq flow.Cursor, to audience) bool {
	if to.account != 0 && to.account == v.account {
		return true
	}
	if member, in := v.channels[to.channel]; in && to.channel != 0 && member.since <= seq {
		return true
	}
	member, in := v.orgs[to.org]
	if !in || to.org == 0 || member.since > seq {
		return false
	}
	return !to.admins || allow("EnumerateOrgJoinRequests", "team", member.state) == nil
}

// seesEvent reports whether one of an event's audiences is the account.
func (v *view) seesEvent(e *logEvent) bool {
	return v.sees(e.seq, e.to) || slices.ContainsFunc(e.teams, func(org int64) bool {
		return v.sees(e.seq, audience{org: org})
	})
}

// waiter is one call that waits for the log to grow.
type waiter struct {
	view *view
	wake chan struct{} // has room for one
}

func (w *waiter) signal() { signal(w.wake) }

// signal leaves a sign in a channel of one place for who looks for one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// hub holds the newest events, what each account with a session sees, and who waits.
type hub struct {
	mu      sync.RWMutex
	ring    [ringEvents]*logEvent // by seq modulo its length
	first   flow.Cursor           // the ring holds what is after first
	head    flow.Cursor           // up to head
	bytes   int
	views   map[int64]*view
	changed int // rises with every change of membership
	waiters map[*waiter]struct{}
}

func newHub(head flow.Cursor) *hub {
	return &hub{first: head, head: head, views: map[int64]*view{}, waiters: map[*waiter]struct{}{}}
}

// publish adds events to the ring and wakes those who see one of them.
func (h *hub) publish(events []*logEvent, changes []change, bars []bar, deleted []flow.Cursor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range bars {
		h.bar(b)
	}
	for _, c := range changes {
		h.changed++
		if v := h.views[c.account]; v != nil {
			v.apply(c)
		}
	}
	for _, e := range events {
		h.add(e)
	}
	for _, seq := range deleted {
		if seq > h.first && seq <= h.head {
			h.ring[seq%ringEvents].gone = true
		}
	}
	places := newest(events)
	for w := range h.waiters {
		for to, seq := range places {
			if w.view.sees(seq, to) {
				w.signal()
				break
			}
		}
	}
}

// bar notes who is kept out from now on, and has those who wait for that account look
// again. It is called with mu held.
func (h *hub) bar(b bar) {
	h.changed++
	v := h.views[b.account]
	if v == nil {
		return
	}
	v.bar(b)
	for w := range h.waiters {
		if w.view == v {
			w.signal()
		}
	}
}

// newest returns the last place of each audience, since who sees any event sees the last.
func newest(events []*logEvent) map[audience]flow.Cursor {
	places := make(map[audience]flow.Cursor, 8)
	for _, e := range events {
		places[e.to] = e.seq
		for _, org := range e.teams {
			places[audience{org: org}] = e.seq
		}
	}
	return places
}

func (h *hub) add(e *logEvent) {
	h.head = e.seq
	h.ring[e.seq%ringEvents] = e
	h.bytes += e.size
	for h.head-h.first > ringEvents-1 || h.bytes > ringBytes {
		h.first++
		h.bytes -= h.ring[h.first%ringEvents].size
		h.ring[h.first%ringEvents] = nil
	}
}

// collect returns what a view sees after a cursor, at most limit events, and the place
// up to which it has looked. It reports false when the cursor is older than the ring.
func (h *hub) collect(v *view, after flow.Cursor, limit int) (list flow.Notifications, next flow.Cursor, ok bool) {
	var found []*logEvent
	h.mu.RLock()
	ok = after >= h.first
	next = max(after, h.head)
	if ok {
		for seq := after + 1; seq <= h.head; seq++ {
			e := h.ring[seq%ringEvents]
			if e.gone || !v.seesEvent(e) {
				continue
			}
			if found = append(found, e); len(found) == limit {
				next = seq
				break
			}
		}
	}
	h.mu.RUnlock()
	for _, e := range found {
		list = append(list, e.notification())
	}
	return list, next, ok
}

// texts returns the texts of a stretch of the log, newest first. It reports false when the
// stretch is older than the ring.
func (h *hub) texts(after, before flow.Cursor) (list []db.TextsRow, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if after < h.first {
		return nil, false
	}
	for seq := before - 1; seq > after; seq-- {
		if e := h.ring[seq%ringEvents]; e.message != nil && !e.gone {
			list = append(list, db.TextsRow{Seq: seq, Channel: e.to.channel, Body: e.message.Text, Attachments: e.message.Attachments})
		}
	}
	return list, true
}

// stateIn returns the committed state of a view's account in a channel.
func (h *hub) stateIn(v *view, channel int64) flow.MemberState {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return v.channels[channel].state
}

// channelsOf returns the channels that a view's account is in.
func (h *hub) channelsOf(v *view) []int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Collect(maps.Keys(v.channels))
}

// membershipOf returns the channels that an account is in at a place of the log, the
// present one. It reports false when the account has no session.
func (h *hub) membershipOf(account int64) (channels []int64, at flow.Cursor, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	v := h.views[account]
	if v == nil {
		return nil, 0, false
	}
	return slices.Collect(maps.Keys(v.channels)), h.head, true
}

// end returns the present end of the log.
func (h *hub) end() flow.Cursor {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.head
}

// wait registers a call that waits. The caller must look for events after it, and call
// the returned function at last.
func (h *hub) wait(v *view) (w *waiter, done func()) {
	w = &waiter{view: v, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	h.waiters[w] = struct{}{}
	h.mu.Unlock()
	return w, func() {
		h.mu.Lock()
		delete(h.waiters, w)
		h.mu.Unlock()
	}
}

// hold returns the view of an account if there is one. When there is none, the caller
// reads it from the store and offers it with the returned number of changes.
func (h *hub) hold(account int64) (v *view, changed int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v = h.views[account]; v != nil {
		v.holders++
	}
	return v, h.changed
}

// offer keeps a view that was read, unless memberships changed meanwhile.
func (h *hub) offer(v *view, changed int) (*view, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known := h.views[v.account]; known != nil {
		known.holders++
		return known, true
	}
	if h.changed != changed {
		return nil, false
	}
	h.views[v.account] = v
	return v, true
}

// release gives a view back.
func (h *hub) release(v *view) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v.holders--; v.holders == 0 {
		delete(h.views, v.account)
	}
}
