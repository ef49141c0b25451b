package sqlite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// How much is removed in one transaction: by the keeper, which comes again at once, and
// by those who send one message too many.
const (
	keepChunk = 200
	trimChunk = 20
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

// retention is what two columns of a channel say.
func retention(days, messages int64) flow.Retention {
	return flow.Retention{MaxDays: int(days), MaxMessages: int(messages)}
}

// SetChannelRetentionPolicy implements [flow.Engine]. The keeper does the rest.
func (e *Engine) SetChannelRetentionPolicy(ctx context.Context, call flow.Call, in flow.SetChannelRetentionPolicyInput) (flow.Nothing, error) {
	none := flow.Nothing{}
	_, self, err := e.self(ctx, call)
	if err != nil {
		return none, err
	}
	switch {
	case in.MaxDays < 0 || in.MaxDays > flow.MaxRetentionDays:
		return none, flow.Errorf(flow.Invalid, "MaxDays must be between 0, which is no limit, and %d", flow.MaxRetentionDays)
	case in.MaxMessages < 0 || in.MaxMessages > flow.MaxRetentionMessages:
		return none, flow.Errorf(flow.Invalid, "MaxMessages must be between 0, which is no limit, and %d", flow.MaxRetentionMessages)
	}
	return once(ctx, e, call, "SetChannelRetentionPolicy", string(self.id), func(t *tx) (flow.Nothing, error) {
		row, err := channelFor(t.ctx, t.Queries, self, "SetChannelRetentionPolicy", in.ChannelID, in.OrgID)
		if err != nil {
			return none, err
		}
		ch, err := whole(t.ctx, t.Queries, row, in.ChannelID)
		if err != nil {
			return none, err
		}
		return none, t.limit(ch, flow.Retention{MaxDays: in.MaxDays, MaxMessages: in.MaxMessages})
	})
}

// limit says what a channel keeps from now on, and tells its members.
func (t *tx) limit(ch channel, keeps flow.Retention) error {
	if ch.keeps == keeps {
		return nil
	}
	ch.keeps = keeps
	err := t.SetRetention(t.ctx, db.SetRetentionParams{
		MaxDays: int64(keeps.MaxDays), MaxMessages: int64(keeps.MaxMessages), ID: ch.id,
	})
	if err != nil {
		return err
	}
	t.overdue = true
	if keeps.MaxMessages > 0 {
		t.limited[ch.id] = true
	}
	if ch.one.id == 0 {
		_, err := emit(t, flow.ChannelEvent, audience{channel: ch.id}, []flow.Channel{ch.object(0)})
		return err
	}
	for _, who := range []person{ch.one, ch.other} { // who see it differently
		member, err := t.ChannelMember(t.ctx, ch.id, who.id)
		if err != nil {
			return err
		}
		if !isIn(member.State) {
			continue
		}
		if _, err := emit(t, flow.ChannelEvent, audience{account: who.id}, []flow.Channel{ch.object(who.id)}); err != nil {
			return err
		}
	}
	return nil
}

// due is what a channel keeps no longer.
type due struct {
	messages []doomed
	more     bool  // there is more than was asked for
	next     int64 // when the next message goes by its age; zero when there is none
}

// dueIn finds out what goes from a channel at a time, the oldest first and at most so
// many.
func dueIn(ctx context.Context, q *db.Queries, ch db.LimitedChannelRow, now int64, most int) (due, error) {
	upTo, err := excess(ctx, q, ch, most)
	if err != nil {
		return due{}, err
	}
	lifetime := ch.MaxDays * (24 * time.Hour).Milliseconds()
	if lifetime == 0 {
		ch.Ahead = 0 // dates do not matter
	}
	rows, err := q.Going(ctx, db.GoingParams{Channel: ch.ID, Ahead: ch.Ahead, UpTo: upTo, Date: now - lifetime, Most: int64(most) + 1})
	if err != nil {
		return due{}, err
	}
	var d due
	for i, row := range rows {
		end := row.Created + lifetime
		if row.Seq > upTo && (lifetime == 0 || end > now) {
			if lifetime > 0 {
				d.next = end
			}
			break
		}
		if i == most {
			d.more = true
			return d, nil
		}
		d.messages = append(d.messages, doomed{row.Seq, messageID(row.Uid)})
	}
	if ch.Ahead == 0 || len(d.messages) > 0 {
		return d, nil
	}
	oldest, err := q.OldestDate(ctx, ch.ID, ch.Ahead)
	if end := oldest + lifetime; oldest > 0 && (d.next == 0 || end < d.next) {
		d.next = end
	}
	return d, err
}

// excess returns the place in the log up to which the messages of a channel go, whatever
// their age: because it was deleted or they are too many. It looks at so many and one more.
func excess(ctx context.Context, q *db.Queries, ch db.LimitedChannelRow, most int) (flow.Cursor, error) {
	if ch.MaxMessages == 0 {
		return ch.Cleared, nil
	}
	last, err := q.LastMessage(ctx, ch.ID)
	over := last.Number - ch.Removed - ch.MaxMessages
	if err != nil || over <= 0 {
		return ch.Cleared, err
	}
	place, err := q.PlaceOf(ctx, ch.ID, min(over-1, int64(most)))
	return max(place, ch.Cleared), err
}

// expire removes what a channel keeps no longer, up to a number of messages. It reports
// whether there is more.
func (t *tx) expire(channelID int64, most int) (more bool, err error) {
	ch, err := t.LimitedChannel(t.ctx, channelID)
	if err != nil {
		return false, err
	}
	d, err := dueIn(t.ctx, t.Queries, ch, t.now, most)
	if err != nil {
		return false, err
	}
	if ch.Cleared > 0 && !d.more {
		if err := t.SetCleared(t.ctx, 0, ch.ID); err != nil {
			return false, err
		}
	}
	if len(d.messages) == 0 {
		return false, nil
	}
	return d.more, t.remove(channel{id: ch.ID, org: ch.Org, public: ch.Public, orgPublic: ch.OrgPublic}, d.messages)
}

// trim removes what is too much in the channels that got messages in this batch.
func (t *tx) trim() error {
	if len(t.limited) == 0 {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(t.last)) {
		if !t.limited[id] {
			continue
		}
		more, err := t.expire(id, trimChunk)
		if err != nil {
			return fmt.Errorf("remove what a channel does not keep: %w", err)
		}
		t.overdue = t.overdue || more
	}
	return nil
}

// keeper removes messages when their days are over or their channel was deleted, and all
// that is more than trim does.
type keeper struct {
	waked chan struct{}
	stop  context.CancelFunc
	done  chan struct{}
}

func startKeeper(s *store) *keeper {
	ctx, stop := context.WithCancel(context.Background())
	k := &keeper{waked: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	go k.run(ctx, s)
	return k
}

func (k *keeper) run(ctx context.Context, s *store) {
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
		pause, err := s.expire(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("store: messages that channels do not keep remain", "error", err)
			pause = keepAgain
		}
		timer.Reset(pause)
	}
}

func (k *keeper) wake() {
	select {
	case k.waked <- struct{}{}:
	default:
	}
}

func (k *keeper) close() {
	k.stop()
	<-k.done
}

// expire removes what channels keep no longer, and says when to look again.
func (s *store) expire(ctx context.Context) (pause time.Duration, err error) {
	channels, err := s.read.LimitedChannels(ctx)
	if err != nil {
		return 0, s.explain(err)
	}
	pause = keepPause
	var failed []error
	for _, ch := range channels {
		next, err := s.expireIn(ctx, db.LimitedChannelRow(ch))
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
func (s *store) expireIn(ctx context.Context, ch db.LimitedChannelRow) (next int64, err error) {
	for {
		d, err := dueIn(ctx, s.read, ch, time.Now().UnixMilli(), keepChunk)
		if err != nil {
			return 0, s.explain(err)
		}
		if len(d.messages) == 0 && ch.Cleared == 0 {
			return d.next, nil
		}
		err = s.change(ctx, func(t *tx) error {
			_, err := t.expire(ch.ID, keepChunk)
			return err
		})
		if err != nil {
			return 0, err
		}
		if ch, err = s.read.LimitedChannel(ctx, ch.ID); err != nil {
			return 0, s.explain(err)
		}
	}
}
