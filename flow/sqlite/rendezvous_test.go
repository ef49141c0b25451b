package sqlite

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// shows starts a rendezvous.
func (u user) shows(t *testing.T) flow.RendezvousID {
	t.Helper()
	id, err := u.StartD2DRendezvous(t.Context(), u.call, flow.StartD2DRendezvousInput{})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// lets waits for a new device, until outcome has something.
func (u user) lets(ctx context.Context) (outcome chan error) {
	outcome = make(chan error, 1)
	go func() {
		_, err := u.ProvisionNewDevice(ctx, u.call, flow.ProvisionNewDeviceInput{})
		outcome <- err
	}()
	return outcome
}

// waits returns once somebody waits to let a device in.
func waits(t *testing.T, s *store, id flow.RendezvousID) {
	t.Helper()
	key, err := keyOf(id)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "somebody waits to let a device in", func() bool { return s.lobby.hosted(key) })
}

// comes uses a rendezvous in a process of its own.
func comes(t *testing.T, s *store, member string, id flow.RendezvousID) error {
	t.Helper()
	e := s.seat(member)
	session, err := e.NewSession(t.Context(), flow.Call{}, flow.NewSessionInput{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.CreateDeviceFromD2D(t.Context(), flow.Call{Session: session.SessionID}, flow.CreateDeviceFromD2DInput{RendezvousID: id})
	return err
}

func (u user) devices(t *testing.T) int {
	t.Helper()
	devices, err := u.GetDevices(t.Context(), u.call, flow.GetDevicesInput{})
	if err != nil {
		t.Fatal(err)
	}
	return len(devices)
}

func TestRendezvousExpires(t *testing.T) {
	s := open(t, t.TempDir())
	s.lobby.lasts = time.Millisecond
	ana := start(t, s, "one", "ana")
	id := ana.shows(t)
	if err := <-ana.lets(t.Context()); !errors.Is(err, errExpired) {
		t.Errorf("ProvisionNewDevice ends with %v", err)
	}
	if err := comes(t, s, "two", id); !errors.Is(err, errNoMeeting) {
		t.Errorf("CreateDeviceFromD2D ends with %v", err)
	}
}

// A device is let in only while the other one waits for it, which may be given up and
// taken up again.
func TestNobodyLetsADeviceIn(t *testing.T) {
	s := open(t, t.TempDir())
	s.lobby.patience = time.Millisecond
	ana := start(t, s, "one", "ana")
	id := ana.shows(t)
	if err := comes(t, s, "two", id); !errors.Is(err, errNoHost) {
		t.Errorf("before ProvisionNewDevice: %v", err)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	outcome := ana.lets(ctx)
	waits(t, s, id)
	giveUp()
	if err := <-outcome; !errors.Is(err, context.Canceled) {
		t.Errorf("ProvisionNewDevice that was given up ends with %v", err)
	}
	if err := comes(t, s, "two", id); !errors.Is(err, errNoHost) {
		t.Errorf("after ProvisionNewDevice was given up: %v", err)
	}
	s.lobby.patience = time.Hour
	outcome = ana.lets(t.Context())
	if err := comes(t, s, "two", id); err != nil {
		t.Errorf("CreateDeviceFromD2D: %v", err)
	}
	if err := <-outcome; err != nil {
		t.Errorf("ProvisionNewDevice: %v", err)
	}
	if n := ana.devices(t); n != 2 {
		t.Errorf("there are %d devices, want 2", n)
	}
}

// Calls that are repeated, as when the owner of the store goes, find what was done.
func TestRendezvousIsRepeated(t *testing.T) {
	s := open(t, t.TempDir())
	ana, e := start(t, s, "one", "ana"), s.seat("two")
	session, err := e.NewSession(t.Context(), flow.Call{}, flow.NewSessionInput{})
	if err != nil {
		t.Fatal(err)
	}
	first := ana.shows(t)
	id := ana.shows(t)
	ana.call.Request = "let in"
	in := flow.CreateDeviceFromD2DInput{RendezvousID: id}
	for range 2 {
		outcome := ana.lets(t.Context())
		if _, err := e.CreateDeviceFromD2D(t.Context(), flow.Call{Session: session.SessionID, Request: "come"}, in); err != nil {
			t.Errorf("CreateDeviceFromD2D: %v", err)
		}
		if err := <-outcome; err != nil {
			t.Errorf("ProvisionNewDevice: %v", err)
		}
	}
	if n := ana.devices(t); n != 2 {
		t.Errorf("there are %d devices, want 2", n)
	}
	if err := comes(t, s, "three", first); !errors.Is(err, errNoMeeting) {
		t.Errorf("the id that was replaced: %v", err)
	}
}

// A process that is gone lets nobody in.
func TestRendezvousEndsWithItsProcess(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	id := ana.shows(t)
	outcome := ana.lets(t.Context())
	waits(t, s, id)
	s.leave("one")
	if err := <-outcome; !errors.Is(err, errUnknownSession) && !errors.Is(err, errCancelled) {
		t.Errorf("ProvisionNewDevice ends with %v", err)
	}
	if err := comes(t, s, "two", id); !errors.Is(err, errNoMeeting) {
		t.Errorf("CreateDeviceFromD2D ends with %v", err)
	}
}

// Nobody finds the id of a rendezvous in the files of the store.
func TestRendezvousIDIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ana := start(t, s, "one", "ana")
	ana.call.Request = "start"
	pending := ana.shows(t)
	used := ana.shows(t)
	outcome := ana.lets(t.Context())
	if err := comes(t, s, "two", used); err != nil {
		t.Fatal(err)
	}
	if err := <-outcome; err != nil {
		t.Fatal(err)
	}
	for _, id := range []flow.RendezvousID{pending, used} {
		raw, ok := flow.DecodeID(string(id))
		if !ok {
			t.Fatal("the id cannot be decoded")
		}
		if where := holding(t, dir, []byte(id), raw); len(where) > 0 {
			t.Errorf("the id is in %v", where)
		}
	}
	if where := holding(t, dir, []byte("ana")); len(where) == 0 {
		t.Error("the search finds nothing at all")
	}
}

// holding returns the files below dir that hold one of some bytes.
func holding(t *testing.T, dir string, any ...[]byte) (where []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, text := range any {
			if bytes.Contains(data, text) {
				where = append(where, path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// Two processes meet though the owner of the store is killed while one waits.
func TestOwnerIsKilledDuringARendezvous(t *testing.T) {
	dir := t.TempDir()
	kill := ownedBy(t, dir)
	alice := account(t, join(t, dir), "alice")
	phone := join(t, dir)
	session, err := flow.NewSession.Call(t.Context(), phone, flow.NewSessionInput{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := flow.StartD2DRendezvous.Call(t.Context(), alice, flow.StartD2DRendezvousInput{})
	if err != nil {
		t.Fatal(err)
	}
	outcome := make(chan error, 1)
	go func() {
		_, err := flow.ProvisionNewDevice.Call(t.Context(), alice, flow.ProvisionNewDeviceInput{})
		outcome <- err
	}()
	kill()
	in := flow.CreateDeviceFromD2DInput{RendezvousID: id}
	s := flow.Session{Caller: phone, ID: session.SessionID}
	if _, err := flow.CreateDeviceFromD2D.Call(t.Context(), s, in); err != nil {
		t.Errorf("CreateDeviceFromD2D: %v", err)
	}
	if err := <-outcome; err != nil {
		t.Errorf("ProvisionNewDevice: %v", err)
	}
	devices, err := flow.GetDevices.Call(t.Context(), s, flow.GetDevicesInput{})
	if err != nil || len(devices) != 2 {
		t.Errorf("the devices are %+v, %v", devices, err)
	}
}
