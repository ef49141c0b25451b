package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// disclose puts the passwords into requests to a directory account, which are in the log
// without them. Requests that are over are left out.
func (s *store) disclose(ctx context.Context, self *who, list flow.Notifications) (flow.Notifications, error) {
	var told flow.Notifications
	for _, n := range list {
		if n.Type != flow.LDAPBindRequestEvent.Type() {
			told = append(told, n)
			continue
		}
		request, open, err := s.opened(ctx, self, n)
		if err != nil {
			return nil, s.explain(err)
		}
		if open {
			told = append(told, flow.LDAPBindRequestEvent.Make(n.Seq, request))
		}
	}
	return told, nil
}

// opened returns a request that waits for an answer of an account, with the password.
func (s *store) opened(ctx context.Context, self *who, n flow.Notification) (request flow.LDAPBindRequest, open bool, err error) {
	said, err := flow.LDAPBindRequestEvent.Decode(n)
	if err != nil {
		return request, false, err
	}
	row, err := s.read.BindByToken(ctx, said.SecureExchangeToken)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (row.Answered || row.Expires <= time.Now().UnixMilli()) {
		return request, false, nil
	}
	if err != nil {
		return request, false, err
	}
	ring, err := s.read.KeyRingByID(ctx, row.Ring)
	if err != nil || ring.Account != self.account {
		return request, false, err
	}
	seed, err := s.writer.vault.unseal(ring.Seed, ringLabel(ring.Public))
	if err == nil {
		request, err = openBox(seed, row.Box)
	}
	if err != nil || request.SecureExchangeToken != row.Token {
		s.log.Warn("store: a directory password cannot be opened; who gave it has to do so again")
		return flow.LDAPBindRequest{}, false, nil
	}
	return request, true, nil
}

// withoutBinds leaves out the requests to a directory account.
func withoutBinds(list flow.Notifications) (flow.Notifications, error) {
	var told flow.Notifications
	for _, n := range list {
		if n.Type != flow.LDAPBindRequestEvent.Type() {
			told = append(told, n)
		}
	}
	return told, nil
}

// waiting returns the request that a directory account answers.
func (t *tx) waiting(domain db.DomainOfRow, in flow.LDAPBindResponseInput) (db.Bind, error) {
	row, err := t.BindByToken(t.ctx, in.SecureExchangeToken)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (row.Domain != domain.ID || row.Answered || row.Expires <= t.now) {
		return row, errNoRequest
	}
	if err != nil {
		return row, err
	}
	account, err := t.AccountByID(t.ctx, row.Account)
	if err == nil && (flow.Fold(in.Username) != account.Folded || serverOf(in.ServerURI) != account.Server) {
		err = flow.Errorf(flow.Invalid, "the request of this token is of another user than %q", clip(in.Username))
	}
	return row, err
}

// answer lets a call go on, and takes the password out of the store.
func (t *tx) answer(row db.Bind) error {
	t.answered = true
	return t.AnswerBind(t.ctx, row.Request)
}

var errWrongLevel2 = flow.Errorf(flow.Denied,
	"Level2Secret is not the one of this account: a new device is answered with that of SetupLDAPAccount or of the link, a link with that of its request")

// LDAPBindResponse implements [flow.Engine].
func (e *Engine) LDAPBindResponse(ctx context.Context, call flow.Call, in flow.LDAPBindResponseInput) (flow.Nothing, error) {
	return e.own(ctx, call, "LDAPBindResponse", func(t *tx, self *who) error {
		domain, err := t.directory(self, "LDAPBindResponse")
		if err != nil {
			return err
		}
		row, err := t.waiting(domain, in)
		if err != nil {
			return err
		}
		if row.Level2 != nil {
			return flow.Errorf(flow.Conflict, "this is a request to link an account; answer it with LinkLDAPAccount")
		}
		known, err := t.Managed(t.ctx, row.Account)
		if err != nil {
			return err
		}
		if !sameSecret(in.Level2Secret, known.Level2) {
			return errWrongLevel2
		}
		return t.answer(row)
	})
}

// LinkLDAPAccount implements [flow.Engine].
func (e *Engine) LinkLDAPAccount(ctx context.Context, call flow.Call, in flow.LDAPBindResponseInput) (string, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return "", err
	}
	password := madeUpPassword()
	verifier, err := e.store.hash(ctx, password)
	if err != nil {
		return "", err
	}
	return once(ctx, e, call, "LinkLDAPAccount", string(self.id), func(t *tx) (string, error) {
		domain, err := t.directory(self, "LinkLDAPAccount")
		if err != nil {
			return "", err
		}
		row, err := t.waiting(domain, in)
		if err != nil {
			return "", err
		}
		if row.Level2 == nil {
			return "", flow.Errorf(flow.Conflict, "this is a request for a new device; answer it with LDAPBindResponse")
		}
		if !sameSecret(in.Level2Secret, row.Level2) {
			return "", errWrongLevel2
		}
		return password, t.link(domain, row, verifier)
	})
}

// link puts an account under a directory.
func (t *tx) link(domain db.DomainOfRow, row db.Bind, verifier string) error {
	account, err := t.AccountByID(t.ctx, row.Account)
	if err != nil {
		return err
	}
	if account.Lock == flow.LDAPLock {
		if err := t.setLock(account.ID, flow.Unlocked); err != nil {
			return err
		}
	}
	if err := t.SetVerifier(t.ctx, verifier, account.ID); err != nil {
		return err
	}
	err = t.SetManaged(t.ctx, db.SetManagedParams{Account: account.ID, Domain: domain.ID, Level2: row.Level2, Created: t.now})
	if err != nil {
		return err
	}
	return t.answer(row)
}
