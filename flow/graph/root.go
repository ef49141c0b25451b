package graph

import (
	"context"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// root has the fields of Query and of Mutation.
type root struct{}

func (root) Me(ctx context.Context) (*account, error) {
	peer, err := load(ctx, flow.PeerDataInput{}, flow.Engine.PeerData)
	return &account{peer}, err
}

func (root) Teams(ctx context.Context, args forward) (*connection[*team], error) {
	state, err := stateOf(ctx)
	if err != nil {
		return nil, err
	}
	return page(state.teams(), args)
}

func (root) Team(ctx context.Context, args struct{ ID id }) (*team, error) {
	return teamOf(ctx, flow.OrgID(args.ID))
}

func (root) Channels(ctx context.Context, args forward) (*connection[*channel], error) {
	state, err := stateOf(ctx)
	if err != nil {
		return nil, err
	}
	var all []*channel
	for _, t := range state.teams() {
		all = append(all, state.channels(t.org.ID)...)
	}
	return page(all, args)
}

func (root) Channel(ctx context.Context, args struct{ ID id }) (*channel, error) {
	return channelOf(ctx, flow.ChannelID(args.ID))
}

func (root) People(ctx context.Context, args forward) (*connection[*account], error) {
	known, err := peopleOf(ctx)
	if err != nil {
		return nil, err
	}
	return page(known.all, args)
}

func (root) Account(ctx context.Context, args struct {
	ID       *id
	Username *string
}) (*account, error) {
	switch {
	case args.ID != nil && args.Username == nil:
		return accountOf(ctx, flow.AccountID(*args.ID))
	case args.ID == nil && args.Username != nil:
		peer, err := load(ctx, flow.GetPeerInput{PeerUsername: *args.Username}, flow.Engine.GetPeer)
		if err != nil {
			return nil, err
		}
		return &account{peer}, nil
	}
	return nil, flow.Errorf(flow.Invalid, "account takes either id or username")
}

func (root) Search(ctx context.Context, args struct {
	Text          string
	Team, Channel *id
	First         int32
	After         *string
}) (*connection[*message], error) {
	in := flow.SearchInput{Search: args.Text}
	if args.Team != nil {
		in.OrgID = flow.OrgID(*args.Team)
	}
	if args.Channel != nil {
		in.ChannelID = flow.ChannelID(*args.Channel)
	}
	found, err := load(ctx, in, search)
	if err != nil {
		return nil, err
	}
	return page(found, forward{args.First, args.After})
}

// search returns what is found, newest first.
func search(e flow.Engine, ctx context.Context, call flow.Call, in flow.SearchInput) ([]*message, error) {
	hits, err := e.Search(ctx, call, in)
	if err != nil {
		return nil, err
	}
	found := make([]flow.Message, 0, len(hits))
	for _, hit := range slices.Backward(hits) { // not by time: several share a millisecond
		found = append(found, hit.Data)
	}
	return read(ctx, found), nil
}

// errNoBackup refuses the key backup of the original service.
var errNoBackup = flow.Errorf(flow.Unsupported,
	"no service keeps keys for this backend; they lie sealed in its store, so back up the directory of the store")

func (root) BackUpKey(struct{ Password string }) (bool, error)  { return false, errNoBackup }
func (root) RecoverKey(struct{ Password string }) (bool, error) { return false, errNoBackup }
