package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// newAccount adds an account of a name that is free, making up what is not given.
func (t *tx) newAccount(a db.Account) (db.Account, error) {
	a.Public, a.Folded, a.Created = flow.AccountID(flow.NewID()), flow.Fold(a.Username), t.now
	if a.Phone == "" {
		a.Phone = fmt.Sprintf("%015d", rand.Int64N(1e15))
	}
	var err error
	a.ID, err = t.AddAccount(t.ctx, db.AddAccountParams{
		Public: a.Public, Server: a.Server, Username: a.Username, Folded: a.Folded,
		Phone: a.Phone, Verifier: a.Verifier, Kind: a.Kind, Created: a.Created,
	})
	if err != nil {
		return a, err
	}
	return a, t.newKeyRing(a.ID)
}

// newDevice is what is known of a device before it is made.
type newDevice struct{ home, name, platform, release string }

// newDevice adds a device, which sees the log from here on.
func (t *tx) newDevice(account int64, d newDevice) (int64, flow.Device, error) {
	if d.name == "" {
		d.name = fmt.Sprintf("dev-%015d", rand.Int64N(1e15))
	}
	device := flow.Device{
		ID: flow.DeviceID(flow.NewID()), Name: d.name, Authorized: true,
		Platform: d.platform, OSRelease: d.release, CreationTime: t.now,
	}
	id, err := t.AddDevice(t.ctx, db.AddDeviceParams{
		Public: device.ID, Account: account, Home: d.home, Name: d.name,
		Platform: d.platform, OsRelease: d.release, Cursor: t.seq, Created: t.now,
	})
	return id, device, err
}

// free refuses a user name that is taken by another account.
func (t *tx) free(server, username string, self int64) error {
	taken, err := t.AccountByName(t.ctx, server, flow.Fold(username))
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && taken.ID == self:
		return nil
	case err != nil:
		return err
	}
	return flow.Errorf(flow.Conflict, "the user name %q is taken; choose another", clip(username))
}

// CreateAccount implements [flow.Engine].
func (e *Engine) CreateAccount(ctx context.Context, call flow.Call, in flow.CreateAccountInput) (flow.Nothing, error) {
	return signUp(ctx, e, call, "CreateAccount", flow.OrdinaryAccount, in, func(*tx, db.Account) (flow.Nothing, error) {
		return flow.Nothing{}, nil
	})
}

// signUp makes an account of some kind with its first device and starts it on the session
// of a call. In the same transaction, answer does what is left to do.
func signUp[Out any](
	ctx context.Context, e *Engine, call flow.Call, method string, kind flow.AccountKind, in flow.CreateAccountInput,
	answer func(*tx, db.Account) (Out, error),
) (out Out, err error) {
	s, err := e.session(ctx, call)
	if err != nil {
		return out, err
	}
	if err := checkAccount(in); err != nil {
		return out, err
	}
	home, err := e.home(ctx)
	if err != nil {
		return out, err
	}
	verifier, err := e.store.hash(ctx, in.Password)
	if err != nil {
		return out, err
	}
	wanted := db.Account{
		Server: serverOf(in.ServerURI), Username: in.Username, Phone: in.PhoneNumber, Verifier: verifier, Kind: kind,
	}
	out, err = once(ctx, e, call, method, s.key.scope(), func(t *tx) (Out, error) {
		var none Out
		if err := t.vacant(s); err != nil {
			return none, err
		}
		account, err := t.signUp(wanted)
		if err != nil {
			return none, err
		}
		device, _, err := t.newDevice(account.ID, newDevice{home, in.DeviceName, in.Platform, in.OSRelease})
		if err != nil {
			return none, err
		}
		if err := t.bind(s, account.ID, device); err != nil {
			return none, err
		}
		return answer(t, account)
	})
	if err != nil {
		return out, err
	}
	return out, e.store.resume(ctx, s)
}

// signUp makes an account unless its name or its phone number is taken.
func (t *tx) signUp(wanted db.Account) (db.Account, error) {
	if err := t.free(wanted.Server, wanted.Username, 0); err != nil {
		return wanted, err
	}
	taken, err := t.PhoneTaken(t.ctx, wanted.Phone)
	if err != nil {
		return wanted, err
	}
	if taken {
		return wanted, flow.Errorf(flow.Conflict, "the phone number is taken; choose another or leave it empty")
	}
	return t.newAccount(wanted)
}

func checkAccount(in flow.CreateAccountInput) error {
	if err := flow.CheckUsername("Username", in.Username); err != nil {
		return err
	}
	labels := []struct{ name, text string }{
		{"PhoneNumber", in.PhoneNumber}, {"DeviceName", in.DeviceName}, {"ServerURI", in.ServerURI},
		{"Platform", in.Platform}, {"OSRelease", in.OSRelease},
	}
	for _, l := range labels {
		if err := checkLabel(l.name, l.text); err != nil {
			return err
		}
	}
	return checkPassword("Password", in.Password, minPassword)
}

// CreateDevice implements [flow.Engine].
func (e *Engine) CreateDevice(ctx context.Context, call flow.Call, in flow.CreateDeviceInput) (flow.Device, error) {
	none := flow.Device{}
	s, err := e.session(ctx, call)
	if err != nil {
		return none, err
	}
	err = checkDevice(in.DeviceName, in.Platform, in.OSRelease)
	if err != nil {
		return none, err
	}
	home, err := e.home(ctx)
	if err != nil {
		return none, err
	}
	account, err := e.authenticate(ctx, in)
	if err != nil {
		return none, err
	}
	device, err := once(ctx, e, call, "CreateDevice", s.key.scope(), func(t *tx) (flow.Device, error) {
		if err := t.vacant(s); err != nil {
			return none, err
		}
		now, err := t.AccountByID(t.ctx, account.ID)
		if err == nil {
			err = permit(now.Lock, "CreateDevice")
		}
		if err != nil {
			return none, err
		}
		id, device, err := t.newDevice(account.ID, newDevice{home, in.DeviceName, in.Platform, in.OSRelease})
		if err != nil {
			return none, err
		}
		device.AccountID = account.Public
		return device, t.bind(s, account.ID, id)
	})
	if err != nil {
		return none, err
	}
	return device, e.store.resume(ctx, s)
}

// authenticate returns the account whose name and password are given.
func (e *Engine) authenticate(ctx context.Context, in flow.CreateDeviceInput) (db.Account, error) {
	wrong := flow.Errorf(flow.Denied, "the user name or the password is wrong")
	account, err := e.store.read.AccountByName(ctx, serverOf(in.ServerURI), flow.Fold(in.Username))
	if errors.Is(err, sql.ErrNoRows) {
		return account, wrong
	}
	if err != nil {
		return account, e.store.explain(err)
	}
	if account.Verifier == "" {
		return account, flow.Errorf(flow.Denied, "the account has no password yet; set one with ChangePassword where it is started")
	}
	ok, err := e.store.matches(ctx, in.Password, account.Verifier)
	if err == nil && !ok {
		err = wrong
	}
	return account, err
}

// EnumerateLocalAccounts implements [flow.Engine].
func (e *Engine) EnumerateLocalAccounts(ctx context.Context, _ flow.Call, _ flow.EnumerateLocalAccountsInput) ([]flow.AccountIdentifier, error) {
	home, err := e.home(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := e.store.read.LocalAccounts(ctx, home)
	list := make([]flow.AccountIdentifier, len(rows))
	for i, r := range rows {
		list[i] = flow.AccountIdentifier{Username: r.Username, ServerURI: r.Server}
	}
	return list, e.store.explain(err)
}

// AccountID implements [flow.Engine].
func (e *Engine) AccountID(ctx context.Context, call flow.Call, _ flow.AccountIDInput) (flow.AccountID, error) {
	_, self, err := e.selfFor(ctx, call, "AccountId")
	if err != nil {
		return "", err
	}
	return self.id, nil
}

// Identifier implements [flow.Engine].
func (e *Engine) Identifier(ctx context.Context, call flow.Call, _ flow.IdentifierInput) (flow.AccountIdentifier, error) {
	account, err := e.account(ctx, call, "Identifier")
	return flow.AccountIdentifier{Username: account.Username, ServerURI: account.Server}, err
}

// DeviceID implements [flow.Engine].
func (e *Engine) DeviceID(ctx context.Context, call flow.Call, _ flow.DeviceIDInput) (flow.DeviceID, error) {
	_, self, err := e.selfFor(ctx, call, "DeviceId")
	if err != nil {
		return "", err
	}
	device, err := e.store.read.DeviceByID(ctx, self.device)
	return device.Public, e.store.explain(err)
}

// GetDevices implements [flow.Engine].
func (e *Engine) GetDevices(ctx context.Context, call flow.Call, _ flow.GetDevicesInput) ([]flow.Device, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	rows, err := e.store.read.Devices(ctx, self.account)
	list := make([]flow.Device, len(rows))
	for i, r := range rows {
		list[i] = flow.Device{
			ID: r.Public, AccountID: self.id, Name: r.Name, Authorized: r.Authorized,
			Platform: r.Platform, OSRelease: r.OsRelease, CreationTime: r.Created,
		}
	}
	return list, e.store.explain(err)
}

// own does a write on the account that makes a call.
func (e *Engine) own(ctx context.Context, call flow.Call, method string, run func(*tx, *who) error) (flow.Nothing, error) {
	_, self, err := e.selfFor(ctx, call, method)
	if err != nil {
		return flow.Nothing{}, err
	}
	return once(ctx, e, call, method, string(self.id), func(t *tx) (flow.Nothing, error) {
		return flow.Nothing{}, run(t, self)
	})
}

// SetDeviceName implements [flow.Engine].
func (e *Engine) SetDeviceName(ctx context.Context, call flow.Call, in flow.SetDeviceNameInput) (flow.Nothing, error) {
	return e.own(ctx, call, "SetDeviceName", func(t *tx, self *who) error {
		if err := flow.CheckName("Name", in.Name); err != nil {
			return err
		}
		return t.RenameDevice(t.ctx, in.Name, self.device)
	})
}

// SetDeviceAuthorized implements [flow.Engine]. To revoke a device replaces the key ring.
func (e *Engine) SetDeviceAuthorized(ctx context.Context, call flow.Call, in flow.SetDeviceAuthorizedInput) (flow.Nothing, error) {
	return e.own(ctx, call, "SetDeviceAuthorized", func(t *tx, self *who) error {
		device, err := t.DeviceByPublic(t.ctx, in.DeviceID, self.account)
		if errors.Is(err, sql.ErrNoRows) {
			return flow.Errorf(flow.NotFound, "the account has no device %q; GetDevices lists them", clip(string(in.DeviceID)))
		}
		if err != nil {
			return err
		}
		if device.Authorized && !in.Authorized {
			if err := t.dispensable(self.account, device.ID); err != nil {
				return err
			}
			if err := t.replaceKeyRing(self.account); err != nil {
				return err
			}
		}
		return t.setAuthorized(self.account, device.ID, in.Authorized)
	})
}

// dispensable refuses to give up the last device of an account without a password, for
// nobody could use that account any more.
func (t *tx) dispensable(account, device int64) error {
	row, err := t.AccountByID(t.ctx, account)
	if err != nil || row.Verifier != "" {
		return err
	}
	others, err := t.OtherDevice(t.ctx, account, device)
	if err == nil && !others {
		return flow.Errorf(flow.Conflict,
			"this is the only device of the account, which has no password: set one with ChangePassword or add another device first")
	}
	return err
}

// ChangeUsername implements [flow.Engine].
func (e *Engine) ChangeUsername(ctx context.Context, call flow.Call, in flow.ChangeUsernameInput) (flow.Nothing, error) {
	account, err := e.account(ctx, call, "ChangeUsername")
	if err != nil {
		return flow.Nothing{}, err
	}
	if err := flow.CheckUsername("Username", in.Username); err != nil {
		return flow.Nothing{}, err
	}
	if account.Kind == flow.EscrowKind {
		if err := allowOwn("ChangeUsername", isEscrow); err != nil {
			return flow.Nothing{}, err
		}
	}
	if account.Verifier != "" {
		ok, err := e.store.matches(ctx, in.Password, account.Verifier)
		if err != nil {
			return flow.Nothing{}, err
		}
		if !ok {
			return flow.Nothing{}, flow.Errorf(flow.Denied, "the password is wrong")
		}
	}
	return e.own(ctx, call, "ChangeUsername", func(t *tx, self *who) error {
		if err := t.unmanaged(self, "ChangeUsername"); err != nil {
			return err
		}
		if err := t.free(account.Server, in.Username, self.account); err != nil {
			return err
		}
		return t.rename(self.account, in.Username)
	})
}

// rename gives an account another name, and tells of it. Only a name that is another one
// leads out of an LDAP lock.
func (t *tx) rename(id int64, name string) error {
	account, err := t.AccountByID(t.ctx, id)
	if err != nil || account.Username == name {
		return err
	}
	folded := flow.Fold(name)
	if account.Lock == flow.LDAPLock && account.Folded != folded {
		if err := t.setLock(id, flow.Unlocked); err != nil {
			return err
		}
	}
	if err := t.RenameAccount(t.ctx, db.RenameAccountParams{Username: name, Folded: folded, ID: id}); err != nil {
		return err
	}
	return t.tellName(id)
}

// ConfirmEmail implements [flow.Engine]. There is nothing to confirm.
func (e *Engine) ConfirmEmail(ctx context.Context, call flow.Call, in flow.ConfirmEmailInput) (flow.Nothing, error) {
	if _, err := e.machine(ctx, call, "ConfirmEmail"); err != nil {
		return flow.Nothing{}, err
	}
	return flow.Nothing{}, cmp.Or(flow.CheckName("Username", in.Username), checkLabel("ServerURI", in.ServerURI))
}

// ChangePassword implements [flow.Engine].
func (e *Engine) ChangePassword(ctx context.Context, call flow.Call, in flow.ChangePasswordInput) (flow.Nothing, error) {
	if _, _, err := e.self(ctx, call); err != nil {
		return flow.Nothing{}, err
	}
	if err := checkPassword("NewPassword", in.NewPassword, minPassword); err != nil {
		return flow.Nothing{}, err
	}
	verifier, err := e.store.hash(ctx, in.NewPassword)
	if err != nil {
		return flow.Nothing{}, err
	}
	return e.own(ctx, call, "ChangePassword", func(t *tx, self *who) error {
		if err := t.unmanaged(self, "ChangePassword"); err != nil {
			return err
		}
		return t.SetVerifier(t.ctx, verifier, self.account)
	})
}
