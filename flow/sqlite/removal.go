package sqlite

import (
	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// doomed is a message that is to go.
type doomed struct {
	seq flow.Cursor
	id  flow.MessageID
}

// remove takes messages of a channel away and tells its members. There is no other way
// for a message to go, so that all rules of deletion are here: of what it said nothing
// stays in its row, the search index forgets its words, see [searcher.forget], and it moves
// to where only escrow accounts can read it when its team has such an account at this
// moment. Its files follow it, see UnusedContents. A message may be named twice, and may be
// gone already.
func (t *tx) remove(ch channel, messages []doomed) error {
	keep, err := t.HasEscrow(t.ctx, ch.org)
	if err != nil {
		return err
	}
	event := flow.MessageDeletion{OrgID: ch.orgPublic, ChannelID: ch.public}
	for _, m := range messages {
		gone, err := t.removeOne(ch, m, keep)
		if err != nil {
			return err
		}
		if gone {
			event.MessageIDs = append(event.MessageIDs, m.id)
			t.deleted = append(t.deleted, m.seq)
		}
	}
	if len(event.MessageIDs) == 0 {
		return nil
	}
	if err := t.CountRemoved(t.ctx, int64(len(event.MessageIDs)), ch.id); err != nil {
		return err
	}
	_, err = emit(t, flow.MessageDeletionEvent, audience{channel: ch.id}, []flow.MessageDeletion{event})
	return err
}

// removeOne reports whether the message was still there.
func (t *tx) removeOne(ch channel, m doomed, keep bool) (bool, error) {
	if keep {
		if err := t.KeepMessage(t.ctx, db.KeepMessageParams{Org: ch.org, Removed: t.now, Seq: m.seq}); err != nil {
			return false, err
		}
	}
	n, err := t.DeleteMessage(t.ctx, m.seq)
	return n > 0, err
}
