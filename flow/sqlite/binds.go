package sqlite

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// bindPatience is how long a directory has to check a password.
const bindPatience = 30 * time.Second

// maxPendingBinds is how many passwords of an account wait to be checked for one machine:
// who guesses has to wait for each guess.
const maxPendingBinds = 3

var (
	errUnanswered = flow.Errorf(flow.Denied,
		"the directory did not say that the password is right: check the user name and the password, and that the directory's program runs")
	errNoRequest = flow.Errorf(flow.NotFound,
		"no request waits for this token: it was answered, is too old, or who asked has gone away")
	errPending = flow.Errorf(flow.Conflict,
		"%d passwords of this account wait for the directory already; wait until it has answered, or half a minute", maxPendingBinds)
	errUnmanaged = flow.Errorf(flow.NotFound, "no directory manages an account of this name")
)

// question is a directory password that is to be checked.
type question struct {
	request  []byte // names the call
	home     string // machine on which it was given
	account  db.Account
	password string
	level2   string // of a request to link
}

// bindRequest returns the name under which a call is known to the owner after this one. It
// is of one session, so that nobody else comes upon the row of the call.
func bindRequest(call flow.Call, key sessionKey, method string) ([]byte, error) {
	uid, err := requestUID(call, key.scope())
	if err != nil {
		return nil, err
	}
	if uid == nil {
		fresh := uuid.Must(uuid.NewV7())
		uid = fresh[:]
	}
	sum := sha256.Sum256(append([]byte(key.scope()+"\x00"+method+"\x00"), uid...))
	return sum[:16], nil
}

// concerns refuses a row that is of another question.
func (q question) concerns(row db.Bind, v *vault) error {
	if row.Account == q.account.ID && row.Home == q.home && (row.Level2 != nil) == (q.level2 != "") &&
		hmac.Equal(row.Mark, v.mark(q.password)) {
		return nil
	}
	return flow.Errorf(flow.Conflict, "this RequestID was used for another user or password; give each call its own")
}

// checked returns once a directory has said that a password is right. The request is a row
// of the store: when this owner goes, the call is repeated at the next one and waits on.
func (e *Engine) checked(ctx context.Context, s *session, q question) error {
	err := e.store.change(ctx, func(t *tx) error {
		row, err := t.BindByRequest(t.ctx, q.request)
		if errors.Is(err, sql.ErrNoRows) {
			return t.ask(q, e.store.patience)
		}
		return cmp.Or(err, q.concerns(row, t.vault))
	})
	if err != nil {
		return err
	}
	if err = e.awaitAnswer(ctx, s, q.request); err == nil || e.store.isLeaving() {
		return err
	}
	answered := false
	failed := e.store.change(context.WithoutCancel(ctx), func(t *tx) (err error) {
		answered, err = t.giveUpBind(q.request)
		return err
	})
	if failed == nil && answered && ctx.Err() == nil {
		return nil // at the last moment
	}
	return err
}

// ask puts a question to the directory that it is for.
func (t *tx) ask(q question, patience time.Duration) error {
	if err := t.dropExpiredBinds(); err != nil {
		return err
	}
	pending, err := t.PendingBinds(t.ctx, db.PendingBindsParams{Account: q.account.ID, Home: q.home, Expires: t.now})
	if err != nil {
		return err
	}
	if pending >= maxPendingBinds {
		return errPending
	}
	domain, ring, err := t.trusted(q.home, q.account)
	if err != nil {
		return err
	}
	open := flow.LDAPBindRequest{Username: q.account.Username, SecureExchangeToken: flow.NewID()}
	whole := open
	whole.Password, whole.Level2Secret = q.password, q.level2
	sealed, err := sealFor(ring.Key, whole)
	if err != nil {
		return err
	}
	event, err := emit(t, flow.LDAPBindRequestEvent, audience{account: ring.Account}, open)
	if err != nil {
		return err
	}
	row := db.AddBindParams{
		Request: q.request, Token: open.SecureExchangeToken, Account: q.account.ID, Home: q.home, Domain: domain.ID,
		Ring: ring.ID, Box: sealed, Mark: t.vault.mark(q.password), Event: event, Expires: t.now + patience.Milliseconds(),
	}
	if q.level2 != "" {
		row.Level2 = hashOf(q.level2)
	}
	return t.AddBind(t.ctx, row)
}

// awaitAnswer waits until a question is answered. It fails when time is up or who asks
// goes away.
func (e *Engine) awaitAnswer(ctx context.Context, s *session, request []byte) error {
	for {
		rung := e.store.answers.next()
		row, err := e.store.read.BindByRequest(ctx, request)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return errUnanswered
		case err != nil:
			return e.store.explain(err)
		case row.Answered:
			return nil
		}
		left := time.Until(time.UnixMilli(row.Expires))
		if left <= 0 {
			return errUnanswered
		}
		select {
		case <-rung:
		case <-time.After(left):
		case <-s.ended:
			return s.why()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// giveUpBind ends a question that nobody waits for any more. It reports whether it was
// answered before.
func (t *tx) giveUpBind(request []byte) (answered bool, err error) {
	row, err := t.BindByRequest(t.ctx, request)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil || row.Answered {
		return row.Answered, err
	}
	return false, t.dropBind(request, row.Event)
}

// dropBind forgets a question, and that it was asked.
func (t *tx) dropBind(request []byte, event flow.Cursor) error {
	if err := t.DropBind(t.ctx, request); err != nil {
		return err
	}
	return t.withdraw(event)
}

// dropExpiredBinds forgets questions whose time is up and for which no call waits, since
// its process has ended.
func (t *tx) dropExpiredBinds() error {
	const grace = 60_000 // milliseconds, in which a call is repeated at another owner
	rows, err := t.ExpiredBinds(t.ctx, t.now-grace)
	for _, r := range rows {
		err = cmp.Or(err, t.dropBind(r.Request, r.Event))
	}
	return err
}

// CreateLDAPDevice implements [flow.Engine].
func (e *Engine) CreateLDAPDevice(ctx context.Context, call flow.Call, in flow.CreateLDAPDeviceInput) (flow.Device, error) {
	const method = "CreateLDAPDevice"
	none := flow.Device{}
	s, err := e.session(ctx, call)
	if err != nil {
		return none, err
	}
	err = cmp.Or(checkDevice(in.DeviceName, in.Platform, in.OSRelease),
		checkPassword("LDAPPassword", in.LDAPPassword, 1))
	if err != nil {
		return none, err
	}
	if device, known, err := repeated[flow.Device](ctx, e, call, method, s.key.scope()); known || err != nil {
		return device, cmp.Or(err, e.store.resume(ctx, s))
	}
	home, err := e.home(ctx)
	if err != nil {
		return none, err
	}
	account, err := e.managed(ctx, s, in)
	if err != nil {
		return none, err
	}
	uid, err := bindRequest(call, s.key, method)
	if err != nil {
		return none, err
	}
	q := question{request: uid, home: home, account: account, password: in.LDAPPassword}
	if err := e.checked(ctx, s, q); err != nil {
		return none, err
	}
	device, err := once(ctx, e, call, method, s.key.scope(), func(t *tx) (flow.Device, error) {
		made := newDevice{home, in.DeviceName, in.Platform, in.OSRelease}
		return t.ldapDevice(s, q, made)
	})
	if err != nil {
		return none, err
	}
	return device, e.store.resume(ctx, s)
}

// managed returns an account that a directory manages and that may get another device.
func (e *Engine) managed(ctx context.Context, s *session, in flow.CreateLDAPDeviceInput) (db.Account, error) {
	if s.self.Load() != nil {
		return db.Account{}, errTaken
	}
	account, err := e.store.read.AccountByName(ctx, serverOf(in.ServerURI), flow.Fold(in.Username))
	if err == nil {
		_, err = e.store.read.Managed(ctx, account.ID)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return account, errUnmanaged
	}
	if err != nil {
		return account, e.store.explain(err)
	}
	return account, permit(account.Lock, "CreateLDAPDevice")
}

// ldapDevice makes the device for which a directory password was found right.
func (t *tx) ldapDevice(s *session, q question, d newDevice) (flow.Device, error) {
	none := flow.Device{}
	if err := t.vacant(s); err != nil {
		return none, err
	}
	if err := t.takeAnswer(q); err != nil {
		return none, err
	}
	account, err := t.AccountByID(t.ctx, q.account.ID)
	if err != nil {
		return none, err
	}
	if err := permit(account.Lock, "CreateLDAPDevice"); err != nil {
		return none, err
	}
	device, made, err := t.newDevice(account.ID, d)
	if err != nil {
		return none, err
	}
	made.AccountID = account.Public
	return made, t.bind(s, account.ID, device)
}

// takeAnswer uses the answer to a question up.
func (t *tx) takeAnswer(q question) error {
	row, err := t.BindByRequest(t.ctx, q.request)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !row.Answered {
		return errUnanswered
	}
	if err == nil {
		err = q.concerns(row, t.vault)
	}
	if err != nil {
		return err
	}
	return t.dropBind(q.request, row.Event)
}

// LinkToLDAP implements [flow.Engine].
func (e *Engine) LinkToLDAP(ctx context.Context, call flow.Call, in flow.LinkToLDAPInput) (flow.Nothing, error) {
	const method = "LinkToLDAP"
	none := flow.Nothing{}
	account, err := e.account(ctx, call, method)
	if err != nil {
		return none, err
	}
	s, err := e.session(ctx, call)
	if err != nil {
		return none, err
	}
	if err := checkPassword("LDAPPassword", in.LDAPPassword, 1); err != nil {
		return none, err
	}
	if _, known, err := repeated[flow.Nothing](ctx, e, call, method, string(account.Public)); known || err != nil {
		return none, err
	}
	home, err := e.home(ctx)
	if err != nil {
		return none, err
	}
	uid, err := bindRequest(call, s.key, method)
	if err != nil {
		return none, err
	}
	q := question{request: uid, home: home, account: account, password: in.LDAPPassword, level2: newLevel2()}
	if err := e.checked(ctx, s, q); err != nil {
		return none, err
	}
	return once(ctx, e, call, method, string(account.Public), func(t *tx) (flow.Nothing, error) {
		return none, t.takeAnswer(q)
	})
}
