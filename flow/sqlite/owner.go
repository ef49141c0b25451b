package sqlite

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// owner is the member that has the store open. It is a [flow.Caller] for its own process.
type owner struct {
	log      *slog.Logger
	self     hello // with the token
	place    place
	listener net.Listener
	store    *store      // set before opened is closed
	own      flow.Caller // likewise
	opened   chan struct{}
	absence  time.Duration // how long a member may be away

	ctx     context.Context // ends when the owner makes room
	resign  context.CancelCauseFunc
	running sync.WaitGroup

	mu      sync.Mutex
	closing bool
	present map[string]*presence
}

// errNewer ends an owner in favour of a process that knows newer tables.
var errNewer = errors.New("a newer process takes over the store")

// newOwner opens the store for a member that holds the lock. It listens before that, so
// that the others wait on the socket and do not dial in vain.
func newOwner(ctx context.Context, m *Member) (*owner, error) {
	if m.options.Existing {
		if err := checkMade(m.place.dir); err != nil {
			return nil, err
		}
	}
	token, err := m.place.token(true)
	if err != nil {
		return nil, err
	}
	listener, err := m.place.listen()
	if err != nil {
		return nil, err
	}
	o := &owner{
		log:      m.log,
		self:     m.self,
		place:    m.place,
		listener: listener,
		opened:   make(chan struct{}),
		absence:  cmp.Or(m.options.absence, absence),
		present:  map[string]*presence{},
	}
	o.self.Token = token
	o.ctx, o.resign = context.WithCancelCause(ctx)
	o.running.Go(o.accept)
	if err := o.open(m); err != nil {
		o.resign(err)
		o.running.Wait()
		o.place.clear(listener)
		return nil, err
	}
	close(o.opened)
	o.log.Info("owns the store", "dir", m.place.dir)
	return o, nil
}

func (o *owner) open(m *Member) error {
	store, err := openStore(o.ctx, m.place.dir, m.options)
	if err != nil {
		return err
	}
	members, err := store.read.SessionMembers(o.ctx)
	if err != nil {
		return errors.Join(store.explain(err), store.close(o.ctx))
	}
	o.store = store
	seat := store.seat(m.self.Member)
	seat.newest.Store(int64(m.newestSession()))
	o.own = flow.Serve(seat)
	o.expect(members)
	return nil
}

// Call implements [flow.Caller] for the owner's own process.
func (o *owner) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if !o.enter() {
		return nil, flow.Errorf(flow.Unavailable, "the store is being handed over")
	}
	defer o.running.Done()
	local, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(o.ctx, func() { cancel(context.Cause(o.ctx)) })()
	result, err := o.own.Call(local, method, params)
	switch {
	case err == nil:
		return result, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case o.ctx.Err() != nil:
		return nil, flow.Errorf(flow.Uncertain, "the store was handed over during the call")
	}
	return nil, err
}

// enter lets something run that close waits for, unless it is too late for that.
func (o *owner) enter() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return false
	}
	o.running.Add(1)
	return true
}

// accept serves whoever connects.
func (o *owner) accept() {
	// The listener stays open until the store is closed: who dials meanwhile waits in
	// its queue, instead of dialling again and again. So Accept ends by a deadline.
	stop := context.AfterFunc(o.ctx, func() {
		o.listener.(*net.UnixListener).SetDeadline(time.Unix(1, 0))
	})
	defer stop()
	for o.ctx.Err() == nil {
		conn, err := o.listener.Accept()
		if err == nil {
			o.running.Go(func() { o.serve(conn) })
			continue
		}
		if o.ctx.Err() == nil {
			o.log.Error("accept a member of the store", "err", err)
			pause(o.ctx, 50*time.Millisecond) // too many open files, most likely
		}
	}
}

// serve answers one connection until it ends.
func (o *owner) serve(conn net.Conn) {
	if _, err := checkPeer(conn, os.Geteuid()); err != nil {
		o.log.Warn("refused a connection to the store", "err", err)
		conn.Close()
		return
	}
	v := &visitor{owner: o}
	if err := flow.ServeStream(o.ctx, conn, v); err != nil {
		name, _ := v.name()
		o.log.Warn("dropped a member of the store", "visitor", shortMember(name), "err", err)
	}
	if name, ends := v.name(); name != "" {
		o.depart(name, ends)
	}
}

// closeTime bounds how long the store may take to be closed in good order. It is safe to
// be killed before that.
const closeTime = 10 * time.Second

// close ends everything that runs here and closes the store. The lock may be released
// afterwards. With leave set, this process does not come back either.
func (o *owner) close(leave bool) error {
	o.mu.Lock()
	o.closing = true
	for _, p := range o.present {
		if p.farewell != nil {
			p.farewell.Stop()
		}
	}
	o.mu.Unlock()
	o.running.Wait()
	if leave {
		o.store.leave(o.self.Member)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), closeTime)
	defer cancel()
	err := o.store.close(ctx)
	o.place.clear(o.listener)
	o.log.Debug("hands over the store")
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// visitor is the other end of one connection. It is served once it has said who it is.
type visitor struct {
	owner *owner

	mu     sync.Mutex
	member string
	seat   flow.Caller
	ends   bool // with the connection
}

func (v *visitor) name() (member string, ends bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.member, v.ends
}

// Call implements [flow.Caller].
func (v *visitor) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if method == helloMethod {
		return v.hello(ctx, params)
	}
	v.mu.Lock()
	seat := v.seat
	v.ends = v.ends || method == byeMethod
	v.mu.Unlock()
	switch {
	case seat == nil:
		return nil, flow.Errorf(flow.Denied, "the first call on this socket must be %s", helloMethod)
	case method == byeMethod:
		return json.RawMessage("null"), nil
	}
	return seat.Call(ctx, method, params)
}

// hello gives the visitor a seat, or says why it gets none.
func (v *visitor) hello(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	var said hello
	if err := json.Unmarshal(params, &said); err != nil {
		return nil, flow.Errorf(flow.Invalid, "%s: %v", helloMethod, err)
	}
	o := v.owner
	switch {
	case said.Protocol != o.self.Protocol:
		return nil, o.self.refuse(said)
	case subtle.ConstantTimeCompare([]byte(said.Token), []byte(o.self.Token)) != 1:
		return nil, flow.Errorf(flow.Denied, "the token is not that of the store")
	case said.Member == "" || len(said.Member) > 64:
		return nil, flow.Errorf(flow.Invalid, "%s: the member must have a name of 1 to 64 bytes", helloMethod)
	case said.Newest < 0 || said.Newest > maxSession:
		return nil, flow.Errorf(flow.Invalid, "%s: the newest session must have a number from 0 to %d", helloMethod, maxSession)
	}
	select {
	case <-o.opened:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if said.Schema > o.self.Schema {
		o.resign(errNewer)
		return nil, flow.Errorf(flow.Unavailable, "process %d makes room for a newer program", o.self.Process)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.seat != nil {
		return nil, flow.Errorf(flow.Invalid, "%s may be said once", helloMethod)
	}
	if err := o.arrive(ctx, said.Member); err != nil {
		return nil, err
	}
	v.member = said.Member
	seat := o.store.seat(said.Member)
	seat.newest.Store(int64(said.Newest))
	v.seat = flow.Serve(seat)
	welcome := o.self
	welcome.Token = ""
	return json.Marshal(welcome)
}
