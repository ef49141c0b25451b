package sqlite

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// tallies know how much is unread, for the accounts that ask. What a transaction changes
// in them follows from what it adds to the log and from the memberships it changes, which
// they get from the writer through [tallies.during] and from nobody else.
//
// A count is what SQL says in the snapshot of who asks, so each tally says from which
// place in the log on it holds: in an older snapshot SQL is asked. A newer snapshot shows
// a transaction whose COMMIT has not returned yet. What that changes lies ready and is
// taken then, so the tallies are never behind.
type tallies struct {
	hub *hub

	mu      sync.Mutex
	head    flow.Cursor         // all up to here is counted in
	moved   flow.Cursor         // the last place at which the members of a channel changed
	next    batch               // is being committed
	readers map[int64]*reader   // by account
	asked   *list.List          // of them, who asked last in front
	in      map[int64][]*reader // by channel
	size    int                 // tallies in all
}

const (
	// maxTallies bounds how many are kept. One takes 45 bytes where many ask about its
	// channel and 95 where nobody else does: all together 9 to 19 MB. Who has not asked for
	// longest goes first.
	maxTallies = 200_000
	// keepTallies is for how long they are kept up to date for who does not ask again.
	keepTallies = time.Hour
	// countAtOnce is how many channels are counted one by one, before it is cheaper to
	// count in all.
	countAtOnce = 20
)

// batch is what a transaction adds to the log, and which memberships it changes.
type batch struct {
	events  []*logEvent
	changes []change
}

// reader is an account that asks.
type reader struct {
	account int64
	tallies []tally     // by channel
	moved   flow.Cursor // the last place at which it got into a channel or out of one
	last    time.Time   // it asked
	turn    *list.Element
}

// tally is how much is unread in one channel, from a place in the log on.
type tally struct {
	channel int64
	since   flow.Cursor
	count   int64
	newest  flow.Cursor // message of somebody else that came since the account asked, or 0
}

// notCounted is the count of a tally until SQL is asked.
const notCounted = -1

func newTallies(hub *hub) *tallies {
	return &tallies{
		hub: hub, head: hub.end(), asked: list.New(),
		readers: map[int64]*reader{}, in: map[int64][]*reader{},
	}
}

// during commits a transaction.
func (c *tallies) during(t *tx) error {
	c.mu.Lock()
	c.next = batch{t.events, t.changes}
	c.mu.Unlock()
	err := t.commit()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.settle()
	}
	c.next = batch{}
	return err
}

// settle takes what lies ready, unless that was done already.
func (c *tallies) settle() {
	b := c.next
	c.next = batch{}
	if len(b.events) == 0 {
		return
	}
	c.head = b.events[len(b.events)-1].seq
	for _, m := range b.changes {
		c.move(m)
	}
	for _, e := range b.events {
		c.note(e)
	}
	for idle := c.oldest(); idle != nil && time.Since(idle.last) > keepTallies; idle = c.oldest() {
		c.drop(idle)
	}
}

// move takes a change of membership.
func (c *tallies) move(m change) {
	if m.channel == 0 {
		return
	}
	c.moved = c.head
	r := c.readers[m.account]
	if r == nil {
		return
	}
	i, known := r.find(m.channel)
	switch stays := isIn(m.state); {
	case stays && !known:
		r.moved = c.head
		r.tallies = slices.Insert(r.tallies, i, tally{channel: m.channel, since: c.head, count: notCounted})
		c.enter(r, m.channel)
	case !stays && known:
		r.moved = c.head
		r.tallies = slices.Delete(r.tallies, i, i+1)
		c.leave(r, m.channel)
	}
}

// note takes an event. What was deleted may have been read or not: how much is left is
// counted when somebody asks.
func (c *tallies) note(e *logEvent) {
	switch {
	case e.message != nil:
		for _, r := range c.in[e.to.channel] {
			if r.account != e.author {
				r.tally(e.to.channel).add(e.seq, c.head)
			}
		}
	case e.kind == flow.MessageDeletionEvent.Type():
		for _, r := range c.in[e.to.channel] {
			r.tally(e.to.channel).doubt(c.head)
		}
	case e.kind == flow.HWMEvent.Type():
		if t := c.readers[e.to.account].tally(e.mark.channel); t != nil {
			t.read(e.mark.upTo, c.head)
		}
	}
}

// add counts one message more, if they are counted and not too many already.
func (t *tally) add(message, at flow.Cursor) {
	t.newest = message
	switch t.count {
	case flow.UnreadCap:
		return
	case notCounted:
	default:
		t.count++
	}
	t.since = at
}

// read takes a new read mark. Behind the newest message there is nothing more.
func (t *tally) read(upTo, at flow.Cursor) {
	if t.newest == 0 || upTo < t.newest {
		t.doubt(at)
		return
	}
	t.count, t.since = 0, at
}

// doubt says that there may be fewer. Fewer than none there cannot be.
func (t *tally) doubt(at flow.Cursor) {
	if t.count != 0 {
		t.count, t.since = notCounted, at
	}
}

// find returns where the tally of a channel is, or would be.
func (r *reader) find(channel int64) (int, bool) {
	return slices.BinarySearchFunc(r.tallies, channel, func(t tally, id int64) int { return cmp.Compare(t.channel, id) })
}

// tally returns the tally of a channel, or nil.
func (r *reader) tally(channel int64) *tally {
	if r == nil {
		return nil
	}
	i, known := r.find(channel)
	if !known {
		return nil
	}
	return &r.tallies[i]
}

// reader returns an account that asks. There is none while it is not known for sure
// which channels the account is in, or when they are too many: what the hub knows may be
// older than the last change of memberships, or newer while one is being committed.
func (c *tallies) reader(account int64) *reader {
	if r := c.readers[account]; r != nil {
		r.last = time.Now()
		c.asked.MoveToFront(r.turn)
		return r
	}
	channels, place, ok := c.hub.membershipOf(account)
	if !ok || place < c.moved || len(c.next.changes) > 0 || len(channels) > maxTallies {
		return nil
	}
	r := &reader{account: account, tallies: make([]tally, len(channels)), moved: c.moved, last: time.Now()}
	slices.Sort(channels)
	for i, channel := range channels {
		r.tallies[i] = tally{channel: channel, since: c.head, count: notCounted}
		c.enter(r, channel)
	}
	c.readers[account] = r
	r.turn = c.asked.PushFront(r)
	for c.size > maxTallies {
		c.drop(c.oldest())
	}
	return r
}

// oldest returns who has not asked for longest.
func (c *tallies) oldest() *reader {
	last := c.asked.Back()
	if last == nil {
		return nil
	}
	return last.Value.(*reader)
}

// drop forgets an account. Maps keep their room, so the last one takes them along.
func (c *tallies) drop(r *reader) {
	for _, t := range r.tallies {
		c.leave(r, t.channel)
	}
	c.asked.Remove(r.turn)
	delete(c.readers, r.account)
	if len(c.readers) == 0 {
		c.readers, c.in = map[int64]*reader{}, map[int64][]*reader{}
	}
}

func (c *tallies) enter(r *reader, channel int64) {
	c.in[channel] = append(c.in[channel], r)
	c.size++
}

func (c *tallies) leave(r *reader, channel int64) {
	c.size--
	list := c.in[channel]
	if len(list) == 1 {
		delete(c.in, channel)
		return
	}
	i := slices.Index(list, r)
	c.in[channel] = slices.Delete(list, i, i+1)
}

// at returns what is known of an account at a place in the log, and of how many channels
// nothing is. It reports false when it is not even known which channels there are.
func (c *tallies) at(account int64, place flow.Cursor) (counts []db.UnreadCountsRow, open int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if place > c.head {
		c.settle()
	}
	r := c.reader(account)
	if r == nil || r.moved > place {
		return nil, 0, false
	}
	counts = make([]db.UnreadCountsRow, len(r.tallies))
	for i, t := range r.tallies {
		if t.since > place {
			t.count = notCounted
		}
		if t.count == notCounted {
			open++
		}
		counts[i] = db.UnreadCountsRow{Channel: t.channel, Unread: t.count}
	}
	return counts, open, true
}

// now returns what is known of one channel after all that was committed.
func (c *tallies) now(account, channel int64) (count int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.reader(account).tally(channel)
	if t == nil || t.count == notCounted {
		return 0, false
	}
	return int(t.count), true
}

// learn takes what was counted at a place in the log, where nothing has changed since.
func (c *tallies) learn(account int64, place flow.Cursor, counts ...db.UnreadCountsRow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if place > c.head {
		c.settle()
	}
	r := c.readers[account]
	for _, row := range counts {
		if t := r.tally(row.Channel); t != nil && t.since <= place {
			t.count = row.Unread
		}
	}
}

// all counts what is unread in each channel of an account. The queries must be of one
// snapshot.
func (c *tallies) all(ctx context.Context, q *db.Queries, account int64) ([]db.UnreadCountsRow, error) {
	end, err := q.EndOfLog(ctx)
	if err != nil {
		return nil, err
	}
	place := flow.Cursor(end)
	counts, open, ok := c.at(account, place)
	if !ok {
		if counts, err = notYetCounted(ctx, q, account); err != nil {
			return nil, err
		}
		open = len(counts)
	}
	if open > countAtOnce {
		if err := countAll(ctx, q, account, counts); err != nil {
			return nil, err
		}
		c.learn(account, place, counts...)
		return counts, nil
	}
	for i := range counts {
		if counts[i].Unread != notCounted {
			continue
		}
		if counts[i].Unread, err = q.CountUnread(ctx, counts[i].Channel, account); err != nil {
			return nil, err
		}
		c.learn(account, place, counts[i])
	}
	return counts, nil
}

// notYetCounted asks SQL which channels an account is in.
func notYetCounted(ctx context.Context, q *db.Queries, account int64) ([]db.UnreadCountsRow, error) {
	views, err := q.ChannelViews(ctx, account)
	counts := make([]db.UnreadCountsRow, len(views))
	for i, v := range views {
		counts[i] = db.UnreadCountsRow{Channel: v.Channel, Unread: notCounted}
	}
	return counts, err
}

// countAll asks SQL, which is silent about channels where nobody has written: to tell of
// each would take as long as to look into its indexes.
func countAll(ctx context.Context, q *db.Queries, account int64, counts []db.UnreadCountsRow) error {
	rows, err := q.UnreadCounts(ctx, account)
	if err != nil {
		return err
	}
	unread := make(map[int64]int64, len(rows))
	for _, row := range rows {
		unread[row.Channel] = row.Unread
	}
	for i := range counts {
		counts[i].Unread = unread[counts[i].Channel]
	}
	return nil
}

// unreadIn counts what is unread by an account in one of its channels.
func (s *store) unreadIn(ctx context.Context, account, channel int64) (int, error) {
	if count, ok := s.tallies.now(account, channel); ok {
		return count, nil
	}
	var count int64
	err := s.snapshot(ctx, func(q *db.Queries) error {
		place, err := q.EndOfLog(ctx)
		if err != nil {
			return err
		}
		if count, err = q.CountUnread(ctx, channel, account); err != nil {
			return err
		}
		s.tallies.learn(account, flow.Cursor(place), db.UnreadCountsRow{Channel: channel, Unread: count})
		return nil
	})
	return int(count), err
}
