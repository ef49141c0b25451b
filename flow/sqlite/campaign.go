package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// run gives the member its part until ctx ends: as the owner if the lock is free, else
// with the owner that there is. A process that is nobody's owner sleeps in a read of its
// connection, which ends with the owner.
func (m *Member) run(ctx context.Context) {
	defer close(m.ended)
	var modest time.Time // leave the lock to a newer process until then
	for attempt := 0; ctx.Err() == nil; attempt++ {
		held := false
		var err error
		if time.Now().After(modest) {
			held, err = m.lock.try()
		}
		switch {
		case err != nil:
			m.fail(ctx, nil, unusable(m.place.dir, err))
		case held:
			if errors.Is(m.own(ctx), errNewer) {
				modest = time.Now().Add(modesty)
			}
			attempt = 0
		default:
			if m.follow(ctx) {
				attempt = 0 // the lock may be free now
				continue
			}
			pause(ctx, redialPause(attempt))
		}
	}
	m.lead(route{err: errLeft, stays: true})
}

// modesty is how long a process that made room for a newer one does not take its place.
const modesty = time.Second

// redialPause is 1 to 3 ms, so that a crowd that lost its owner does not come at once,
// and grows when nobody takes over, which is so while a large store is being recovered.
func redialPause(attempt int) time.Duration {
	d := time.Millisecond + rand.N(2*time.Millisecond)
	if attempt > 1000 {
		d *= 50
	}
	return d
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// fail answers calls with err until one of them asks for a new attempt, or over is
// closed.
func (m *Member) fail(ctx context.Context, over <-chan struct{}, err error) {
	m.log.Error("store cannot be used", "err", err)
	select {
	case <-m.again: // was about an earlier failure
	default:
	}
	m.lead(route{err: err, since: time.Now()})
	select {
	case <-m.again:
	case <-over:
		m.lead(route{})
	case <-ctx.Done():
	}
}

// own holds the store until ctx ends or the owner makes room, and says why it ended. The
// lock is released last of all.
func (m *Member) own(ctx context.Context) error {
	o, err := newOwner(ctx, m)
	if err == nil {
		m.lead(route{caller: o, over: o.ctx.Done()})
		<-o.ctx.Done()
		m.lead(route{})
		err = context.Cause(o.ctx)
		m.err = o.close(ctx.Err() != nil)
	}
	if failed := m.lock.release(); failed != nil {
		m.log.Error("release the lock of the store", "err", failed)
	}
	if o == nil && ctx.Err() == nil {
		m.fail(ctx, nil, err)
	}
	return err
}

// follow relays calls to the owner until the connection ends. It reports whether there
// was an owner that took them.
func (m *Member) follow(ctx context.Context) bool {
	conn, err := m.place.dial(ctx)
	if err != nil {
		m.log.Debug("no owner of the store answers", "err", err)
		return false
	}
	owner, err := checkPeer(conn, os.Geteuid())
	silence := m.place.silence(owner)
	stream := flow.NewStream(conn, flow.StreamOptions{Patience: m.options.Patience, Silence: silence})
	defer stream.Close()
	if err == nil {
		err = m.greet(ctx, stream)
	}
	again := stream.Silent()
	switch {
	case again != nil:
		m.log.Warn("the owner of the store does not answer", "process", owner.process)
		m.lead(route{err: silence, stays: true})
		select { // each of them is a reason to introduce oneself anew
		case <-again:
		case <-stream.Done():
		case <-ctx.Done():
		}
		m.lead(route{})
	case err == nil:
		m.lead(route{caller: stream, over: stream.Done()})
		select {
		case <-stream.Done():
		case <-ctx.Done():
			takeLeave(stream)
		}
		m.lead(route{})
		return true
	case errors.Is(err, flow.Unavailable), errors.Is(err, flow.Uncertain), ctx.Err() != nil:
		m.log.Debug("the owner of the store went away or makes room", "err", err)
	default:
		m.fail(ctx, stream.Done(), err)
	}
	return false
}

// byeTime is how long a member that ends waits until the owner has heard of it.
const byeTime = 200 * time.Millisecond

// takeLeave tells the owner that this member does not come back. An owner that does not hear
// of it takes the member for gone in the end.
func takeLeave(stream *flow.Stream) {
	ctx, cancel := context.WithTimeout(context.Background(), byeTime)
	defer cancel()
	_, _ = stream.Call(ctx, byeMethod, json.RawMessage("{}"))
}

// silence is what calls fail with while the owner is there and does not answer. It is not
// ours to end it: it may be at work for somebody, and what it was told is not lost.
func (p place) silence(owner neighbour) error {
	return flow.Errorf(flow.Unusable, "%s has the store in %s open and does not answer: it was stopped, or it hangs; "+
		"continue or end that process, then calls work again, and nothing that was sent before is lost", owner, p.dir)
}

// greet introduces this member to the owner.
func (m *Member) greet(ctx context.Context, stream *flow.Stream) error {
	token, err := m.place.token(false)
	if err != nil {
		return err
	}
	self := m.self
	self.Token, self.Newest = token, m.newestSession()
	params, err := json.Marshal(self)
	if err != nil {
		return err
	}
	_, err = stream.Call(ctx, helloMethod, params)
	return err
}
