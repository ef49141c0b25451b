package sqlite

import (
	"database/sql"
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
)

// standingIn is [standing] of an account that is in a state in a channel.
func (t *tx) standingIn(ch channel, account int64, state flow.MemberState) (flow.MemberState, error) {
	team, err := t.OrgMember(t.ctx, ch.org, account)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return standing(team.State, state), err
}

// keepsAdmin refuses a change after which a channel would have members and nobody who
// administers it.
func (t *tx) keepsAdmin(ch channel, who person, from, to flow.MemberState) error {
	if !administers(from) || administers(to) {
		return nil
	}
	others, err := t.OthersIn(t.ctx, ch.id, who.id)
	if err != nil || others.Admins || !others.Members && !isIn(to) {
		return err
	}
	if !others.Members {
		return flow.Errorf(flow.Conflict, "this is the only member of the channel and has to be its admin; it can leave with the state b, or delete the channel with DeleteChannel")
	}
	return flow.Errorf(flow.Conflict, "this is the last admin of the channel, which has other members; make one of them an admin with NewChannelMemberState first, or delete the channel with DeleteChannel")
}

// succeed makes somebody the admin of a channel that has lost its last one. Its members
// come first who are people and not locked, then the owners of the team before its admins,
// then those who have been in the channel for the longest.
func (t *tx) succeed(ch channel) error {
	heir, err := t.Successor(t.ctx, ch.id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.setChannelState(ch, person{heir.ID, heir.Public}, flow.Admin)
}
