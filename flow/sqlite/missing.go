package sqlite

import (
	"context"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// noteMissing says what of a part of a channel's history is gone. Members see also what was
// written before they came, so that nothing else is missing.
func (e *Engine) noteMissing(ctx context.Context, ch db.ChannelForRow, f *flow.MessageFilters, read []flow.Message) error {
	if ch.Removed == 0 {
		return nil
	}
	if f == nil {
		f = &flow.MessageFilters{}
	}
	after, before, err := e.bounds(ctx, ch.ID, *f)
	if err != nil {
		return err
	}
	begins := f.After == "" && f.Message == ""
	if len(read) > 0 {
		if after, before, begins, err = e.narrow(ctx, ch.ID, after, before, begins, read); err != nil {
			return err
		}
	}
	n, err := e.store.read.CountDeleted(ctx, db.CountDeletedParams{Channel: ch.ID, After: after, Before: before, Most: flow.DeletedCap})
	if err != nil {
		return err
	}
	missing := flow.Missing{Deleted: int(n)}
	if begins && n > 0 {
		missing.Retention = retention(ch.MaxDays, ch.MaxMessages)
	}
	flow.NoteMissing(ctx, missing)
	return nil
}

// narrow makes two places those between which a page was read: newest first it goes back
// to its oldest message, or to the beginning when there is none before that; oldest first
// it goes on to its newest.
func (e *Engine) narrow(ctx context.Context, channel int64, after, before flow.Cursor, newest bool, read []flow.Message) (low, high flow.Cursor, begins bool, err error) {
	if !newest {
		last, err := messageIn(ctx, e.store.read, channel, read[0].ID)
		return after, last.Seq, false, err
	}
	first, err := messageIn(ctx, e.store.read, channel, read[len(read)-1].ID)
	if err != nil {
		return after, before, false, err
	}
	oldest, err := e.store.read.OldestAfter(ctx, db.OldestAfterParams{Channel: channel, Most: 1})
	if err != nil {
		return after, before, false, err
	}
	if len(oldest) > 0 && oldest[0].Seq < first.Seq {
		return first.Seq, before, false, nil
	}
	return after, before, true, nil
}
