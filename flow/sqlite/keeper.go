package sqlite

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// keepChunk is how much the keeper removes in one transaction, before it comes again at
// once, and strayChunk how much it reads at once where it has to look at the date of each.
const (
	keepChunk  = 200
	strayChunk = 50 * keepChunk
)

// keepPause is how long the keeper sleeps at most, and keepAgain after a failure. What is
// sent while it sleeps has its day ahead of it.
const (
	keepPause = time.Hour
	keepAgain = time.Minute
)

// clockSlack is how much older than the one before a message may be dated without making
// it necessary to look at the dates of all: it goes so much too late. Clocks are set by
// some milliseconds all the time.
const clockSlack = time.Minute

// keeper removes messages when their days are over or their channel was deleted, and all
// that is more than trim does. It looks for them beside the writer, which only checks what
// the keeper has found.
type keeper struct {
	store *store
	bends map[int64]bend
	waked chan struct{}
	stop  context.CancelFunc
	done  chan struct{}
}

// bend is where the messages of a channel leave the order of their dates, as it was found
// when the channel had such an ahead. All before it are dated no later than any after them.
type bend struct{ ahead, at flow.Cursor }

func startKeeper(s *store) *keeper {
	ctx, stop := context.WithCancel(context.Background())
	k := &keeper{store: s, bends: map[int64]bend{}, waked: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	go k.run(ctx)
	return k
}

func (k *keeper) run(ctx context.Context) {
	defer close(k.done)
	timer := time.NewTimer(0) // what was due while nobody owned the store
	defer timer.Stop()
	for {
		select {
		case <-k.waked:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		pause, err := k.expire(ctx)
		if err != nil && ctx.Err() == nil {
			k.store.log.Warn("store: messages that channels do not keep remain", "error", err)
			pause = keepAgain
		}
		timer.Reset(pause)
	}
}

func (k *keeper) wake() { signal(k.waked) }

func (k *keeper) close() {
	k.stop()
	<-k.done
}

// expire removes what channels keep no longer, and says when to look again.
func (k *keeper) expire(ctx context.Context) (pause time.Duration, err error) {
	channels, err := k.store.read.LimitedChannels(ctx)
	if err != nil {
		return 0, k.store.explain(err)
	}
	pause = keepPause
	var failed []error
	for _, ch := range channels {
		next, err := k.expireIn(ctx, ch.ID)
		if err != nil {
			failed = append(failed, err) // the other channels are kept all the same
			continue
		}
		if next != 0 {
			pause = min(pause, max(0, time.Until(time.UnixMilli(next))))
		}
	}
	return pause, errors.Join(failed...)
}

// expireIn does so in one channel. It asks the writer only when there is something to do.
func (k *keeper) expireIn(ctx context.Context, id int64) (next int64, err error) {
	for {
		ch, err := k.store.read.LimitedChannel(ctx, id)
		if err != nil {
			return 0, k.store.explain(err)
		}
		d, err := k.dueIn(ctx, ch, time.Now().UnixMilli())
		if err != nil {
			return 0, k.store.explain(err)
		}
		if len(d.messages) == 0 && ch.Cleared == 0 && d.straight == 0 {
			return d.next, nil
		}
		for part := range slices.Chunk(d.messages, keepChunk) {
			if err := k.store.change(ctx, func(t *tx) error { return t.keep(id, part) }); err != nil {
				return 0, err
			}
		}
		if len(d.messages) == 0 || d.straight > 0 {
			if err := k.store.change(ctx, func(t *tx) error { return t.settle(ch, d.straight) }); err != nil {
				return 0, err
			}
		}
	}
}

// due is what a channel keeps no longer.
type due struct {
	messages []db.OldestAfterRow // some of them, when there are many
	next     int64               // when the next message goes by its age; zero when there is none
	straight flow.Cursor         // up to here they are in the order of their dates, though it was said that they are not
}

// dueIn finds out what goes from a channel at a time, the oldest first. Up to the channel's
// ahead messages may be dated later than some after them; beyond it they are in order. The
// first of these counts:
//   - There is an excess: the oldest go, whatever their dates.
//   - Nothing is left up to ahead, or it is zero: all are in order, and ahead can be forgotten.
//   - Messages stay for ever: ahead is kept for when they do not.
//   - There is no bend: who was dated too late is gone, and ahead can be forgotten.
//   - The oldest comes before the bend: so far they are in order.
//   - The bend is at the oldest: only the dates of all up to ahead tell.
func (k *keeper) dueIn(ctx context.Context, ch db.LimitedChannelRow, now int64) (due, error) {
	q := k.store.read
	upTo, err := excess(ctx, q, ch, keepChunk)
	if err != nil {
		return due{}, err
	}
	oldest, err := q.OldestAfter(ctx, db.OldestAfterParams{Channel: ch.ID, Most: keepChunk})
	if err != nil {
		return due{}, err
	}
	if n := countUpTo(oldest, upTo); n > 0 {
		return due{messages: oldest[:n]}, nil
	}
	if len(oldest) == 0 || ch.Ahead < oldest[0].Seq {
		delete(k.bends, ch.ID)
		return dueAmong(oldest, ch, now).straightUpTo(ch.Ahead), nil
	}
	if ch.MaxDays == 0 {
		return due{}, nil // dates do not matter
	}
	b, err := k.bendOf(ctx, ch, oldest[0].Seq)
	switch {
	case err != nil:
		return due{}, err
	case b.at == 0:
		return dueAmong(oldest, ch, now).straightUpTo(ch.Ahead), nil
	case oldest[0].Seq < b.at:
		return dueAmong(oldest[:countUpTo(oldest, b.at-1)], ch, now), nil
	}
	return dueAstray(ctx, q, ch, now)
}

func (d due) straightUpTo(place flow.Cursor) due {
	d.straight = place
	return d
}

// countUpTo counts the messages up to a place.
func countUpTo(list []db.OldestAfterRow, place flow.Cursor) int {
	n := 0
	for n < len(list) && list[n].Seq <= place {
		n++
	}
	return n
}

// lifetime is how many milliseconds a channel keeps a message; zero is for ever.
func lifetime(ch db.LimitedChannelRow) int64 { return ch.MaxDays * (24 * time.Hour).Milliseconds() }

// dueAmong finds out which of a channel's oldest messages go by their age, when they are in
// the order of their dates.
func dueAmong(oldest []db.OldestAfterRow, ch db.LimitedChannelRow, now int64) due {
	if ch.MaxDays == 0 {
		return due{}
	}
	for i, m := range oldest {
		if end := m.Created + lifetime(ch); end > now {
			return due{messages: oldest[:i], next: end}
		}
	}
	return due{messages: oldest}
}

// bendOf returns where the messages of a channel leave the order of their dates, of which
// the oldest is at a place. It is nowhere when they are in order.
func (k *keeper) bendOf(ctx context.Context, ch db.LimitedChannelRow, oldest flow.Cursor) (bend, error) {
	if b, known := k.bends[ch.ID]; known && b.ahead == ch.Ahead && oldest <= b.at {
		return b, nil
	}
	q := k.store.read
	later, err := q.OldestAfter(ctx, db.OldestAfterParams{Channel: ch.ID, After: ch.Ahead, Most: 1})
	if err != nil {
		return bend{}, err
	}
	var earliest int64
	if len(later) > 0 {
		earliest = later[0].Created
	} else { // what comes next is compared with the newest, even when that is gone
		last, err := q.LastMessage(ctx, ch.ID)
		if err != nil {
			return bend{}, err
		}
		earliest = last.Created
	}
	at, err := q.FirstAstray(ctx, db.FirstAstrayParams{
		Channel: ch.ID, Ahead: ch.Ahead, Slack: clockSlack.Milliseconds(), Earliest: earliest,
	})
	b := bend{ahead: ch.Ahead, at: flow.Cursor(at)}
	if err == nil {
		k.bends[ch.ID] = b
	}
	return b, err
}

// dueAstray finds out what goes from a channel by its age when the oldest of its messages
// is dated later than some after it. It looks at all up to where they are in order again,
// and is not to do that all the time.
func dueAstray(ctx context.Context, q *db.Queries, ch db.LimitedChannelRow, now int64) (due, error) {
	rows, err := q.SentBefore(ctx, db.SentBeforeParams{Channel: ch.ID, Ahead: ch.Ahead, Date: now - lifetime(ch), Most: strayChunk})
	if err != nil {
		return due{}, err
	}
	if len(rows) > 0 {
		d := due{messages: make([]db.OldestAfterRow, len(rows))}
		for i, row := range rows {
			d.messages[i] = db.OldestAfterRow(row)
		}
		return d, nil
	}
	later, err := q.OldestAfter(ctx, db.OldestAfterParams{Channel: ch.ID, After: ch.Ahead, Most: keepChunk})
	if err != nil {
		return due{}, err
	}
	d := dueAmong(later, ch, now)
	if len(d.messages) > 0 {
		return d, nil
	}
	date, err := q.OldestDate(ctx, ch.ID, ch.Ahead)
	if end := date + lifetime(ch); date > 0 && (d.next == 0 || end < d.next) {
		d.next = end
	}
	if d.next > 0 {
		d.next = max(d.next, now+clockSlack.Milliseconds())
	}
	return d, err
}

// keep removes those of some messages that the channel does not keep now either.
func (t *tx) keep(id int64, found []db.OldestAfterRow) error {
	ch, err := t.LimitedChannel(t.ctx, id)
	if err != nil {
		return err
	}
	upTo, err := excess(t.ctx, t.Queries, ch, len(found))
	if err != nil {
		return err
	}
	return t.expire(ch, slices.DeleteFunc(slices.Clone(found), func(m db.OldestAfterRow) bool {
		old := ch.MaxDays > 0 && m.Created+lifetime(ch) <= t.now
		return m.Seq > upTo && !old
	}))
}

// settle notes that nothing of what a channel was cleared of is left, and up to where its
// messages are in the order of their dates again, unless it has changed meanwhile.
func (t *tx) settle(read db.LimitedChannelRow, straight flow.Cursor) error {
	ch, err := t.LimitedChannel(t.ctx, read.ID)
	if err != nil {
		return err
	}
	if ch.Cleared > 0 && ch.Cleared == read.Cleared {
		if err := t.SetCleared(t.ctx, 0, ch.ID); err != nil {
			return err
		}
	}
	if ch.Ahead > 0 && ch.Ahead <= straight {
		return t.SetAhead(t.ctx, 0, ch.ID)
	}
	return nil
}
