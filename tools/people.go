package tools

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/flow-mcp/flow-mcp/flow"
)

// peer is what a list says of a person: all but the keys, which few ask for and which are
// the longest part, and the server, which is the same for all.
type peer struct {
	AccountID flow.AccountID   `json:"accountId"`
	Username  string           `json:"username"`
	State     flow.MemberState `json:"state,omitzero"` // in the channel that was asked for
	You       bool             `json:"you,omitzero"`
}

// narrowing is what else the list of people takes: a channel, so that who is in one can be
// asked without another tool.
func narrowing(op flow.AnyOperation) []*field {
	if op != flow.EnumeratePeerAccounts {
		return nil
	}
	return []*field{{
		name: "channel", kind: channelID, typ: reflect.TypeFor[string](),
		description: "Its members only." + suffixes[channelID],
	}}
}

// people marks the own account in a list of people, and keeps of it the members of the
// channel that the call names, with their states in it.
func (c *call) people(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
	me, err := c.client.Identity(ctx)
	if err != nil {
		return nil, err
	}
	states, err := c.statesIn(ctx, c.text("channel"))
	if err != nil {
		return nil, prefixed("channel", err)
	}
	var all []peer
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	kept := []peer{}
	for _, person := range all {
		person.You = person.AccountID == me.AccountID
		state, in := states[person.AccountID]
		if person.State = state; in || states == nil {
			kept = append(kept, person)
		}
	}
	return json.Marshal(kept)
}

// statesIn returns the members of a channel, or nil when none is named.
func (c *call) statesIn(ctx context.Context, channel string) (states, error) {
	if channel == "" {
		return nil, nil
	}
	if _, err := c.findChannel(ctx, exactID(unquote(channel))); err != nil {
		return nil, err
	}
	return c.channelStates(ctx, c.channel.ID)
}
