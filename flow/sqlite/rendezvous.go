package sqlite

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// Of a rendezvous that leads nowhere one does not say why: who has a wrong id learns
// nothing from it.
var (
	errNoMeeting = flow.Errorf(flow.NotFound,
		"this rendezvous id leads nowhere: it is mistyped, was used or cancelled, or is too old; start another on the device that is there already")
	errNoHost = flow.Errorf(flow.Conflict,
		"the other device does not wait for a new one: call ProvisionNewDevice there, and then this again")
	errNoRendezvous = flow.Errorf(flow.Conflict, "no rendezvous is under way on this session: call StartD2DRendezvous first")
	errCancelled    = flow.Errorf(flow.Conflict, "the rendezvous was cancelled; no device was let in")
	errExpired      = flow.Errorf(flow.Conflict, "no device has come in time; start another rendezvous")
)

// keyOf returns the hash of a rendezvous id. People type it with blanks and hyphens, and
// in lower case.
func keyOf(id flow.RendezvousID) (rendezvousKey, error) {
	if len(id) > 200 {
		return rendezvousKey{}, errNoMeeting
	}
	text := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(string(id)))
	raw, ok := flow.DecodeID(text)
	if !ok || len(raw) != sha256.Size {
		return rendezvousKey{}, errNoMeeting
	}
	return sha256.Sum256(append([]byte("flow-mcp rendezvous "), raw...)), nil
}

// StartD2DRendezvous implements [flow.Engine]. It is repeated by starting another one: the
// id of one that nobody was told of must not lie in the store for that.
func (e *Engine) StartD2DRendezvous(ctx context.Context, call flow.Call, _ flow.StartD2DRendezvousInput) (flow.RendezvousID, error) {
	s, self, err := e.self(ctx, call)
	if err != nil {
		return "", err
	}
	id := flow.RendezvousID(flow.NewID())
	key, err := keyOf(id)
	if err != nil {
		return "", err
	}
	err = e.store.change(ctx, func(t *tx) error {
		t.met = true
		return t.SetRendezvous(t.ctx, db.SetRendezvousParams{
			Member: s.key.member, Session: s.key.id, Hash: key[:], Device: self.device,
			Expires: t.now + e.store.lobby.lasts.Milliseconds(),
		})
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// CancelRendezvous implements [flow.Engine].
func (e *Engine) CancelRendezvous(ctx context.Context, call flow.Call, _ flow.CancelRendezvousInput) (flow.Nothing, error) {
	s, _, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	return flow.Nothing{}, e.store.change(ctx, func(t *tx) error {
		t.met = true
		return t.CancelRendezvous(t.ctx, s.key.member, s.key.id)
	})
}

// ProvisionNewDevice implements [flow.Engine].
func (e *Engine) ProvisionNewDevice(ctx context.Context, call flow.Call, _ flow.ProvisionNewDeviceInput) (flow.Nothing, error) {
	const method = "ProvisionNewDevice"
	none := flow.Nothing{}
	s, self, err := e.self(ctx, call)
	if err != nil {
		return none, err
	}
	if _, known, err := repeated[flow.Nothing](ctx, e, call, method, string(self.id)); known || err != nil {
		return none, err
	}
	hash, err := e.store.read.RendezvousOf(ctx, s.key.member, s.key.id)
	if errors.Is(err, sql.ErrNoRows) {
		return none, errNoRendezvous
	}
	if err != nil {
		return none, e.store.explain(err)
	}
	if err := e.letIn(ctx, s, self, rendezvousKey(hash)); err != nil {
		return none, err
	}
	return once(ctx, e, call, method, string(self.id), func(t *tx) (flow.Nothing, error) {
		return none, t.EndRendezvous(t.ctx, hash)
	})
}

// letIn waits until a rendezvous has led to a device.
func (e *Engine) letIn(ctx context.Context, s *session, self *who, key rendezvousKey) error {
	row, err := e.store.read.RendezvousByHash(ctx, key[:])
	if err != nil {
		return e.store.explain(orGone(err, errCancelled))
	}
	defer e.store.lobby.host(key)()
	patience := time.Until(time.UnixMilli(row.Expires))
	return e.store.lobby.until(ctx, s, key, patience, errExpired, func(bool) (bool, error) {
		if err := e.store.hub.permits(self, anyMethod); err != nil {
			return false, err
		}
		row, err := e.store.read.RendezvousByHash(ctx, key[:])
		return row.Made.Valid, e.store.explain(orGone(err, errCancelled))
	})
}

// orGone replaces the error that there is no row.
func orGone(err, gone error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return gone
	}
	return err
}

// CreateDeviceFromD2D implements [flow.Engine].
func (e *Engine) CreateDeviceFromD2D(ctx context.Context, call flow.Call, in flow.CreateDeviceFromD2DInput) (flow.Nothing, error) {
	const method = "CreateDeviceFromD2D"
	none := flow.Nothing{}
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
	if _, known, err := repeated[flow.Nothing](ctx, e, call, method, s.key.scope()); known || err != nil {
		return none, cmp.Or(err, e.store.resume(ctx, s))
	}
	if s.self.Load() != nil {
		return none, errTaken
	}
	key, err := keyOf(in.RendezvousID)
	if err != nil {
		return none, err
	}
	if err := e.awaitHost(ctx, s, key); err != nil {
		return none, err
	}
	_, err = once(ctx, e, call, method, s.key.scope(), func(t *tx) (flow.Nothing, error) {
		return none, t.meet(s, key, newDevice{home, in.DeviceName, in.Platform, in.OSRelease})
	})
	if err != nil {
		return none, err
	}
	return none, e.store.resume(ctx, s)
}

// awaitHost waits until the other device lets a new one in.
func (e *Engine) awaitHost(ctx context.Context, s *session, key rendezvousKey) error {
	return e.store.lobby.until(ctx, s, key, e.store.lobby.patience, errNoHost, func(hosted bool) (bool, error) {
		row, err := e.store.read.RendezvousByHash(ctx, key[:])
		switch {
		case err != nil:
			return false, e.store.explain(orGone(err, errNoMeeting))
		case row.Made.Valid || row.Expires <= time.Now().UnixMilli():
			return false, errNoMeeting
		}
		return hosted, nil
	})
}

// meet makes the device that a rendezvous leads to, and starts it on a session.
func (t *tx) meet(s *session, key rendezvousKey, d newDevice) error {
	if err := t.vacant(s); err != nil {
		return err
	}
	row, err := t.RendezvousByHash(t.ctx, key[:])
	if err == nil && (row.Made.Valid || row.Expires <= t.now) {
		err = errNoMeeting
	}
	if err != nil {
		return orGone(err, errNoMeeting)
	}
	device, _, err := t.newDevice(row.Account, d)
	if err != nil {
		return err
	}
	t.met = true
	if err := t.MeetRendezvous(t.ctx, nullable(device), key[:]); err != nil {
		return err
	}
	return t.bind(s, row.Account, device)
}
