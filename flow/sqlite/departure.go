package sqlite

import (
	"context"
	"errors"
	"time"
)

// keepDeparted is how long the sessions of a process stay that does not come back.
const keepDeparted = 30 * 24 * time.Hour

// leave ends the sessions of a backend process that has ended.
func (s *store) leave(member string) {
	s.part(member, func(t *tx) (bool, error) { return true, t.dropMember(member) })
}

// miss forgets the sessions of a backend process that is not there, if that is still so when
// its turn to write has come. Their rows stay: when it was only stopped they go on.
func (s *store) miss(member string, gone func() bool) {
	s.part(member, func(t *tx) (bool, error) {
		if !gone() {
			return false, nil
		}
		return true, t.NoteDeparture(t.ctx, member, t.now)
	})
}

// part takes the sessions of a process out of memory when note says so.
func (s *store) part(member string, note func(*tx) (bool, error)) {
	var ended []*session
	err := s.change(context.Background(), func(t *tx) error {
		parts, err := note(t)
		if err != nil || !parts {
			return err
		}
		s.mu.Lock()
		delete(s.seats, member)
		s.mu.Unlock()
		ended = s.sessions.remove(member)
		for _, one := range ended {
			if err := one.save(t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errClosed) {
		s.log.Error("store: sessions of a process that is gone remain", "error", err)
	}
	for _, one := range ended {
		s.end(one, errUnknownSession)
	}
}

func (t *tx) dropMember(member string) error {
	t.met = true // a rendezvous ends with its session
	if err := t.DropSessions(t.ctx, member); err != nil {
		return err
	}
	if err := t.DropDeparture(t.ctx, member); err != nil {
		return err
	}
	return t.DropSeat(t.ctx, member)
}

// dropDeparted ends the sessions of processes that have been away for too long, and forgets
// that others were away.
func (s *store) dropDeparted(t *tx) error {
	departed, err := t.Departures(t.ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range departed {
		switch {
		case s.seats[d.Member]:
			err = t.DropDeparture(t.ctx, d.Member)
		case t.now-d.At > keepDeparted.Milliseconds():
			err = t.dropMember(d.Member)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
