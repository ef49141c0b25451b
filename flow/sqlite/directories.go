package sqlite

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// domainOf returns the domain of a user name as it is compared, or nothing. There are other
// characters that compare like @.
func domainOf(username string) string {
	folded := flow.Fold(username)
	at := strings.LastIndexByte(folded, '@')
	if at < 1 {
		return ""
	}
	return folded[at+1:]
}

// ClaimDomain implements [flow.Engine].
func (e *Engine) ClaimDomain(ctx context.Context, call flow.Call, in flow.ClaimDomainInput) (string, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return "", err
	}
	if err := flow.CheckName("Domain", in.Domain); err != nil {
		return "", err
	}
	server, name := serverOf(in.ServerURI), flow.Fold(in.Domain)
	if strings.ContainsAny(in.Domain+name, "@ ") {
		return "", flow.Errorf(flow.Invalid, "Domain is only what stands behind the @ of user names, such as example.com")
	}
	return once(ctx, e, call, "ClaimDomain", string(self.id), func(t *tx) (string, error) {
		org, err := orgFor(t.ctx, t.Queries, self, "ClaimDomain", in.OrgID)
		if err != nil {
			return "", err
		}
		taken, err := t.DomainByName(t.ctx, server, name)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return "", err
		}
		if err == nil && taken.Org != org.ID {
			if err := t.mayTakeOver(self); err != nil {
				return "", err
			}
		}
		key := flow.NewID()
		sum := sha256.Sum256([]byte(key))
		return key, t.ClaimDomain(t.ctx, db.ClaimDomainParams{Server: server, Name: name, Org: org.ID, Key: sum[:], Created: t.now})
	})
}

// mayTakeOver says whether an account may claim what another team has claimed: as what it
// is in the team of the machine that the store is of.
func (t *tx) mayTakeOver(self *who) error {
	home, err := t.HomeOf(t.ctx, "")
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	member, err := t.OrgMember(t.ctx, home.Org, self.account)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if allow(takeOver, "machine", member.State) != nil {
		return flow.Errorf(flow.Conflict, "another team has claimed this domain; an owner of the team of this machine can claim it from that team")
	}
	return nil
}

// CreateDMAccount implements [flow.Engine].
func (e *Engine) CreateDMAccount(ctx context.Context, call flow.Call, in flow.CreateDMAccountInput) (flow.DMAccount, error) {
	wanted := flow.CreateAccountInput{
		Username: in.Username, Password: in.Password, PhoneNumber: in.PhoneNumber, ServerURI: in.ServerURI,
		DeviceName: in.DeviceName, Platform: in.Platform, OSRelease: in.OSRelease,
	}
	if wanted.Username == "" {
		wanted.Username = madeUpName("DMA")
	}
	if wanted.Password == "" {
		wanted.Password = madeUpPassword()
	}
	return signUp(ctx, e, call, "CreateDMAccount", flow.DirectoryKind, wanted, func(t *tx, account db.Account) (flow.DMAccount, error) {
		org, err := t.redeem(in.DMK, account)
		return flow.DMAccount{Username: wanted.Username, Password: wanted.Password, OrgID: org}, err
	})
}

// redeem makes an account that of the domain whose key is given, and returns its team.
func (t *tx) redeem(key string, account db.Account) (flow.OrgID, error) {
	sum := sha256.Sum256([]byte(strings.TrimSpace(key)))
	domain, err := t.DomainByKey(t.ctx, sum[:])
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && domain.Server != account.Server:
		return "", flow.Errorf(flow.Denied, "DMK is not the key of a domain; an owner or admin of the team gets one with ClaimDomain")
	case err != nil:
		return "", err
	case domain.Account.Valid:
		return "", flow.Errorf(flow.Conflict,
			"this domain has a directory account already; add this machine to it with CreateDevice, or claim the domain anew for another one")
	}
	return domain.OrgPublic, t.SetDomainAccount(t.ctx, nullable(account.ID), domain.ID)
}

// directory returns the domain of the directory account that makes a call, if the account
// may do an operation for it.
func (t *tx) directory(self *who, method string) (db.DomainOfRow, error) {
	account, err := t.AccountByID(t.ctx, self.account)
	if err != nil {
		return db.DomainOfRow{}, err
	}
	if err := allowKind(method, account.Kind); err != nil {
		return db.DomainOfRow{}, err
	}
	domain, err := t.DomainOf(t.ctx, self.account)
	if errors.Is(err, sql.ErrNoRows) {
		return domain, flow.Errorf(flow.Denied, "this directory account has no domain any more: somebody has claimed it anew")
	}
	if err != nil {
		return domain, err
	}
	return domain, allow(method, "team", flow.MemberState(domain.State))
}

// SetupLDAPAccount implements [flow.Engine].
func (e *Engine) SetupLDAPAccount(ctx context.Context, call flow.Call, in flow.SetupLDAPAccountInput) (flow.LDAPAccount, error) {
	none := flow.LDAPAccount{}
	_, self, err := e.self(ctx, call)
	if err != nil {
		return none, err
	}
	made := flow.LDAPAccount{Password: madeUpPassword(), Level2Secret: newLevel2()}
	err = checkAccount(flow.CreateAccountInput{
		Username: in.Username, PhoneNumber: in.PhoneNumber, ServerURI: in.ServerURI, Password: made.Password,
	})
	if err != nil {
		return none, err
	}
	verifier, err := e.store.hash(ctx, made.Password)
	if err != nil {
		return none, err
	}
	return once(ctx, e, call, "SetupLDAPAccount", string(self.id), func(t *tx) (flow.LDAPAccount, error) {
		domain, err := t.directory(self, "SetupLDAPAccount")
		if err != nil {
			return none, err
		}
		if serverOf(in.ServerURI) != domain.Server || domainOf(in.Username) != domain.Name {
			return none, flow.Errorf(flow.Invalid, "the user name %q is not of your domain, %s", clip(in.Username), domain.Name)
		}
		if t.free(domain.Server, in.Username, 0) != nil {
			return none, errDuplicate
		}
		account, err := t.signUp(db.Account{Server: domain.Server, Username: in.Username, Phone: in.PhoneNumber, Verifier: verifier})
		if err != nil {
			return none, err
		}
		return made, t.SetManaged(t.ctx, db.SetManagedParams{
			Account: account.ID, Domain: domain.ID, Level2: hashOf(made.Level2Secret), Created: t.now,
		})
	})
}

// errDuplicate is worded as the programs of directories expect it.
var errDuplicate = flow.Errorf(flow.Conflict, "Duplicate entry")

// newLevel2 makes the secret by which a directory account is known to be the one that has
// an account.
func newLevel2() string {
	raw := make([]byte, 32)
	rand.Read(raw)
	return base64.StdEncoding.EncodeToString(raw)
}

// hashOf is what the store knows of a level-2 secret. It is random, so that a plain hash
// gives nothing away.
func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// sameSecret compares a secret with the hash of one.
func sameSecret(secret string, hash []byte) bool {
	return subtle.ConstantTimeCompare(hashOf(secret), hash) == 1
}

// LDAPed implements [flow.Engine].
func (e *Engine) LDAPed(ctx context.Context, call flow.Call, _ flow.LDAPedInput) (bool, error) {
	_, self, err := e.selfFor(ctx, call, "LDAPed")
	if err != nil {
		return false, err
	}
	_, err = e.store.read.Managed(ctx, self.account)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, e.store.explain(err)
}

// unmanaged refuses an operation to an account of which a directory has the say.
func (t *tx) unmanaged(self *who, method string) error {
	_, err := t.Managed(t.ctx, self.account)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err == nil:
		return allowOwn(method, isManaged)
	}
	return err
}

// keyOfDirectory returns the directory account of a user name's domain and its key ring.
func keyOfDirectory(ctx context.Context, q *db.Queries, server, username string) (db.Domain, db.KeyRing, error) {
	domain, err := q.DomainByName(ctx, server, domainOf(username))
	if errors.Is(err, sql.ErrNoRows) || err == nil && !domain.Account.Valid {
		return domain, db.KeyRing{}, flow.Errorf(flow.NotFound, "there is no directory for the user name %q", clip(username))
	}
	if err != nil {
		return domain, db.KeyRing{}, err
	}
	ring, err := q.KeyRingOf(ctx, domain.Account.Int64)
	return domain, ring, err
}

// machine returns the machine of a session, for an operation that needs no account. When
// there is one it must not be locked.
func (e *Engine) machine(ctx context.Context, call flow.Call, method string) (string, error) {
	s, err := e.session(ctx, call)
	if err != nil {
		return "", err
	}
	if self := s.self.Load(); self != nil {
		if err := e.store.hub.permits(self, method); err != nil {
			return "", err
		}
	}
	return e.home(ctx)
}

// FetchLDAPPublicKey implements [flow.Engine]. How long it takes does not depend on how
// much of the fingerprint is right.
func (e *Engine) FetchLDAPPublicKey(ctx context.Context, call flow.Call, in flow.FetchLDAPPublicKeyInput) (string, error) {
	home, err := e.machine(ctx, call, "FetchLDAPPublicKey")
	if err != nil {
		return "", err
	}
	return once(ctx, e, call, "FetchLDAPPublicKey", e.member, func(t *tx) (string, error) {
		domain, ring, err := keyOfDirectory(t.ctx, t.Queries, serverOf(in.ServerURI), in.Username)
		if err != nil {
			return "", err
		}
		if subtle.ConstantTimeCompare([]byte(flow.Fingerprint(ring.Key)), []byte(in.Fingerprint)) != 1 {
			return "", flow.Errorf(flow.Denied, "the fingerprint is not that of the key which the directory of %s has; "+
				"give it no password, and ask whoever runs it for the right fingerprint", domain.Name)
		}
		return flow.EncodeID(ring.Key), t.TrustDirectory(t.ctx, db.TrustDirectoryParams{
			Home: home, Account: ring.Account, Ring: ring.ID, Created: t.now,
		})
	})
}

// UntrustLDAPPublicKey implements [flow.Engine].
func (e *Engine) UntrustLDAPPublicKey(ctx context.Context, call flow.Call, in flow.UntrustLDAPPublicKeyInput) (flow.Nothing, error) {
	none := flow.Nothing{}
	home, err := e.machine(ctx, call, "UntrustLDAPPublicKey")
	if err != nil {
		return none, err
	}
	return once(ctx, e, call, "UntrustLDAPPublicKey", e.member, func(t *tx) (flow.Nothing, error) {
		_, ring, err := keyOfDirectory(t.ctx, t.Queries, serverOf(in.ServerURI), in.Username)
		if err != nil {
			return none, err
		}
		return none, t.UntrustDirectory(t.ctx, home, ring.Account)
	})
}

// trusted returns the directory of a user name and its key ring, if the machine may give
// it a password.
func (t *tx) trusted(home string, account db.Account) (db.Domain, db.KeyRing, error) {
	domain, ring, err := keyOfDirectory(t.ctx, t.Queries, account.Server, account.Username)
	if err != nil {
		return domain, ring, err
	}
	known, err := t.TrustedRing(t.ctx, home, ring.Account)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return domain, ring, err
	}
	if err != nil || known != ring.ID {
		return domain, ring, flow.Errorf(flow.Denied, "this machine does not trust the key of the directory of %s; "+
			"get its fingerprint from whoever runs it and call FetchLDAPPublicKey", domain.Name)
	}
	at, err := t.DomainOf(t.ctx, ring.Account)
	if err == nil && allow("LDAPBindResponse", "team", flow.MemberState(at.State)) != nil {
		err = flow.Errorf(flow.Denied, "the directory account of %s is no admin of its team, so it can check no password; ask an owner", domain.Name)
	}
	return domain, ring, err
}
