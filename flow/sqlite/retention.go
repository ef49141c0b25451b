package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// trimChunk is how much those who send one message too many remove in one transaction.
const trimChunk = 20

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

// excess returns the place in the log up to which the messages of a channel go, whatever
// their age: because it was deleted or they are too many. It looks at so many and one more.
// What it reads may be from before some of them went; then they are not counted twice.
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
	if errors.Is(err, sql.ErrNoRows) {
		return ch.Cleared, nil // fewer are there than ch says
	}
	return max(place, ch.Cleared), err
}

// trim removes what is too much in the channels that got messages in this batch. What is
// too old is left to the keeper, who may have to look at many for it.
func (t *tx) trim() error {
	if len(t.limited) == 0 {
		return nil
	}
	full := map[int64]bool{}
	for _, e := range t.events {
		if e.message != nil && t.limited[e.to.channel] {
			full[e.to.channel] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(full)) {
		if err := t.trimChannel(id); err != nil {
			return fmt.Errorf("remove what a channel does not keep: %w", err)
		}
	}
	return nil
}

func (t *tx) trimChannel(id int64) error {
	ch, err := t.LimitedChannel(t.ctx, id)
	if err != nil {
		return err
	}
	upTo, err := excess(t.ctx, t.Queries, ch, trimChunk)
	if err != nil || upTo == 0 {
		return err
	}
	oldest, err := t.OldestAfter(t.ctx, db.OldestAfterParams{Channel: id, Most: trimChunk + 1})
	if err != nil {
		return err
	}
	going := slices.DeleteFunc(oldest, func(m db.OldestAfterRow) bool { return m.Seq > upTo })
	if len(going) > trimChunk {
		going, t.overdue = going[:trimChunk], true
	}
	return t.expire(ch, going)
}

// expire removes messages that a channel keeps no longer.
func (t *tx) expire(ch db.LimitedChannelRow, going []db.OldestAfterRow) error {
	if len(going) == 0 {
		return nil
	}
	messages := make([]doomed, len(going))
	for i, m := range going {
		messages[i] = doomed{m.Seq, messageID(m.Uid)}
	}
	return t.remove(channel{id: ch.ID, org: ch.Org, public: ch.Public, orgPublic: ch.OrgPublic}, messages)
}
