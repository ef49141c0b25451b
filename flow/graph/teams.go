package graph

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	graphql "github.com/graph-gophers/graphql-go"

	"github.com/flow-mcp/flow-mcp/flow"
)

// state is what CurrentState says, by id of the team.
type state map[flow.OrgID]flow.OrgState

// stateOf returns teams and channels without what happens in them.
func stateOf(ctx context.Context) (state, error) {
	return load[flow.CurrentStateInput, map[flow.OrgID]flow.OrgState](ctx, flow.CurrentStateInput{}, flow.Engine.CurrentState)
}

// teams returns the teams by name.
func (s state) teams() []*team {
	all := make([]*team, 0, len(s))
	for _, org := range s {
		all = append(all, &team{org.Org})
	}
	slices.SortFunc(all, func(a, b *team) int {
		return cmp.Or(cmp.Compare(a.org.Name, b.org.Name), cmp.Compare(a.org.ID, b.org.ID))
	})
	return all
}

// channels returns the channels of a team by name, then direct conversations.
func (s state) channels(org flow.OrgID) []*channel {
	all := make([]*channel, 0, len(s[org].Channels))
	for _, ch := range s[org].Channels {
		all = append(all, &channel{ch.Channel})
	}
	slices.SortFunc(all, func(a, b *channel) int {
		return cmp.Or(cmp.Compare(a.is.Purpose, b.is.Purpose), cmp.Compare(a.is.Name, b.is.Name), cmp.Compare(a.is.ID, b.is.ID))
	})
	return all
}

// channel returns one channel, with what happens in it if the state says so.
func (s state) channel(id flow.ChannelID) (flow.ChannelState, bool) {
	for org := range maps.Values(s) {
		if ch, ok := org.Channels[id]; ok {
			return ch, true
		}
	}
	return flow.ChannelState{}, false
}

// team is a Team.
type team struct{ org flow.Org }

func teamOf(ctx context.Context, id flow.OrgID) (*team, error) {
	s, err := stateOf(ctx)
	if err != nil {
		return nil, err
	}
	if org, in := s[id]; in {
		return &team{org.Org}, nil
	}
	return nil, flow.Errorf(flow.NotFound, "no such team, or you are not in it")
}

func (t team) cursor() string { return string(t.org.ID) }

func (t team) ID() graphql.ID     { return graphql.ID(t.org.ID) }
func (t team) Name() string       { return t.org.Name }
func (t team) Discoverable() bool { return t.org.Discoverable }
func (t team) State() string      { return stateNames[t.org.State] }

func (t team) Channels(ctx context.Context, args forward) (*connection[*channel], error) {
	s, err := stateOf(ctx)
	if err != nil {
		return nil, err
	}
	return page(s.channels(t.org.ID), args)
}

func (t team) Members(ctx context.Context, args forward) (*connection[*member], error) {
	all, err := load(ctx, flow.EnumerateOrgMembersInput{OrgID: t.org.ID}, orgMembers)
	if err != nil {
		return nil, err
	}
	return page(all, args)
}

// member is a Member.
type member struct {
	id    flow.AccountID
	state flow.MemberState
	since int64 // milliseconds since 1970 UTC
}

// memberBytes is about what a member takes in memory.
const memberBytes = 100

func orgMembers(e flow.Engine, ctx context.Context, call flow.Call, in flow.EnumerateOrgMembersInput) ([]*member, error) {
	rows, err := e.EnumerateOrgMembers(ctx, call, in)
	if err != nil {
		return nil, err
	}
	return membersOf(ctx, rows, func(r flow.OrgMember) member { return member{r.AccountID, r.State, r.CreationTime} }), nil
}

func channelMembers(e flow.Engine, ctx context.Context, call flow.Call, in flow.EnumerateChannelMembersInput) ([]*member, error) {
	rows, err := e.EnumerateChannelMembers(ctx, call, in)
	if err != nil {
		return nil, err
	}
	return membersOf(ctx, rows, func(r flow.ChannelMember) member { return member{r.AccountID, r.State, r.CreationTime} }), nil
}

// membersOf takes rows of either kind, and counts them among what the request may hold.
func membersOf[Row any](ctx context.Context, rows []Row, of func(Row) member) []*member {
	all := make([]*member, len(rows))
	for i, row := range rows {
		one := of(row)
		all[i] = &one
	}
	requestOf(ctx).spend(memberBytes * len(all))
	return all
}

// stateNames are the values of MemberState.
var stateNames = map[flow.MemberState]string{
	flow.Owner: "OWNER", flow.Admin: "ADMIN", flow.Member: "MEMBER", flow.Banned: "BANNED",
}

func (m member) cursor() string { return string(m.id) }

func (m member) State() string { return stateNames[m.state] }

func (m member) Since() graphql.Time { return moment(m.since) }

func (m member) Account(ctx context.Context) (*account, error) { return accountOf(ctx, m.id) }

func moment(milliseconds int64) graphql.Time {
	return graphql.Time{Time: time.UnixMilli(milliseconds).UTC()}
}
