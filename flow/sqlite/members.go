package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// isIn reports whether a state is one of a member.
func isIn(state flow.MemberState) bool { return rank(state) > rank(flow.Banned) }

// setOrgState brings an account into a state in a team. Who is banned leaves the team's
// channels; the last owner stays.
func (t *tx) setOrgState(org db.OrgForRow, who person, state flow.MemberState) error {
	before, err := t.OrgMember(t.ctx, org.ID, who.id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if before.State == state {
		return nil
	}
	if before.State == flow.Owner {
		if other, err := t.OtherOwner(t.ctx, org.ID, who.id); err != nil || !other {
			if err != nil {
				return err
			}
			return flow.Errorf(flow.Conflict, "this is the last owner of the team; make another owner first")
		}
	}
	if !isIn(before.State) && isIn(state) {
		_, err := emit(t, flow.OrgEvent, audience{account: who.id},
			[]flow.Org{{ID: org.Public, Name: org.Name, Discoverable: org.Discoverable, State: state}})
		if err != nil {
			return err
		}
	}
	account, err := t.AccountByID(t.ctx, who.id)
	if err != nil {
		return err
	}
	seq, err := emit(t, flow.OrgMemberEvent, audience{account: who.id, org: org.ID},
		[]flow.OrgMember{{OrgID: org.Public, AccountID: who.public, Kind: account.Kind, State: state, CreationTime: t.now}})
	if err != nil {
		return err
	}
	since := before.Since
	if !isIn(before.State) {
		since = seq
	}
	t.changes = append(t.changes, change{account: who.id, org: org.ID, state: state, since: since})
	if err := t.SetOrgMember(t.ctx, db.SetOrgMemberParams{Org: org.ID, Account: who.id, State: state, Since: since, Changed: t.now}); err != nil {
		return err
	}
	if err := t.AddOrgHistory(t.ctx, db.AddOrgHistoryParams{Seq: seq, Org: org.ID, Account: who.id, State: state, Changed: t.now}); err != nil {
		return err
	}
	switch {
	case state == flow.Banned:
		return t.leaveChannels(org.ID, who)
	case !isIn(before.State):
		return t.autoAdd(org, who)
	}
	return nil
}

// leaveChannels bans an account from all channels of a team. Those that it alone
// administered get another admin, see [tx.succeed].
func (t *tx) leaveChannels(org int64, who person) error {
	ids, err := t.ChannelIDsIn(t.ctx, who.id, org)
	for _, id := range ids {
		if err != nil {
			return err
		}
		err = t.leaveOne(id, who)
	}
	return err
}

func (t *tx) leaveOne(id int64, who person) error {
	row, err := t.ChannelByID(t.ctx, id)
	if err != nil {
		return err
	}
	before, err := t.ChannelMember(t.ctx, id, who.id)
	if err != nil {
		return err
	}
	ch := channel{id: id, org: row.Org, public: row.Public, orgPublic: row.OrgPublic}
	if err := t.leave(ch, who); err != nil || !administers(before.State) {
		return err
	}
	return t.succeed(ch)
}

// leave bans an account from a channel in which others may stay.
func (t *tx) leave(ch channel, who person) error {
	if err := t.setChannelState(ch, who, flow.Banned); err != nil {
		return err
	}
	return t.renewKey(ch)
}

// setChannelState brings an account into a state in a channel. Who is new there learns
// of the channel and then of its name.
func (t *tx) setChannelState(ch channel, who person, state flow.MemberState) error {
	before, err := t.ChannelMember(t.ctx, ch.id, who.id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if before.State == state {
		return nil
	}
	seq, err := emit(t, flow.ChannelMemberEvent, audience{account: who.id, channel: ch.id},
		[]flow.ChannelMember{{OrgID: ch.orgPublic, ChannelID: ch.public, AccountID: who.public, State: state, CreationTime: t.now}})
	if err != nil {
		return err
	}
	since := before.Since
	if !isIn(before.State) {
		since = seq
	}
	t.changes = append(t.changes, change{account: who.id, channel: ch.id, state: state, since: since})
	if err := t.SetChannelMember(t.ctx, db.SetChannelMemberParams{Channel: ch.id, Account: who.id, State: state, Since: since, Changed: t.now}); err != nil {
		return err
	}
	if err := t.AddChannelHistory(t.ctx, db.AddChannelHistoryParams{Seq: seq, Channel: ch.id, Account: who.id, State: state, Changed: t.now}); err != nil {
		return err
	}
	if isIn(before.State) || !isIn(state) {
		return nil
	}
	return t.introduce(ch, who)
}

// introduce tells an account of a channel that it is in from now on, and gives it the key
// before the name, which programs take for the sign that they can read the channel.
func (t *tx) introduce(ch channel, who person) error {
	object := []flow.Channel{ch.object(who.id)}
	if _, err := emit(t, flow.ChannelEvent, audience{account: who.id}, object); err != nil {
		return err
	}
	if err := t.shareKey(ch, who); err != nil {
		return err
	}
	_, err := emit(t, flow.MessageEvent, audience{account: who.id},
		flow.MessageChange{RegularMessages: []flow.Message{}, ChannelMessages: object})
	return err
}

// orgMember returns an account that is in a team.
func (t *tx) orgMember(org int64, id flow.AccountID) (person, error) {
	account, err := accountByPublic(t.ctx, t.Queries, id)
	if err != nil {
		return person{}, err
	}
	row, err := t.OrgMember(t.ctx, org, account.ID)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !isIn(row.State) {
		return person{}, flow.Errorf(flow.NotFound, "this account is not in the team; add it with OrgAddMember first")
	}
	return person{account.ID, account.Public}, err
}

func accountByPublic(ctx context.Context, q *db.Queries, id flow.AccountID) (db.Account, error) {
	account, err := q.AccountByPublic(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = flow.Errorf(flow.NotFound, "there is no account %q", clip(string(id)))
	}
	return account, err
}

// EnumerateOrgMembers implements [flow.Engine].
func (e *Engine) EnumerateOrgMembers(ctx context.Context, call flow.Call, in flow.EnumerateOrgMembersInput) ([]flow.OrgMember, error) {
	org, err := e.orgOf(ctx, call, "EnumerateOrgMembers", in.OrgID)
	if err != nil {
		return nil, err
	}
	rows, err := e.store.read.OrgMembers(ctx, org.ID)
	list := make([]flow.OrgMember, len(rows))
	for i, r := range rows {
		list[i] = flow.OrgMember{OrgID: in.OrgID, AccountID: r.Public, Kind: r.Kind, State: r.State, CreationTime: r.Changed}
	}
	return list, e.store.explain(err)
}

// EnumerateOrgMemberHistory implements [flow.Engine].
func (e *Engine) EnumerateOrgMemberHistory(ctx context.Context, call flow.Call, in flow.EnumerateOrgMemberHistoryInput) ([]flow.OrgMember, error) {
	org, err := e.orgOf(ctx, call, "EnumerateOrgMemberHistory", in.OrgID)
	if err != nil {
		return nil, err
	}
	rows, err := e.store.read.OrgHistory(ctx, org.ID)
	list := make([]flow.OrgMember, len(rows))
	for i, r := range rows {
		list[i] = flow.OrgMember{OrgID: in.OrgID, AccountID: r.Public, Kind: r.Kind, State: r.State, CreationTime: r.Changed}
	}
	return list, e.store.explain(err)
}

// OrgAddMember implements [flow.Engine]. A join request of the account is settled.
func (e *Engine) OrgAddMember(ctx context.Context, call flow.Call, in flow.OrgAddMemberInput) (flow.Nothing, error) {
	return e.changeOrgMember(ctx, call, "OrgAddMember", in.OrgID, in.MemberAccountID, in.MemberState)
}

// SetOrgMemberState implements [flow.Engine].
func (e *Engine) SetOrgMemberState(ctx context.Context, call flow.Call, in flow.SetOrgMemberStateInput) (flow.Nothing, error) {
	return e.changeOrgMember(ctx, call, "SetOrgMemberState", in.OrgID, in.MemberAccountID, in.MemberState)
}

func (e *Engine) changeOrgMember(
	ctx context.Context, call flow.Call, method string, org flow.OrgID, member flow.AccountID, state flow.MemberState,
) (flow.Nothing, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	if err := checkState(state); err != nil {
		return flow.Nothing{}, err
	}
	return once(ctx, e, call, method, string(self.id), func(t *tx) (none flow.Nothing, err error) {
		place, err := orgFor(t.ctx, t.Queries, self, beThere, org)
		if err != nil {
			return none, err
		}
		account, err := accountByPublic(t.ctx, t.Queries, member)
		if err != nil {
			return none, err
		}
		before, err := t.OrgMember(t.ctx, place.ID, account.ID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return none, err
		}
		if err != nil && method == "SetOrgMemberState" {
			return none, flow.Errorf(flow.NotFound, "this account is not in the team; add it with OrgAddMember first")
		}
		own := flow.MemberState(place.State)
		if err := mayChange(method, "team", own, before.State, state, account.ID == self.account); err != nil {
			return none, err
		}
		if account.Kind == flow.EscrowKind && !isIn(before.State) && isIn(state) {
			if err := allow(admitEscrow, "team", own); err != nil {
				return none, err
			}
		}
		if err := t.DropJoinRequest(t.ctx, place.ID, account.ID); err != nil {
			return none, err
		}
		return none, t.setOrgState(place, person{account.ID, account.Public}, state)
	})
}

// mayChange says whether an account in state own may bring somebody, or itself, from one
// state to the next.
func mayChange(method, place string, own, from, to flow.MemberState, itself bool) error {
	if itself && mayTake(from, to) {
		return nil
	}
	if err := allow(method, place, own); err != nil {
		return err
	}
	return mayGive(own, from, to)
}

// EnumerateChannelMembers implements [flow.Engine].
func (e *Engine) EnumerateChannelMembers(ctx context.Context, call flow.Call, in flow.EnumerateChannelMembersInput) ([]flow.ChannelMember, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	ch, err := channelFor(ctx, e.store.read, self, "EnumerateChannelMembers", in.ChannelID, "")
	if err != nil {
		return nil, e.store.explain(err)
	}
	rows, err := e.store.read.ChannelMembers(ctx, ch.ID)
	list := make([]flow.ChannelMember, len(rows))
	for i, r := range rows {
		list[i] = flow.ChannelMember{OrgID: ch.OrgPublic, ChannelID: in.ChannelID, AccountID: r.Public, State: r.State, CreationTime: r.Changed}
	}
	return list, e.store.explain(err)
}

// EnumerateChannelMemberHistory implements [flow.Engine].
func (e *Engine) EnumerateChannelMemberHistory(ctx context.Context, call flow.Call, in flow.EnumerateChannelMemberHistoryInput) ([]flow.ChannelMember, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	ch, err := channelFor(ctx, e.store.read, self, "EnumerateChannelMemberHistory", in.ChannelID, "")
	if err != nil {
		return nil, e.store.explain(err)
	}
	rows, err := e.store.read.ChannelHistory(ctx, ch.ID)
	list := make([]flow.ChannelMember, len(rows))
	for i, r := range rows {
		list[i] = flow.ChannelMember{OrgID: ch.OrgPublic, ChannelID: in.ChannelID, AccountID: r.Public, State: r.State, CreationTime: r.Changed}
	}
	return list, e.store.explain(err)
}

// ChannelAddMember implements [flow.Engine].
func (e *Engine) ChannelAddMember(ctx context.Context, call flow.Call, in flow.ChannelAddMemberInput) (flow.Nothing, error) {
	return e.changeChannelMember(ctx, call, "ChannelAddMember", flow.NewChannelMemberStateInput(in))
}

// NewChannelMemberState implements [flow.Engine].
func (e *Engine) NewChannelMemberState(ctx context.Context, call flow.Call, in flow.NewChannelMemberStateInput) (flow.Nothing, error) {
	return e.changeChannelMember(ctx, call, "NewChannelMemberState", in)
}

func (e *Engine) changeChannelMember(ctx context.Context, call flow.Call, method string, in flow.NewChannelMemberStateInput) (flow.Nothing, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	if err := checkState(in.MemberState); err != nil {
		return flow.Nothing{}, err
	}
	return once(ctx, e, call, method, string(self.id), func(t *tx) (none flow.Nothing, err error) {
		row, err := channelFor(t.ctx, t.Queries, self, beThere, in.ChannelID, in.OrgID)
		if err != nil {
			return none, err
		}
		ch, err := whole(t.ctx, t.Queries, row, in.ChannelID)
		if err != nil {
			return none, err
		}
		them, from, err := t.candidate(ch, method, in.MemberAccountID, in.MemberState)
		if err != nil {
			return none, err
		}
		own, err := t.standingIn(ch, self.account, flow.MemberState(row.State))
		if err != nil {
			return none, err
		}
		if err := mayChange(method, "channel", own, from, in.MemberState, them.id == self.account); err != nil {
			return none, amongTwo(row.One.Valid, err)
		}
		if err := t.keepsAdmin(ch, them, from, in.MemberState); err != nil {
			return none, err
		}
		if isIn(from) && !isIn(in.MemberState) {
			return none, t.leave(ch, them)
		}
		return none, t.setChannelState(ch, them, in.MemberState)
	})
}

// candidate returns the account whose state in a channel is to change, and that state.
func (t *tx) candidate(ch channel, method string, id flow.AccountID, to flow.MemberState) (person, flow.MemberState, error) {
	account, err := accountByPublic(t.ctx, t.Queries, id)
	if err != nil {
		return person{}, "", err
	}
	them := person{account.ID, account.Public}
	row, err := t.ChannelMember(t.ctx, ch.id, them.id)
	switch {
	case err == nil && !isIn(to):
		return them, row.State, nil
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return them, "", err
	case err != nil && method == "NewChannelMemberState":
		return them, "", flow.Errorf(flow.NotFound, "this account is not in the channel; add it with ChannelAddMember first")
	case ch.one.id != 0 && them.id != ch.one.id && them.id != ch.other.id:
		return them, "", flow.Errorf(flow.Conflict, "a direct conversation has two people; make a channel for more")
	}
	if _, err := t.orgMember(ch.org, id); err != nil {
		return them, "", err
	}
	return them, row.State, nil
}
