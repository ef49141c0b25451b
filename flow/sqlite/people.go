package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

func peer(r db.PeerForRow) flow.Peer {
	return flow.Peer{
		AccountID: r.Public, Username: r.Username, ServerURI: r.Server, Kind: r.Kind,
		KeyRingID: r.Ring, Fingerprint: flow.Fingerprint(r.Key), Verified: r.Verified,
	}
}

// GetPeer implements [flow.Engine]. User names compare as names do, without regard to
// case.
func (e *Engine) GetPeer(ctx context.Context, call flow.Call, in flow.GetPeerInput) (flow.Peer, error) {
	account, err := e.account(ctx, call, "GetPeer")
	if err != nil {
		return flow.Peer{}, err
	}
	found, err := e.store.read.AccountByName(ctx, account.Server, flow.Fold(in.PeerUsername))
	if errors.Is(err, sql.ErrNoRows) {
		return flow.Peer{}, flow.Errorf(flow.NotFound, "no account is called %q", clip(in.PeerUsername))
	}
	if err != nil {
		return flow.Peer{}, e.store.explain(err)
	}
	row, err := e.store.read.PeerFor(ctx, account.ID, found.ID)
	return peer(row), e.store.explain(err)
}

// GetPeerFromID implements [flow.Engine].
func (e *Engine) GetPeerFromID(ctx context.Context, call flow.Call, in flow.GetPeerFromIDInput) (flow.Peer, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Peer{}, err
	}
	found, err := accountByPublic(ctx, e.store.read, in.PeerID)
	if err != nil {
		return flow.Peer{}, e.store.explain(err)
	}
	row, err := e.store.read.PeerFor(ctx, self.account, found.ID)
	return peer(row), e.store.explain(err)
}

// EnumeratePeerAccounts implements [flow.Engine].
func (e *Engine) EnumeratePeerAccounts(ctx context.Context, call flow.Call, _ flow.EnumeratePeerAccountsInput) ([]flow.Peer, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	rows, err := e.store.read.PeersFor(ctx, self.account)
	list := make([]flow.Peer, len(rows))
	for i, r := range rows {
		list[i] = peer(db.PeerForRow(r))
	}
	return list, e.store.explain(err)
}

// PeerData implements [flow.Engine].
func (e *Engine) PeerData(ctx context.Context, call flow.Call, _ flow.PeerDataInput) (flow.Peer, error) {
	return e.ownPeer(ctx, call)
}

// account returns the row of the account that makes a call, and may do so.
func (e *Engine) account(ctx context.Context, call flow.Call, method string) (db.Account, error) {
	_, self, err := e.selfFor(ctx, call, method)
	if err != nil {
		return db.Account{}, err
	}
	account, err := e.store.read.AccountByID(ctx, self.account)
	return account, e.store.explain(err)
}
