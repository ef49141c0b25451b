package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Programs acknowledge notifications by asking for more. Whether they have got what they
// were sent only their own backend process can tell: an answer of the owner may be lost on
// the way to it, or on the way from it to the program, and then the next call acknowledges
// nothing. So the process says to the owner what the program has, whenever the owner cannot
// know it.

// delivery is what a session was told.
type delivery struct {
	newest int             // number of the newest call that waits
	flying int             // calls that the owner has not answered
	over   <-chan struct{} // of the route of the newest
	told   bool            // that owner knows where the program is
	cursor flow.Cursor     // the program has all up to here
	sent   flow.Cursor     // up to here with the last answer
	lost   bool            // which has not come yet, or did not arrive

	settled chan struct{} // of an answer on its way to the program: closed when it has left
}

var waitMethod = flow.WaitForNotification.Info().Name

// wait asks an owner for notifications, and keeps account of them. A call that another one
// has overtaken brings nothing: the other one does.
func (m *Member) wait(ctx context.Context, r route, params json.RawMessage) (json.RawMessage, error) {
	var asked struct {
		flow.Call
		flow.WaitForNotificationInput
	}
	if err := json.Unmarshal(params, &asked); err != nil {
		return r.caller.Call(ctx, waitMethod, params) // the owner says what is wrong with them
	}
	d, err := m.deliveryOf(ctx, asked.Session)
	if err != nil {
		return nil, err
	}
	number, said := m.ask(d, asked.WaitForNotificationInput, r.over)
	if said != asked.WaitForNotificationInput {
		more := `"After":` + strconv.FormatInt(int64(said.After), 10) + `,"Again":` + strconv.FormatBool(said.Again)
		if params, err = withLastMember(params, more); err != nil {
			return nil, err
		}
	}
	result, err := r.caller.Call(ctx, waitMethod, params)
	if err != nil {
		m.unanswered(d, asked.After == 0 && errors.Is(err, flow.Invalid))
		return nil, err
	}
	if !m.answered(ctx, d, number, said.After, lastSeq(result)) {
		return json.RawMessage("[]"), nil
	}
	return result, nil
}

// deliveryOf returns what a session was told, once that is known.
func (m *Member) deliveryOf(ctx context.Context, session flow.SessionID) (*delivery, error) {
	for {
		m.mu.Lock()
		d := m.delivered[session]
		if d == nil {
			d = &delivery{}
			m.delivered[session] = d
		}
		settled := d.settled
		m.mu.Unlock()
		if settled == nil {
			return d, nil
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// ask begins a call. It returns its number, and what has to be said to the owner.
func (m *Member) ask(d *delivery, in flow.WaitForNotificationInput, over <-chan struct{}) (number int, said flow.WaitForNotificationInput) {
	m.mu.Lock()
	defer m.mu.Unlock()
	again := in.Again || d.lost
	if again {
		d.sent = d.cursor
	}
	d.cursor = d.sent
	if in.After == 0 && (again || !d.told || d.over != over) {
		in.After, in.Again = d.cursor, again || d.cursor == 0
	}
	d.told, d.lost, d.over = false, true, over
	d.newest++
	d.flying++
	return d.newest, in
}

// unanswered notes that a call has failed, because the place that was said is not in the log
// if it is another one.
func (m *Member) unanswered(d *delivery, foreign bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d.flying--
	if foreign {
		d.cursor, d.sent = 0, 0
	}
}

// answered notes up to where an answer goes, unless another call has overtaken it.
func (m *Member) answered(ctx context.Context, d *delivery, number int, said, last flow.Cursor) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	d.flying--
	if d.newest != number {
		d.told = false
		return false
	}
	if said != 0 {
		d.cursor = said
	}
	d.sent, d.lost, d.told = max(d.cursor, last), false, d.flying == 0
	settled := make(chan struct{})
	leaves := flow.AfterDelivery(ctx, func(arrived bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		d.lost, d.settled = !arrived, nil
		close(settled)
	})
	if leaves {
		d.settled = settled
	}
	return true
}

// lastSeq returns the position of the last notification in a result.
func lastSeq(result json.RawMessage) flow.Cursor {
	var batch []struct {
		Seq flow.Cursor `json:"seq"`
	}
	_ = json.Unmarshal(result, &batch) // what is no list has no position
	var last flow.Cursor
	for _, n := range batch {
		last = max(last, n.Seq)
	}
	return last
}
