package sqlite

import (
	"context"
	"sync"
	"time"
)

// How long a rendezvous lasts, and how long a new device waits for the other one.
const (
	rendezvousTime = 10 * time.Minute
	meetingTime    = 10 * time.Second
)

// rendezvousKey is the hash of the id of a rendezvous.
type rendezvousKey [32]byte

// lobby is where devices wait for each other. Who waits is known only here: a call that
// waits is made again at the next owner of the store, or it has ended.
type lobby struct {
	lasts, patience time.Duration // the constants above, but in tests
	changed         bell          // rings when hosts or a rendezvous has changed

	mu    sync.Mutex
	hosts map[rendezvousKey]int // calls that wait to let a device in
}

func newLobby() *lobby {
	return &lobby{lasts: rendezvousTime, patience: meetingTime, hosts: map[rendezvousKey]int{}}
}

// host waits to let a device in, until leave is called.
func (l *lobby) host(key rendezvousKey) (leave func()) {
	l.count(key, 1)
	return func() { l.count(key, -1) }
}

func (l *lobby) count(key rendezvousKey, n int) {
	l.mu.Lock()
	if l.hosts[key] += n; l.hosts[key] == 0 {
		delete(l.hosts, key)
	}
	l.mu.Unlock()
	l.changed.ring()
}

// hosted reports whether somebody waits to let a device in.
func (l *lobby) hosted(key rendezvousKey) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hosts[key] > 0
}

// until calls done whenever something may have changed, until it reports true or fails.
// When the time is up first it returns late.
func (l *lobby) until(
	ctx context.Context, s *session, key rendezvousKey, patience time.Duration, late error, done func(hosted bool) (bool, error),
) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		changed := l.changed.next()
		if over, err := done(l.hosted(key)); over || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-timeout.C:
			return late
		case <-s.ended:
			return s.why()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
