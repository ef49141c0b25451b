package sqlite

import (
	"time"
)

// presence counts the connections of a member. When there is none for a while the member
// is gone and its sessions end: until then it may only have been slow.
type presence struct {
	connections int
	farewell    *time.Timer // runs while there is no connection
}

// returnTime is how long a member without a connection may take to come back.
const returnTime = time.Minute

// expect waits for the members that have sessions from the time of an earlier owner.
func (o *owner) expect(members []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, member := range members {
		if o.present[member] == nil && member != o.self.Member && !o.closing {
			o.miss(member, &presence{})
		}
	}
}

// arrive counts a connection of a member.
func (o *owner) arrive(member string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.present[member]
	if p == nil {
		p = &presence{}
		o.present[member] = p
	}
	p.connections++
	if p.farewell != nil {
		p.farewell.Stop()
		p.farewell = nil
	}
}

// depart counts it out again.
func (o *owner) depart(member string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.present[member]
	if p.connections--; p.connections == 0 && !o.closing {
		o.miss(member, p)
	}
}

// miss starts to wait for a member. It is called with mu held.
func (o *owner) miss(member string, p *presence) {
	o.present[member] = p
	p.farewell = time.AfterFunc(returnTime, func() { o.bury(member, p) })
}

// bury ends the sessions of a member that did not come back. An owner that goes itself
// does not judge: the member may be on its way to the next one.
func (o *owner) bury(member string, p *presence) {
	if !o.enter() {
		return
	}
	defer o.running.Done()
	o.mu.Lock()
	gone := p.connections == 0 && o.present[member] == p
	if gone {
		delete(o.present, member)
	}
	o.mu.Unlock()
	if gone {
		o.store.leave(member)
	}
}
