package sqlite

import (
	"context"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/graph"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// snapshot runs reads that have to agree: all see the store as it is when the first of
// them begins.
func (s *store) snapshot(ctx context.Context, run func(*db.Queries) error) error {
	t, err := s.reads.snapshot(ctx, s.pool)
	if err != nil {
		return s.explain(err)
	}
	defer t.Rollback() // ends it; there is nothing to undo
	return s.explain(run(db.New(t)))
}

// CurrentState implements [flow.Engine].
func (e *Engine) CurrentState(ctx context.Context, call flow.Call, in flow.CurrentStateInput) (map[flow.OrgID]flow.OrgState, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	if in.Stage != 0 && in.Stage != 1 {
		return nil, flow.Errorf(flow.Invalid, "Stage must be 0 (quick) or 1 (with unread counts and newest messages)")
	}
	var state map[flow.OrgID]flow.OrgState
	err = e.store.snapshot(ctx, func(q *db.Queries) error {
		activity := map[int64]*flow.Activity{}
		if in.Stage == 1 {
			if activity, err = e.store.activityOf(ctx, q, self.account); err != nil {
				return err
			}
		}
		state, err = stateOf(ctx, q, self.account, activity)
		return err
	})
	return state, err
}

// stateOf returns the teams and channels of an account, with what happens in them.
func stateOf(ctx context.Context, q *db.Queries, account int64, activity map[int64]*flow.Activity) (map[flow.OrgID]flow.OrgState, error) {
	orgs, err := q.OrgsOf(ctx, account)
	if err != nil {
		return nil, err
	}
	channels, err := q.AllChannelsOf(ctx, account)
	if err != nil {
		return nil, err
	}
	state := make(map[flow.OrgID]flow.OrgState, len(orgs))
	for _, o := range orgs {
		state[o.Public] = flow.OrgState{
			Org:      flow.Org{ID: o.Public, Name: o.Name, Discoverable: o.Discoverable, State: o.State},
			Channels: map[flow.ChannelID]flow.ChannelState{},
		}
	}
	for _, c := range channels {
		ch := flow.Channel{ID: c.Public, OrgID: c.OrgPublic, Name: c.Name, Retention: retention(c.MaxDays, c.MaxMessages)}
		one := flow.ChannelState{Channel: ch, Activity: activity[c.ID]}
		if c.One.Valid {
			one.Purpose, one.DirectAccountID = flow.DirectPurpose, flow.AccountID(c.Partner)
		}
		if one.Activity != nil && one.LastMessage != nil {
			one.LastMessage.OrgID, one.LastMessage.ChannelID = c.OrgPublic, c.Public
		}
		state[c.OrgPublic].Channels[c.Public] = one
	}
	return state, nil
}

// activityOf returns what happens in the channels of an account. Newest messages that are
// too many to be told in one answer have no text.
func (s *store) activityOf(ctx context.Context, q *db.Queries, account int64) (map[int64]*flow.Activity, error) {
	counts, err := s.tallies.all(ctx, q, account)
	if err != nil {
		return nil, err
	}
	last, err := q.LastMessages(ctx, account)
	if err != nil {
		return nil, err
	}
	activity := make(map[int64]*flow.Activity, len(counts))
	for _, c := range counts {
		activity[c.Channel] = &flow.Activity{UnreadCount: int(c.Unread)}
	}
	size := 0
	for _, r := range last {
		if size += messageSize(r.Body, r.Other, r.Attachments); size > maxPageBytes && len(r.Body)+len(r.Other) > 0 {
			r.Body, r.Other, r.Cut = "", "", 1
		}
		a := activity[r.Channel]
		a.Cut = r.Cut != 0
		a.LastMessage = &flow.Message{
			ID: messageID(r.Uid), SenderAccountID: r.Author, Text: r.Body,
			CreationTime: r.Created, OtherData: r.Other, Attachments: r.Attachments,
		}
	}
	return activity, nil
}

// GraphQL implements [flow.Engine].
func (e *Engine) GraphQL(ctx context.Context, call flow.Call, in flow.GraphQLInput) (flow.GraphQLReply, error) {
	if _, _, err := e.self(ctx, call); err != nil {
		return flow.GraphQLReply{}, err
	}
	return graph.Answer(ctx, e, call, in)
}
