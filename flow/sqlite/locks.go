package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

var (
	errLocked = flow.Errorf(flow.Denied,
		"this account is locked; ask whoever runs the directory of its name or owns the team of its machine to unlock it")
	errLDAPLocked = flow.Errorf(flow.Denied,
		"the name of this account belongs to a directory: change it with ChangeUsername, or link the account with LinkToLDAP; until then it can do nothing else")
	errRevoked = flow.Errorf(flow.Denied,
		"this device was revoked; authorise it from another device of the account or add this machine with CreateDevice")
)

// bar is a change of what keeps an account out, or one of its devices.
type bar struct {
	account int64
	lock    flow.AccountLock // of the account, when device is 0
	device  int64
	revoked bool
}

// permit refuses an operation that an account under a lock may not do.
func permit(lock flow.AccountLock, method string) error {
	switch {
	case lock == flow.Unlocked:
		return nil
	case lock != flow.LDAPLock:
		return errLocked
	case freedoms[method]:
		return nil
	}
	return errLDAPLocked
}

// permits refuses an operation of a session whose account is locked or whose device was
// revoked.
func (h *hub) permits(self *who, method string) error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if self.view.revoked[self.device] {
		return errRevoked
	}
	return permit(self.view.lock, method)
}

// setLock locks an account or unlocks it. It lets no device in meanwhile.
func (t *tx) setLock(account int64, lock flow.AccountLock) error {
	t.bars = append(t.bars, bar{account: account, lock: lock})
	if err := t.CancelRendezvousOfAccount(t.ctx, account); err != nil {
		return err
	}
	return t.LockAccount(t.ctx, lock, account)
}

// setAuthorized revokes a device of an account or authorises it again.
func (t *tx) setAuthorized(account, device int64, authorized bool) error {
	t.bars = append(t.bars, bar{account: account, device: device, revoked: !authorized})
	if err := t.CancelRendezvousOfDevice(t.ctx, device); err != nil {
		return err
	}
	return t.AuthorizeDevice(t.ctx, authorized, device)
}

// SetAccountLock implements [flow.Engine].
func (e *Engine) SetAccountLock(ctx context.Context, call flow.Call, in flow.SetAccountLockInput) (flow.Nothing, error) {
	return e.own(ctx, call, "SetAccountLock", func(t *tx, self *who) error {
		if in.LockType < flow.Unlocked || in.LockType > flow.LDAPLock {
			return flow.Errorf(flow.Invalid, "LockType must be 0 (unlock), 1 (full lock) or 2 (LDAP lock)")
		}
		account, err := t.AccountByName(t.ctx, serverOf(in.ServerURI), flow.Fold(in.Username))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return flow.Errorf(flow.NotFound, "no account is called %q", clip(in.Username))
		case err != nil:
			return err
		case account.ID == self.account:
			return flow.Errorf(flow.Invalid, "Username is your own account, which you could not unlock again")
		}
		if err := t.mayLock(self, account, in.LockType); err != nil || account.Lock == in.LockType {
			return err
		}
		return t.setLock(account.ID, in.LockType)
	})
}

// mayLock says whether an account may give another one a lock.
func (t *tx) mayLock(self *who, account db.Account, to flow.AccountLock) error {
	if directs, err := t.directs(self, account, to); err != nil || directs {
		return err
	}
	state, err := t.StateOver(t.ctx, self.account, account.ID)
	if err != nil {
		return err
	}
	if !isIn(flow.MemberState(state)) {
		return flow.Errorf(flow.Denied, "you may only lock accounts that have all their devices on a machine of whose own team you are an owner")
	}
	return allow("SetAccountLock", "machine", flow.MemberState(state))
}

// directs reports whether an account is the directory account that manages another one, or
// to whose domain the other's name belongs. The owner of a name that it does not manage can
// always get out of what it may do: give the name up.
func (t *tx) directs(self *who, account db.Account, to flow.AccountLock) (bool, error) {
	domain, err := t.DomainOf(t.ctx, self.account)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	known, err := t.Managed(t.ctx, account.ID)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	managed := known.Domain == domain.ID
	if !managed && (account.Server != domain.Server || domainOf(account.Username) != domain.Name) {
		return false, nil
	}
	if managed {
		return true, allow(lockManaged, "team", flow.MemberState(domain.State))
	}
	err = allow("SetAccountLock", "team", flow.MemberState(domain.State))
	if err == nil && (account.Lock == flow.FullLock || to == flow.FullLock) {
		err = flow.Errorf(flow.Denied, "your directory does not manage this account: you may only give it the LDAP lock (2), or take that away")
	}
	return true, err
}
