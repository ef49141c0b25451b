package graph

import (
	"context"

	graphql "github.com/graph-gophers/graphql-go"

	"github.com/flow-mcp/flow-mcp/flow"
)

// people are the accounts that share a team with this one. One call for all of them is
// cheaper than one for each author of a page of messages.
type people struct {
	all  []*account
	byID map[flow.AccountID]*account
}

func peopleOf(ctx context.Context) (people, error) {
	return load(ctx, flow.EnumeratePeerAccountsInput{}, everybody)
}

func everybody(e flow.Engine, ctx context.Context, call flow.Call, in flow.EnumeratePeerAccountsInput) (people, error) {
	peers, err := e.EnumeratePeerAccounts(ctx, call, in)
	known := people{all: make([]*account, len(peers)), byID: make(map[flow.AccountID]*account, len(peers))}
	for i, peer := range peers {
		known.all[i] = &account{peer}
		known.byID[peer.AccountID] = known.all[i]
	}
	return known, err
}

// account is an Account.
type account struct{ peer flow.Peer }

// accountOf also finds people who have left all common teams.
func accountOf(ctx context.Context, id flow.AccountID) (*account, error) {
	known, err := peopleOf(ctx)
	if err != nil {
		return nil, err
	}
	if one, ok := known.byID[id]; ok {
		return one, nil
	}
	peer, err := load(ctx, flow.GetPeerFromIDInput{PeerID: id}, flow.Engine.GetPeerFromID)
	if err != nil {
		return nil, err
	}
	return &account{peer}, nil
}

func (a account) cursor() string { return string(a.peer.AccountID) }

func (a account) ID() graphql.ID        { return graphql.ID(a.peer.AccountID) }
func (a account) Username() string      { return a.peer.Username }
func (a account) ServerURI() string     { return a.peer.ServerURI }
func (a account) KeyRingID() graphql.ID { return graphql.ID(a.peer.KeyRingID) }
func (a account) Fingerprint() string   { return a.peer.Fingerprint }
func (a account) Verified() bool        { return a.peer.Verified }
