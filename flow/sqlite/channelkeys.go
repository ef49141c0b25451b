package sqlite

import (
	"crypto/rand"
	"fmt"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// Every channel has a session key, 32 random bytes. Who is added gets the newest one, and
// when somebody leaves there is a new one for those who stay. In this engine all members
// read one store, so that getting a key means that the store holds it for the channel;
// messages are not encrypted with it.

// shareKey gives the session key of a channel to who is new there. For the first one it
// is made.
func (t *tx) shareKey(ch channel, who person) error {
	epoch, err := t.ChannelEpoch(t.ctx, ch.id)
	if err != nil {
		return err
	}
	if epoch == 0 {
		return t.newKey(ch, 1)
	}
	_, err = emit(t, flow.ChannelSessionKeyShareEvent, audience{channel: ch.id},
		[]flow.ChannelKeyShare{{OrgID: ch.orgPublic, ChannelID: ch.public, AccountID: who.public, Epoch: epoch}})
	return err
}

// renewKey gives those who are still in a channel a key that those who left have not.
func (t *tx) renewKey(ch channel) error {
	some, err := t.AnyoneIn(t.ctx, ch.id)
	if err != nil || !some {
		return err
	}
	epoch, err := t.ChannelEpoch(t.ctx, ch.id)
	if err != nil {
		return err
	}
	return t.newKey(ch, epoch+1)
}

// channelKeyLabel is what a session key is sealed as.
func channelKeyLabel(id flow.ChannelID, epoch int64) string {
	return fmt.Sprintf("session key %d of channel %s", epoch, id)
}

func (t *tx) newKey(ch channel, epoch int64) error {
	secret := make([]byte, 32)
	rand.Read(secret)
	err := t.AddChannelKey(t.ctx, db.AddChannelKeyParams{
		Channel: ch.id, Epoch: epoch, Created: t.now,
		Secret: t.vault.seal(secret, channelKeyLabel(ch.public, epoch)),
	})
	if err != nil {
		return err
	}
	_, err = emit(t, flow.ChannelSessionKeyEvent, audience{channel: ch.id},
		[]flow.ChannelKey{{OrgID: ch.orgPublic, ChannelID: ch.public, Epoch: epoch}})
	return err
}
