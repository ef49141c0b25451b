package graph

import (
	"context"

	graphql "github.com/graph-gophers/graphql-go"

	"github.com/flow-mcp/flow-mcp/flow"
)

// channel is a Channel.
type channel struct{ is flow.Channel }

func channelOf(ctx context.Context, id flow.ChannelID) (*channel, error) {
	s, err := stateOf(ctx)
	if err != nil {
		return nil, err
	}
	if ch, in := s.channel(id); in {
		return &channel{ch.Channel}, nil
	}
	return nil, flow.Errorf(flow.NotFound, "no such channel, or you are not in it")
}

func (c channel) cursor() string { return string(c.is.ID) }

func (c channel) ID() graphql.ID { return graphql.ID(c.is.ID) }
func (c channel) Name() string   { return c.is.Name }
func (c channel) Direct() bool   { return c.is.Purpose == flow.DirectPurpose }

func (c channel) Team(ctx context.Context) (*team, error) { return teamOf(ctx, c.is.OrgID) }

func (c channel) Partner(ctx context.Context) (*account, error) {
	if c.is.DirectAccountID == "" {
		return nil, nil
	}
	return accountOf(ctx, c.is.DirectAccountID)
}

// activity returns what happens in the channel. The engine says it of all channels at
// once, which is asked for when one is.
func (c channel) activity(ctx context.Context) (*flow.Activity, error) {
	all, err := load(ctx, flow.CurrentStateInput{Stage: 1}, flow.Engine.CurrentState)
	if err != nil {
		return nil, err
	}
	ch, in := state(all).channel(c.is.ID)
	if !in || ch.Activity == nil {
		return nil, flow.Errorf(flow.NotFound, "the account has just left this channel")
	}
	return ch.Activity, nil
}

func (c channel) UnreadCount(ctx context.Context) (int32, error) {
	activity, err := c.activity(ctx)
	if err != nil {
		return 0, err
	}
	return int32(activity.UnreadCount), nil
}

func (c channel) ReadUpTo(ctx context.Context) (*graphql.ID, error) {
	mark, err := load(ctx, flow.GetChannelReadHWMInput{ChannelID: c.is.ID}, flow.Engine.GetChannelReadHWM)
	if err != nil || mark.MessageID == "" {
		return nil, err
	}
	id := graphql.ID(mark.MessageID)
	return &id, nil
}

func (c channel) LastMessage(ctx context.Context) (*message, error) {
	activity, err := c.activity(ctx)
	switch {
	case err != nil || activity.LastMessage == nil:
		return nil, err
	case !activity.Cut:
		return &message{*activity.LastMessage, requestOf(ctx)}, nil
	}
	newest, err := load(ctx, part{channel: c.is.ID, MessageFilters: flow.MessageFilters{Limit: 1}}, messagesIn)
	if err != nil || len(newest) == 0 {
		return nil, err
	}
	return newest[0], nil
}

func (c channel) Members(ctx context.Context, args forward) (*connection[*member], error) {
	all, err := load(ctx, flow.EnumerateChannelMembersInput{ChannelID: c.is.ID}, channelMembers)
	if err != nil {
		return nil, err
	}
	return page(all, args)
}
