package sqlite

import (
	"context"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// tallies remember counts of unread messages, so that only what was written since has to
// be gone through. This matters to accounts that write much and read little, whose own
// messages are passed over each time.
//
// A count follows from the place of the account in the channel, which the store says:
// the read mark, the newest message, and how many messages were deleted. A tally is used
// for that place only, so there is nothing to keep up to date.
type tallies struct {
	mu    sync.Mutex
	known map[tallyKey]tally
}

type tallyKey struct{ account, channel int64 }

type tally struct {
	mark, newest, removed int64 // the place
	count                 int
}

const (
	// maxTallies bounds how many counts are remembered: about 20 MB of them.
	maxTallies = 200_000
	// countAtOnce is how many channels are counted one by one, before it is cheaper to
	// count in all.
	countAtOnce = 20
)

// nearest returns the newest known count at a place or before it.
func (c *tallies) nearest(account int64, at db.ReadingPlacesRow) tally {
	if at.Newest <= at.Mark {
		return tally{at.Mark, at.Newest, at.Removed, 0}
	}
	c.mu.Lock()
	t := c.known[tallyKey{account, at.Channel}]
	c.mu.Unlock()
	if t.mark != at.Mark || t.removed != at.Removed || t.newest > at.Newest {
		return tally{at.Mark, at.Mark, at.Removed, 0}
	}
	if t.count >= flow.UnreadCap {
		t.newest = at.Newest // there can only be more
	}
	return t
}

func (c *tallies) keep(account int64, at db.ReadingPlacesRow, count int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxTallies {
		c.known = map[tallyKey]tally{}
	}
	c.known[tallyKey{account, at.Channel}] = tally{at.Mark, at.Newest, at.Removed, count}
}

// count counts what is unread at one place.
func (c *tallies) count(ctx context.Context, q *db.Queries, account int64, at db.ReadingPlacesRow) (int, error) {
	t := c.nearest(account, at)
	if t.newest == at.Newest {
		return t.count, nil
	}
	more, err := q.CountUnread(ctx, db.CountUnreadParams{
		Channel: at.Channel, Account: account, Most: int64(flow.UnreadCap - t.count),
		After: flow.Cursor(t.newest), UpTo: flow.Cursor(at.Newest),
	})
	if err != nil {
		return 0, err
	}
	count := t.count + int(more)
	c.keep(account, at, count)
	return count, nil
}

// all counts what is unread in each channel of an account. The queries must be of one
// snapshot.
func (c *tallies) all(ctx context.Context, q *db.Queries, account int64) (map[int64]int, error) {
	places, err := q.ReadingPlaces(ctx, account)
	if err != nil {
		return nil, err
	}
	counts := make(map[int64]int, len(places))
	var unknown []db.ReadingPlacesRow
	for _, at := range places {
		t := c.nearest(account, at)
		if counts[at.Channel] = t.count; t.newest != at.Newest {
			unknown = append(unknown, at)
		}
	}
	if len(unknown) > countAtOnce {
		return counts, c.countAll(ctx, q, account, unknown, counts)
	}
	for _, at := range unknown {
		if counts[at.Channel], err = c.count(ctx, q, account, at); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// countAll counts at many places with one statement.
func (c *tallies) countAll(ctx context.Context, q *db.Queries, account int64, places []db.ReadingPlacesRow, counts map[int64]int) error {
	rows, err := q.UnreadCounts(ctx, account)
	if err != nil {
		return err
	}
	for _, r := range rows {
		counts[r.Channel] = int(r.Unread)
	}
	for _, at := range places {
		c.keep(account, at, counts[at.Channel])
	}
	return nil
}
