package flow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Endpoint is a running backend. Generation rises with each start of it.
type Endpoint struct {
	Caller     Caller
	Generation int
}

// Dialer knows where the backend is. Endpoint blocks while it (re)starts, and fails with
// Unavailable when that is hopeless for now.
type Dialer interface {
	Endpoint(ctx context.Context) (Endpoint, error)
}

// Identity is who a [Client] is on its backend.
type Identity struct {
	Home
	Backend Backend
}

// Client is a Caller that keeps one started account on a backend: it opens a session
// when it is first used and again when the backend was restarted or does not know it any
// more, and repeats what may be repeated. Its methods may be called by several goroutines
// at once.
type Client struct {
	dialer Dialer
	setup  Setup
	turn   chan struct{} // holds one token: who has it may change known
	known  connection    // the newest; guarded by turn
	heard  heard

	started chan struct{} // closed when the account was first started
	once    sync.Once     // does that
}

// Setup says how a Client starts its account.
type Setup struct {
	// Username is the account. On the embedded engine it is made when it is missing.
	Username string
	// Existing has every call fail with Unusable instead, for programs that only read.
	Existing bool
	// DeviceName labels the device when one is made.
	DeviceName string
	// ServerURI is the name space of Username; empty for the backend's default.
	ServerURI string
	// Config returns what is sent first after each start of the backend; nil stands for
	// the zero Config.
	Config func() Config
}

// connection is a session that the client has opened.
type connection struct {
	endpoint Endpoint
	number   int // the first has 1
	session  SessionID
	started  bool // else identity may be that of an earlier one
	identity Identity
}

// NewClient returns a client. Nothing is dialled before the first call.
func NewClient(dialer Dialer, setup Setup) *Client {
	c := &Client{dialer: dialer, setup: setup, turn: make(chan struct{}, 1), started: make(chan struct{})}
	c.turn <- struct{}{}
	return c
}

// Identity returns who the client is, starting the backend if need be.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	conn, err := c.connect(ctx, 0)
	return conn.identity, err
}

// Started is closed once the client has had a session. Whoever wants notifications only
// when there is a backend anyway waits for it.
func (c *Client) Started() <-chan struct{} { return c.started }

// retries bounds how often a call is repeated, and with retryPause how long that takes:
// a bit over five seconds.
const retries = 12

func retryPause(attempt int) time.Duration {
	return min(5*time.Millisecond<<min(attempt, 8), time.Second)
}

// gone reports whether err says that the backend went away.
func gone(err error) bool { return errors.Is(err, Unavailable) || errors.Is(err, Uncertain) }

// Call implements [Caller]. The session is added to params. Reads are repeated when the
// backend goes away; writes too when it promised that this is safe, and otherwise fail
// with Uncertain.
func (c *Client) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	return c.call(ctx, method, params, Call{})
}

// Keyed returns a Caller whose writes carry the given request id instead of a fresh one,
// so that repeating one later, even from another process, does nothing twice.
func (c *Client) Keyed(request RequestID) Caller { return keyed{c, request} }

type keyed struct {
	client  *Client
	request RequestID
}

func (k keyed) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	return k.client.call(ctx, method, params, Call{Request: k.request})
}

func (c *Client) call(ctx context.Context, method string, params json.RawMessage, call Call) (json.RawMessage, error) {
	reads := changesNothing(method)
	if !reads && call.Request == "" {
		call.Request = RequestID(uuid.Must(uuid.NewV7()).String())
	}
	var unknown error // what an earlier attempt failed with that may have been done
	lost := 0         // number of the session that turned out to be none
	for attempt := 0; ; attempt++ {
		conn, err := c.connect(ctx, lost)
		if err != nil {
			return nil, cmp.Or(unknown, err)
		}
		call.Session = conn.session
		whole, err := withCall(params, call)
		if err != nil {
			return nil, err
		}
		attempted, receipt := WithReceipt(ctx)
		result, err := conn.endpoint.Caller.Call(attempted, method, whole)
		if errors.Is(err, UnknownSession) && lost == 0 {
			lost = conn.number
			continue
		}
		if unknown != nil && (errors.Is(err, Unusable) || errors.Is(err, UnknownSession)) { // which is true of this attempt alone
			return nil, Errorf(Uncertain, "%v, and it could not be asked for again: %v", unknown, err)
		}
		if !gone(err) {
			notes := receipt.Notes()
			notes.Repeated = notes.Repeated && unknown == nil // else it may be an attempt of ours that was repeated
			Note(ctx, notes)
			return result, err
		}
		if errors.Is(err, Uncertain) && !reads {
			unknown = err
		}
		if attempt == retries || unknown != nil && !conn.identity.Backend.Idempotent {
			return nil, cmp.Or(unknown, err)
		}
		if err := pause(ctx, retryPause(attempt)); err != nil {
			return nil, cmp.Or(unknown, err)
		}
	}
}

// changesNothing is false for methods that the catalogue does not know.
func changesNothing(method string) bool {
	op, ok := Lookup(method)
	return ok && (op.Info().Effect == Reads || op.Info().Effect == Protocol)
}

// connect returns the session on the backend that runs now, or a later one than that of
// the number lost, which the backend does not know. It waits for another backend when one
// goes away meanwhile; a call for which it fails has surely not been done.
func (c *Client) connect(ctx context.Context, lost int) (connection, error) {
	for attempt := 0; ; attempt++ {
		endpoint, err := c.dialer.Endpoint(ctx)
		if err != nil {
			return connection{}, err
		}
		conn, err := c.session(ctx, endpoint, lost)
		if !gone(err) {
			return conn, err
		}
		if attempt == retries {
			return connection{}, Errorf(Unavailable, "no session could be opened: %v", err)
		}
		if pause(ctx, retryPause(attempt)) != nil {
			return connection{}, err // tells more than that time is up
		}
	}
}

// session returns a later session than that of the number lost, on endpoint or on a later
// one.
func (c *Client) session(ctx context.Context, endpoint Endpoint, lost int) (connection, error) {
	select {
	case <-c.turn:
		defer func() { c.turn <- struct{}{} }()
	case <-ctx.Done():
		return connection{}, context.Cause(ctx)
	}
	err := c.ready(ctx, endpoint, lost)
	if errors.Is(err, UnknownSession) { // it may have waited long for an account that starts
		err = c.ready(ctx, endpoint, c.known.number)
	}
	if err != nil {
		return connection{}, err
	}
	return c.known, nil
}

// ready opens a session unless there is one, and starts the account on it unless that was
// done. When the account does not start, its session stays for the next attempt.
func (c *Client) ready(ctx context.Context, endpoint Endpoint, lost int) error {
	if c.known.number <= lost || c.known.endpoint.Generation < endpoint.Generation {
		if err := c.open(ctx, endpoint); err != nil {
			return err
		}
	}
	if c.known.started {
		return nil
	}
	home, err := c.start(ctx, Session{c.known.endpoint.Caller, c.known.session}, c.known.identity.Backend.Name != "")
	if err != nil {
		return unstarted(err)
	}
	c.known.identity.Home, c.known.started = home, true
	c.once.Do(func() { close(c.started) })
	return nil
}

// open makes a session, on which no account is started.
func (c *Client) open(ctx context.Context, endpoint Endpoint) error {
	var config Config
	if c.setup.Config != nil {
		config = c.setup.Config()
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return err
	}
	said, err := endpoint.Caller.Call(ctx, ConfigOperation.info.Name, raw)
	if err != nil {
		return err
	}
	session, err := NewSession.Call(ctx, endpoint.Caller, NewSessionInput{})
	if err != nil {
		return err
	}
	if session.SessionID == 0 {
		return Errorf(Internal, "the backend has opened no session: it said 0")
	}
	conn := connection{endpoint: endpoint, number: c.known.number + 1, session: session.SessionID}
	conn.identity.Home = c.known.identity.Home
	_ = json.Unmarshal(said, &conn.identity.Backend) // the original says nothing of itself
	c.known = conn
	return nil
}

// unstarted makes of a refusal to start the account something that a person has to mend:
// it is about no parameter of the call that needed the account.
func unstarted(err error) error {
	switch CodeOf(err) {
	case Invalid, NotFound, Denied, Conflict:
		return Errorf(Unusable, "%v", err)
	}
	return err
}

// start makes the account and the machine's team on our own backend, unless the account
// has to exist, and on any other starts an account that was installed before.
func (c *Client) start(ctx context.Context, s Session, own bool) (Home, error) {
	if own {
		return StartUpLocal.Call(ctx, s, StartUpLocalInput{
			Username: c.setup.Username, Existing: c.setup.Existing, DeviceName: c.setup.DeviceName, AccountID: c.known.identity.AccountID,
		})
	}
	in := StartUpInput{Username: c.setup.Username, ServerURI: c.setup.ServerURI}
	if _, err := StartUp.Call(ctx, s, in); err != nil {
		return Home{}, err
	}
	id, err := GetAccountID.Call(ctx, s, AccountIDInput{})
	return Home{AccountID: id, Username: c.setup.Username}, err
}

// Session is a Caller on one session of another Caller.
type Session struct {
	Caller Caller
	ID     SessionID
}

// Call implements [Caller]: it adds the session to params.
func (s Session) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	whole, err := withCall(params, Call{Session: s.ID})
	if err != nil {
		return nil, err
	}
	return s.Caller.Call(ctx, method, whole)
}

// Keyed returns a Caller on the same session whose requests carry a request id.
func (s Session) Keyed(request RequestID) Caller { return sessionKeyed{s, request} }

type sessionKeyed struct {
	session Session
	request RequestID
}

func (k sessionKeyed) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	whole, err := withCall(params, Call{Session: k.session.ID, Request: k.request})
	if err != nil {
		return nil, err
	}
	return k.session.Caller.Call(ctx, method, whole)
}

// pause waits, or returns early with the reason why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
