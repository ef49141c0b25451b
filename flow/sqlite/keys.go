package sqlite

import (
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"fmt"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// newKeyRing gives an account a key ring, which from now on is the one that counts.
func (t *tx) newKeyRing(account int64) error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return fmt.Errorf("make key ring: %w", err)
	}
	id := flow.KeyRingID(flow.NewID())
	_, err = t.AddKeyRing(t.ctx, db.AddKeyRingParams{
		Public: id, Account: account, Key: public,
		Seed: t.vault.seal(private.Seed(), ringLabel(id)), Created: t.now,
	})
	return err
}

// ringLabel is what the seed of a key ring is sealed as.
func ringLabel(id flow.KeyRingID) string { return "key ring " + string(id) }

// replaceKeyRing gives an account a new key ring and tells everybody who knows the old one.
func (t *tx) replaceKeyRing(account int64) error {
	if err := t.newKeyRing(account); err != nil {
		return err
	}
	row, err := t.PeerFor(t.ctx, 0, account) // nobody has verified it yet
	if err != nil {
		return err
	}
	_, err = tell(t, flow.PeerVerificationEvent, account, []flow.Peer{peer(row)})
	return err
}

// newKeyRings gives every account a key ring that the vault can read.
func (t *tx) newKeyRings() error {
	for last := int64(0); ; {
		accounts, err := t.AccountsAfter(t.ctx, last)
		if err != nil {
			return err
		}
		if len(accounts) == 0 {
			return t.SetVaultName(t.ctx, t.vault.name)
		}
		for _, a := range accounts {
			makeRing := t.newKeyRing
			if a.Keyed {
				makeRing = t.replaceKeyRing
			}
			if err := makeRing(a.ID); err != nil {
				return err
			}
			last = a.ID
		}
	}
}

// ownPeer returns the account that makes a call as others see it.
func (e *Engine) ownPeer(ctx context.Context, call flow.Call) (flow.Peer, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Peer{}, err
	}
	row, err := e.store.read.PeerFor(ctx, self.account, self.account)
	return peer(row), e.store.explain(err)
}

// KeyRingFingerprint implements [flow.Engine].
func (e *Engine) KeyRingFingerprint(ctx context.Context, call flow.Call, _ flow.KeyRingFingerprintInput) (string, error) {
	own, err := e.ownPeer(ctx, call)
	if err != nil {
		return "", err
	}
	return own.Fingerprint, nil
}

// VerificationHash implements [flow.Engine].
func (e *Engine) VerificationHash(ctx context.Context, call flow.Call, _ flow.VerificationHashInput) (string, error) {
	own, err := e.ownPeer(ctx, call)
	if err != nil {
		return "", err
	}
	return flow.HashOfKeyRing(own.Username, own.ServerURI, own.Fingerprint), nil
}

// PeerVerificationHash implements [flow.Engine]. How long it takes does not depend on how
// much of the hash is right.
func (e *Engine) PeerVerificationHash(ctx context.Context, call flow.Call, in flow.PeerVerificationHashInput) (bool, error) {
	them, err := e.GetPeer(ctx, call, flow.GetPeerInput{PeerUsername: in.PeerUsername})
	if err != nil {
		return false, err
	}
	hash := flow.HashOfKeyRing(them.Username, them.ServerURI, them.Fingerprint)
	same := subtle.ConstantTimeCompare([]byte(them.Fingerprint), []byte(in.Fingerprint))
	return same&subtle.ConstantTimeCompare([]byte(hash), []byte(in.ProvidedHash)) == 1, nil
}

// VerifyPeerKeyRing implements [flow.Engine].
func (e *Engine) VerifyPeerKeyRing(ctx context.Context, call flow.Call, in flow.VerifyPeerKeyRingInput) (flow.Nothing, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	if err := checkLabel("VerificationMethod", string(in.VerificationMethod)); err != nil {
		return flow.Nothing{}, err
	}
	if in.PeerAccountID == self.id {
		return flow.Nothing{}, flow.Errorf(flow.Invalid, "PeerAccountID is your own account; verify somebody else's key ring")
	}
	return e.own(ctx, call, "VerifyPeerKeyRing", func(t *tx, self *who) error {
		return t.verify(self, in)
	})
}

func (t *tx) verify(self *who, in flow.VerifyPeerKeyRingInput) error {
	account, err := accountByPublic(t.ctx, t.Queries, in.PeerAccountID)
	if err != nil {
		return err
	}
	if in.PeerUsername != "" && flow.Fold(in.PeerUsername) != account.Folded {
		return flow.Errorf(flow.Conflict, "the account is called %q and not %q; look it up again with GetPeer", account.Username, clip(in.PeerUsername))
	}
	ring, err := t.KeyRingOf(t.ctx, account.ID)
	if err != nil {
		return err
	}
	if ring.Public != in.PeerKeyRingID {
		return flow.Errorf(flow.Conflict,
			"%q is not the newest key ring of %q; get it with GetPeer and compare its fingerprint again", clip(string(in.PeerKeyRingID)), account.Username)
	}
	row, err := t.PeerFor(t.ctx, self.account, account.ID)
	if err != nil || row.Verified {
		return err
	}
	if err := t.SetVerification(t.ctx, db.SetVerificationParams{
		Account: self.account, Peer: account.ID, Ring: ring.ID, Method: string(in.VerificationMethod), Created: t.now,
	}); err != nil {
		return err
	}
	row.Verified = true
	_, err = emit(t, flow.PeerVerificationEvent, audience{account: self.account}, []flow.Peer{peer(row)})
	return err
}
