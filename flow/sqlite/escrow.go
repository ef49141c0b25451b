package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// madeUpPassword returns 32 characters of fresh randomness, as recovery keys have them.
func madeUpPassword() string {
	raw := make([]byte, 20)
	rand.Read(raw)
	return flow.EncodeID(raw)
}

// madeUpName returns a user name that nobody has.
func madeUpName(prefix string) string { return prefix + flow.NewID()[:10] }

// CreateEscrowAccount implements [flow.Engine].
func (e *Engine) CreateEscrowAccount(ctx context.Context, call flow.Call, in flow.CreateEscrowAccountInput) (flow.EscrowAccount, error) {
	made := flow.CreateAccountInput{
		Username: madeUpName("Escrow"), Password: madeUpPassword(), PhoneNumber: in.PhoneNumber, ServerURI: in.ServerURI,
		DeviceName: in.DeviceName, Platform: in.Platform, OSRelease: in.OSRelease,
	}
	return signUp(ctx, e, call, "CreateEscrowAccount", flow.EscrowKind, made, func(*tx, db.Account) (flow.EscrowAccount, error) {
		return flow.EscrowAccount{Username: made.Username, Password: made.Password}, nil
	})
}

// allowed refuses an operation that is not for accounts of the caller's kind.
func (e *Engine) allowed(ctx context.Context, call flow.Call, method string) (db.Account, error) {
	account, err := e.account(ctx, call, method)
	if err != nil {
		return account, err
	}
	return account, allowKind(method, account.Kind)
}

// FetchDeletedMessages implements [flow.Engine].
func (e *Engine) FetchDeletedMessages(ctx context.Context, call flow.Call, in flow.FetchDeletedMessagesInput) ([]flow.DeletedInChannel, error) {
	if _, err := e.allowed(ctx, call, "FetchDeletedMessages"); err != nil {
		return nil, err
	}
	org, err := e.orgOf(ctx, call, "FetchDeletedMessages", in.OrgID)
	if err != nil {
		return nil, err
	}
	rows, err := e.store.read.KeptChannels(ctx, org.ID)
	list := make([]flow.DeletedInChannel, len(rows))
	for i, r := range rows {
		list[i] = flow.DeletedInChannel{OrgID: in.OrgID, ChannelID: r.Public, Name: r.Name, Messages: r.Messages}
		if r.One.Valid {
			list[i].Purpose = flow.DirectPurpose
		}
	}
	return list, e.store.explain(err)
}

// EnumerateDeletedMessages implements [flow.Engine].
func (e *Engine) EnumerateDeletedMessages(ctx context.Context, call flow.Call, in flow.EnumerateDeletedMessagesInput) ([]flow.Message, error) {
	account, err := e.allowed(ctx, call, "EnumerateDeletedMessages")
	if err != nil {
		return nil, err
	}
	row, err := e.store.read.ChannelFor(ctx, account.ID, in.ChannelID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, e.store.explain(err)
	}
	if _, err := e.orgOf(ctx, call, "EnumerateDeletedMessages", row.OrgPublic); err != nil {
		return nil, noSuchChannel(err)
	}
	return e.history(ctx, channel{id: row.ID, public: in.ChannelID, orgPublic: row.OrgPublic}, in.Filters, kept(e.store.read))
}

// noSuchChannel says of a channel what was found of its team.
func noSuchChannel(err error) error {
	if errors.Is(err, flow.NotFound) {
		return flow.Errorf(flow.NotFound, "no such channel in a team that you are in; FetchDeletedMessages lists them")
	}
	return err
}

// kept are the deleted messages that were kept.
func kept(q *db.Queries) pages {
	return pages{
		func(ctx context.Context, args db.NewestMessagesParams) ([]db.NewestMessagesRow, error) {
			rows, err := q.NewestKept(ctx, db.NewestKeptParams(args))
			list := make([]db.NewestMessagesRow, len(rows))
			for i, r := range rows {
				list[i] = db.NewestMessagesRow(r)
			}
			return list, err
		},
		func(ctx context.Context, args db.OldestMessagesParams) ([]db.OldestMessagesRow, error) {
			rows, err := q.OldestKept(ctx, db.OldestKeptParams(args))
			list := make([]db.OldestMessagesRow, len(rows))
			for i, r := range rows {
				list[i] = db.OldestMessagesRow(r)
			}
			return list, err
		},
	}
}
