package sqlite

import (
	"context"
	"time"
)

// presence counts the connections of a member. When there is none for a while the member
// is taken for gone, and what memory holds of its sessions is given up.
type presence struct {
	connections int
	farewell    *time.Timer   // runs while there is no connection
	burial      chan struct{} // made when its sessions begin to go, closed when they have
}

// absence is how long a member without a connection may take to come back.
const absence = time.Minute

// expect waits for the members that have sessions from the time of an earlier owner.
func (o *owner) expect(members []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, member := range members {
		if o.present[member] == nil && member != o.self.Member {
			o.miss(member)
		}
	}
}

// arrive counts a connection of a member. One whose sessions are about to go
// waits until they have: it would use what ends.
func (o *owner) arrive(ctx context.Context, member string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.present[member]
	for p != nil && p.burial != nil {
		o.mu.Unlock()
		select {
		case <-p.burial:
		case <-ctx.Done():
		}
		o.mu.Lock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p = o.present[member]
	}
	if p == nil {
		p = &presence{}
		o.present[member] = p
	}
	p.connections++
	if p.farewell != nil {
		p.farewell.Stop()
	}
	return nil
}

// depart counts it out again. One that ends is not waited for.
func (o *owner) depart(member string, ends bool) {
	o.mu.Lock()
	p := o.present[member]
	p.connections--
	last := p.connections == 0
	switch {
	case last && ends:
		delete(o.present, member)
	case last:
		o.miss(member)
	}
	o.mu.Unlock()
	if last && ends {
		o.store.leave(member)
	}
}

// miss starts to wait for a member. It is called with mu held.
func (o *owner) miss(member string) {
	if o.closing {
		return
	}
	p := &presence{}
	p.farewell = time.AfterFunc(o.absence, func() { o.bury(member, p) })
	o.present[member] = p
}

// bury gives up the sessions of a member that did not come back. An owner that goes itself
// does not judge: the member may be on its way to the next one.
func (o *owner) bury(member string, p *presence) {
	if !o.enter() {
		return
	}
	defer o.running.Done()
	o.store.miss(member, func() bool { return o.isGone(member, p) })
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.present[member] != p || p.connections > 0:
		return // it came back in time
	case p.burial == nil:
		o.miss(member) // the store could not be written to
	default:
		delete(o.present, member)
		close(p.burial)
	}
}

// isGone judges a member. The writer asks when it is about to take the sessions away, since the
// member may have come back while others wrote.
func (o *owner) isGone(member string, p *presence) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.present[member] != p || p.connections > 0 {
		return false
	}
	p.burial = make(chan struct{})
	return true
}
