package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Member is the part that one process has in a store. Exactly one member of a store, of
// all processes of the machine, is its owner: it holds the lock, has the database open
// and serves the others on a socket; the others relay their calls to it. When the owner
// goes, however it went, another member takes its place, and calls and sessions go on. When
// it is there and does not answer, calls fail and say which process it is, until it goes on
// or ends.
//
// A Member is a [flow.Caller] whose methods may be called by several goroutines at once.
type Member struct {
	options Options
	log     *slog.Logger
	place   place
	lock    lock
	self    hello
	// patience bounds how long a call waits for somebody to own the store.
	patience time.Duration

	stop  context.CancelFunc
	ended chan struct{} // closed when run is over
	err   error         // of closing the store; read after ended
	again chan struct{} // asks run to try once more after a failure

	mu        sync.Mutex
	route     route         // where calls go now
	changed   chan struct{} // closed when route changes
	delivered map[flow.SessionID]*delivery
	newest    flow.SessionID // that was opened here
}

// route is where the calls of a member go: the owner's own engine, the stream to the
// owner, or nowhere, because of err or for the moment.
type route struct {
	caller flow.Caller
	over   <-chan struct{} // closed when caller has become useless
	err    error
	since  time.Time // of err
	stays  bool      // err is not one that a new attempt could mend
}

// Open joins the store in dir, which is made with mode 0700 when it is missing. It does
// not wait until somebody owns the store: calls do. The error is a [*flow.Error] and says
// why there can be no store in dir.
func Open(ctx context.Context, dir string, o Options) (*Member, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if o.Existing {
		if err := CheckStore(dir); err != nil {
			return nil, err
		}
	}
	place, err := newPlace(dir)
	if err != nil {
		return nil, err
	}
	m, err := newMember(place, o)
	if err != nil {
		return nil, err
	}
	m.start(ctx)
	return m, nil
}

func newMember(place place, o Options) (*Member, error) {
	steps, err := migrationSteps()
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	id := uuid.NewString()
	return &Member{
		options:   o,
		log:       o.Log.With("member", shortMember(id)),
		place:     place,
		lock:      newLock(filepath.Join(place.dir, lockFile)),
		self:      hello{Protocol: protocol, Schema: len(steps), Version: o.Version, Process: os.Getpid(), Member: id},
		patience:  10 * time.Second,
		ended:     make(chan struct{}),
		again:     make(chan struct{}, 1),
		changed:   make(chan struct{}),
		delivered: map[flow.SessionID]*delivery{},
	}, nil
}

// shortMember is what a log calls a member: enough to tell members apart, and too short to
// be taken for a secret.
func shortMember(id string) string { return id[:min(len(id), 8)] }

// start takes part in the store until Close. The end of ctx does not matter to it.
func (m *Member) start(ctx context.Context) {
	ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	go m.run(ctx)
}

// Close leaves the store: calls under way end, and when this member is the owner another
// one takes over. It returns when nothing of the member runs any more.
func (m *Member) Close() error {
	m.stop()
	<-m.ended
	return m.err
}

// errLeft is what calls get after Close.
var errLeft = flow.Errorf(flow.Unavailable, "the store was closed by this process")

// Call implements [flow.Caller]. Calls that are under way when the owner goes are
// repeated at the next one; writes carry a request id, so that none is done twice.
func (m *Member) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	writes := changes(method)
	if writes {
		var err error
		if params, err = withRequest(params); err != nil {
			return nil, err
		}
	}
	var unknown error // of an attempt that may have done it
	for fatal := 0; ; {
		r, err := m.current(ctx)
		if err != nil {
			return nil, stillUnknown(unknown, err)
		}
		started := time.Now()
		attempted, receipt := flow.WithReceipt(ctx)
		result, err := m.callOn(attempted, r, method, params)
		if err == nil || ctx.Err() != nil || !r.lost(err) {
			if errors.Is(err, flow.UnknownSession) { // which is true of this attempt alone
				err = stillUnknown(unknown, err)
			}
			notes := receipt.Notes()
			notes.Repeated = notes.Repeated && unknown == nil // else it may be an attempt of ours that was repeated
			flow.Note(ctx, notes)
			return result, err
		}
		if writes && errors.Is(err, flow.Uncertain) {
			unknown = err
		}
		// A call that takes every owner down with it must not take them all.
		if fatal++; time.Since(started) > time.Second {
			fatal = 0
		}
		if fatal == maxFatal {
			return nil, stillUnknown(unknown, err)
		}
	}
}

// stillUnknown says why a call failed in the end: an earlier attempt may have done it.
func stillUnknown(earlier, err error) error {
	if earlier == nil {
		return err
	}
	return flow.Errorf(flow.Uncertain, "%v, and it could not be asked for again: %v", earlier, err)
}

// maxFatal is how many owners may vanish within a second of getting a call.
const maxFatal = 5

// lost reports whether a call failed because its owner went away.
func (r route) lost(err error) bool {
	return r.isOver() && (errors.Is(err, flow.Unavailable) || errors.Is(err, flow.Uncertain))
}

func (r route) isOver() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// current returns the way to the owner, waiting until there is one.
func (m *Member) current(ctx context.Context) (route, error) {
	r, changed := m.look()
	if r.caller != nil {
		return r, nil
	}
	timeout := time.NewTimer(m.patience)
	defer timeout.Stop()
	for r.caller == nil && r.err == nil {
		select {
		case <-changed:
			r, changed = m.look()
		case <-ctx.Done():
			return r, context.Cause(ctx)
		case <-timeout.C:
			return r, flow.Errorf(flow.Unavailable, "the process that has the store in %s open does not answer; "+
				"try again in a moment, and when that does not help end the other programs that use the store", m.place.dir)
		}
	}
	return r, r.err
}

// look returns where calls go now, which may be nowhere until changed is closed.
func (m *Member) look() (r route, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgive()
	if m.route.caller != nil && m.route.isOver() {
		return route{}, m.changed
	}
	return m.route, m.changed
}

// grudge is how long a failure is repeated before a call causes a new attempt.
const grudge = time.Second

// forgive drops an old failure and has run try again. It is called with mu held.
func (m *Member) forgive() {
	if m.route.err == nil || m.route.stays || time.Since(m.route.since) < grudge {
		return
	}
	m.route = route{}
	signal(m.again)
}

// lead says where calls go from now on.
func (m *Member) lead(r route) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.route = r
	close(m.changed)
	m.changed = make(chan struct{})
}
