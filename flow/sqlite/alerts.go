package sqlite

import (
	"database/sql"
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
)

// alert asks members of a channel for their attention to a message. Those who have muted
// where it comes from are left alone. Who is not in the channel must not learn of it, so
// that then nothing is sent.
func (t *tx) alert(self *who, to target, m flow.Message, wanted []flow.AccountID) error {
	if len(wanted) == 0 {
		return nil
	}
	told := map[flow.AccountID]bool{self.id: true}
	for _, id := range wanted {
		if told[id] {
			continue
		}
		told[id] = true
		account, err := t.memberToAlert(to.id, id)
		if err != nil {
			return err
		}
		quiet, err := muted(t.ctx, t.Queries, account, flow.IsMutedByPreferencesInput{OrgID: m.OrgID, ChannelID: m.ChannelID, SenderID: self.id})
		if err != nil {
			return err
		}
		if quiet {
			continue
		}
		if _, err := emit(t, flow.NotifyEvent, audience{account: account}, alertOf(m)); err != nil {
			return err
		}
	}
	return nil
}

func alertOf(m flow.Message) flow.BackendState {
	return flow.BackendState{
		EventCode: flow.Alerted, Text: "a message asks for your attention",
		OrgID: m.OrgID, ChannelID: m.ChannelID, MessageID: m.ID, SenderAccountID: m.SenderAccountID,
	}
}

// memberToAlert returns an account that is in a channel.
func (t *tx) memberToAlert(channel int64, id flow.AccountID) (int64, error) {
	account, err := accountByPublic(t.ctx, t.Queries, id)
	if err != nil {
		return 0, err
	}
	row, err := t.ChannelMember(t.ctx, channel, account.ID)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !isIn(row.State) {
		return 0, flow.Errorf(flow.NotFound, "%q of PushNotifyAccountIDs is not in the channel; leave it out or add it with ChannelAddMember", clip(string(id)))
	}
	return account.ID, err
}
