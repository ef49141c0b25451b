package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

func peer(a db.Account) flow.Peer {
	return flow.Peer{AccountID: a.Public, Username: a.Username, ServerURI: a.Server}
}

// GetPeer implements [flow.Engine]. User names compare as names do, without regard to
// case.
func (e *Engine) GetPeer(ctx context.Context, call flow.Call, in flow.GetPeerInput) (flow.Peer, error) {
	account, err := e.account(ctx, call)
	if err != nil {
		return flow.Peer{}, err
	}
	found, err := e.store.read.AccountByName(ctx, account.Server, flow.Fold(in.PeerUsername))
	if errors.Is(err, sql.ErrNoRows) {
		return flow.Peer{}, flow.Errorf(flow.NotFound, "no account is called %q", clip(in.PeerUsername))
	}
	return peer(found), e.store.explain(err)
}

// GetPeerFromID implements [flow.Engine].
func (e *Engine) GetPeerFromID(ctx context.Context, call flow.Call, in flow.GetPeerFromIDInput) (flow.Peer, error) {
	if _, _, err := e.self(ctx, call); err != nil {
		return flow.Peer{}, err
	}
	found, err := accountByPublic(ctx, e.store.read, in.PeerID)
	return peer(found), e.store.explain(err)
}

// EnumeratePeerAccounts implements [flow.Engine].
func (e *Engine) EnumeratePeerAccounts(ctx context.Context, call flow.Call, _ flow.EnumeratePeerAccountsInput) ([]flow.Peer, error) {
	account, err := e.account(ctx, call)
	if err != nil {
		return nil, err
	}
	rows, err := e.store.read.Peers(ctx, account.ID)
	if err != nil {
		return nil, e.store.explain(err)
	}
	if !slices.ContainsFunc(rows, func(a db.Account) bool { return a.ID == account.ID }) {
		rows = append(rows, account) // who is in no team yet
	}
	slices.SortFunc(rows, func(a, b db.Account) int {
		return cmp.Or(cmp.Compare(a.Folded, b.Folded), cmp.Compare(a.ID, b.ID))
	})
	list := make([]flow.Peer, len(rows))
	for i, a := range rows {
		list[i] = peer(a)
	}
	return list, nil
}

// PeerData implements [flow.Engine].
func (e *Engine) PeerData(ctx context.Context, call flow.Call, _ flow.PeerDataInput) (flow.Peer, error) {
	account, err := e.account(ctx, call)
	return peer(account), err
}

// account returns the row of the account that makes a call.
func (e *Engine) account(ctx context.Context, call flow.Call) (db.Account, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return db.Account{}, err
	}
	account, err := e.store.read.AccountByID(ctx, self.account)
	return account, e.store.explain(err)
}
