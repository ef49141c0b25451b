package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// syncDelay is when a session that was started hears that it is synchronised: programs
// register for that after the call that starts it has returned.
const syncDelay = 1500 * time.Millisecond

type sessionKey struct {
	member string
	id     flow.SessionID
}

// scope names a session to the ledger of calls. A call that starts an account is repeated
// on its own session only: on another one it would have started nothing.
func (k sessionKey) scope() string { return fmt.Sprintf("%s session %d", k.member, k.id) }

// who is the account that a session was started for.
type who struct {
	account int64
	id      flow.AccountID
	device  int64
	view    *view
}

// session is what memory holds of a session; its row is in the store.
type session struct {
	key  sessionKey
	self atomic.Pointer[who] // nil until an account is started

	pausing sync.Mutex // held while the row and paused change

	mu        sync.Mutex
	cursor    flow.Cursor // all up to here has been acknowledged
	sent      flow.Cursor // and this is what the last wait returned
	poll      *waiter     // the call that waits now
	newest    int         // number of that call
	paused    bool        // nothing is delivered
	sync      *time.Timer // until the session has caught up with the log
	due       bool        // that has to be announced
	goal      flow.Cursor // once all up to here was sent
	announced bool        // by what the last wait returned
	synced    bool        // that has arrived
	cause     error       // why the session has ended

	searches map[flow.SearchID]*longSearch

	ended chan struct{} // closed when it has
}

// sessions holds those that were used since the store was opened.
type sessions struct {
	mu      sync.Mutex
	known   map[sessionKey]*session
	next    *saving        // of places that are newer than their rows
	busy    bool           // one is under way
	working sync.WaitGroup // holds one while that is so
	stopped bool           // none is begun any more
}

// saving writes the places of some sessions, in one transaction.
type saving struct {
	list map[*session]struct{}
	done chan struct{} // closed when it is over, for better or worse
}

func newSessions() *sessions {
	return &sessions{known: map[sessionKey]*session{}}
}

func (r *sessions) get(key sessionKey) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[key]
}

// keep adds a session, unless somebody was faster.
func (r *sessions) keep(s *session) (kept *session, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.known[s.key]; known != nil {
		return known, false
	}
	r.known[s.key] = s
	return s, true
}

func (r *sessions) all() []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*session, 0, len(r.known))
	for _, s := range r.known {
		list = append(list, s)
	}
	return list
}

// remove forgets the sessions of a member and returns them.
func (r *sessions) remove(member string) []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	var gone []*session
	for key, s := range r.known {
		if key.member == member {
			gone = append(gone, s)
			delete(r.known, key)
			if r.next != nil {
				delete(r.next.list, s)
			}
		}
	}
	return gone
}

// touch has the place of s saved, together with others that move meanwhile. What it returns
// is closed then.
func (r *sessions) touch(s *session, save func([]*session)) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[s.key] != s || r.stopped {
		over := make(chan struct{})
		close(over)
		return over
	}
	if r.next == nil {
		r.next = &saving{list: map[*session]struct{}{}, done: make(chan struct{})}
	}
	r.next.list[s] = struct{}{}
	if !r.busy {
		r.busy = true
		r.working.Go(func() { r.work(save) })
	}
	return r.next.done
}

// work saves until no place is newer than its row.
func (r *sessions) work(save func([]*session)) {
	for {
		r.mu.Lock()
		now := r.next
		r.next, r.busy = nil, now != nil
		r.mu.Unlock()
		if now == nil {
			return
		}
		save(slices.Collect(maps.Keys(now.list)))
		close(now.done)
	}
}

// stop waits for what is being saved. Who stops it saves all places.
func (r *sessions) stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.working.Wait()
}

// save writes the place of a session and of its device.
func (s *session) save(t *tx) error {
	self := s.self.Load()
	if self == nil {
		return nil
	}
	s.mu.Lock()
	cursor, synced := s.cursor, s.synced
	s.mu.Unlock()
	if err := t.MoveSession(t.ctx, db.MoveSessionParams{Cursor: cursor, Synced: synced, Member: s.key.member, ID: s.key.id}); err != nil {
		return err
	}
	return t.AdvanceDevice(t.ctx, cursor, self.device)
}

func (s *store) saveSessions(ctx context.Context, list []*session) error {
	if len(list) == 0 {
		return nil
	}
	return s.change(ctx, func(t *tx) error {
		for _, one := range list {
			if err := one.save(t); err != nil {
				return err
			}
		}
		return nil
	})
}

// savePlaces saves places that have moved. One that cannot be saved now is saved when it
// moves again, or at the end.
func (s *store) savePlaces(list []*session) {
	if err := s.saveSessions(context.Background(), list); err != nil {
		s.log.Warn("store: cursors not saved", "error", err)
	}
}

// session returns a session of the caller: from memory, or from its row when another
// process owned the store before.
func (e *Engine) session(ctx context.Context, call flow.Call) (*session, error) {
	key := sessionKey{e.member, call.Session}
	if s := e.store.sessions.get(key); s != nil {
		return s, nil
	}
	s := &session{key: key, ended: make(chan struct{})}
	if err := e.store.resume(ctx, s); err != nil {
		return nil, err
	}
	kept, fresh := e.store.sessions.keep(s)
	if !fresh {
		e.store.end(s, nil)
	}
	return kept, nil
}

// resume brings a session to what its row says: the account that is started on it, and
// its place in the log. It does nothing when the session knows its account.
func (s *store) resume(ctx context.Context, one *session) error {
	if one.self.Load() != nil {
		return nil
	}
	row, err := s.read.SessionByID(ctx, one.key.member, one.key.id)
	if errors.Is(err, sql.ErrNoRows) {
		return errUnknownSession
	}
	if err != nil || !row.Account.Valid {
		return s.explain(err)
	}
	self := who{account: row.Account.Int64, id: flow.AccountID(row.Public), device: row.Device.Int64}
	if self.view, err = s.holdView(ctx, self.account); err != nil {
		return err
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.cause != nil || !one.self.CompareAndSwap(nil, &self) {
		s.hub.release(self.view)
		return nil
	}
	one.cursor, one.sent = row.Cursor, row.Cursor
	one.paused, one.synced = row.Paused, row.Synced
	if !one.synced {
		one.sync = time.AfterFunc(syncDelay, func() { one.synchronised(s.hub.end()) })
	}
	return nil
}

var (
	errUnknownSession = flow.Errorf(flow.UnknownSession, "Unknown session")
	errNotStarted     = flow.Errorf(flow.Denied, "no account is started on this session: call StartUp first")
)

// self returns the session of a call and the account that is started on it, unless that
// is locked in any way.
func (e *Engine) self(ctx context.Context, call flow.Call) (*session, *who, error) {
	return e.selfFor(ctx, call, anyMethod)
}

// selfFor is self of an operation that some locked accounts may do.
func (e *Engine) selfFor(ctx context.Context, call flow.Call, method string) (*session, *who, error) {
	s, err := e.session(ctx, call)
	if err != nil {
		return nil, nil, err
	}
	self := s.self.Load()
	if self == nil {
		return nil, nil, errNotStarted
	}
	return s, self, e.store.hub.permits(self, method)
}

// synchronised has it announced that lists are complete, behind all that is in the log
// up to a place.
func (s *session) synchronised(goal flow.Cursor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due, s.goal = true, goal
	if s.poll != nil {
		s.poll.signal()
	}
}

// end ends what waits on a session, for the given reason.
func (s *store) end(one *session, cause error) {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.cause != nil {
		return
	}
	one.cause = cmp.Or(cause, errUnknownSession)
	close(one.ended)
	for _, search := range one.searches {
		search.stop()
	}
	if one.sync != nil {
		one.sync.Stop()
	}
	if self := one.self.Load(); self != nil {
		s.hub.release(self.view)
	}
}

// why says why the session has ended.
func (s *session) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// holdView returns the view of an account, reading it if need be. It is released with
// hub.release.
func (s *store) holdView(ctx context.Context, account int64) (*view, error) {
	for {
		v, changed := s.hub.hold(account)
		if v != nil {
			return v, nil
		}
		orgs, err := s.read.OrgViews(ctx, account)
		if err != nil {
			return nil, s.explain(err)
		}
		channels, err := s.read.ChannelViews(ctx, account)
		if err != nil {
			return nil, s.explain(err)
		}
		row, err := s.read.AccountByID(ctx, account)
		if err != nil {
			return nil, s.explain(err)
		}
		revoked, err := s.read.RevokedDevices(ctx, account)
		if err != nil {
			return nil, s.explain(err)
		}
		read := newView(account, orgs, channels)
		read.barred(row.Lock, revoked)
		if v, ok := s.hub.offer(read, changed); ok {
			return v, nil
		}
	}
}
