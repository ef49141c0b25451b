package stdio

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// The library identifies whom it serves by the session in a request's context.
// There are four kinds here:
//
//   - peer: the client as the library's registry knows it. It receives what
//     the library broadcasts, and keeps what initialize agreed on.
//   - handshakeCall: one request of a client that shook hands. A peer with a
//     notification channel of its own, so that order can be kept.
//   - modernCall: one request of revision 2026-07-28 or later. Not registered,
//     so no broadcast reaches a client that did not ask.
//   - listenCall: one subscriptions/listen, with its own filter.
var (
	_ server.SessionWithLogging                  = (*peer)(nil)
	_ server.SessionWithClientInfo               = (*peer)(nil)
	_ server.SessionWithProtocolVersion          = (*peer)(nil)
	_ server.SessionWithElicitation              = (*peer)(nil)
	_ server.SessionWithSampling                 = (*peer)(nil)
	_ server.SessionWithRoots                    = (*peer)(nil)
	_ server.SessionWithResourceSubscriptionsErr = (*peer)(nil)
	_ server.SessionWithLogging                  = (*handshakeCall)(nil)
	_ server.SessionWithElicitation              = (*handshakeCall)(nil)
	_ server.SessionWithSampling                 = (*handshakeCall)(nil)
	_ server.SessionWithResourceSubscriptionsErr = (*handshakeCall)(nil)
	_ server.SessionWithClientInfo               = (*modernCall)(nil)
	_ server.SessionWithSubscriptionFilter       = (*listenCall)(nil)
	_ server.SessionWithResourceSubscriptionsErr = (*listenCall)(nil)
)

type session = server.ClientSession

// clientInfo is what a client says about itself.
type clientInfo struct {
	mu           sync.Mutex
	info         mcp.Implementation
	capabilities mcp.ClientCapabilities
}

func (c *clientInfo) GetClientInfo() mcp.Implementation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.info
}

func (c *clientInfo) SetClientInfo(info mcp.Implementation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.info = info
}

func (c *clientInfo) GetClientCapabilities() mcp.ClientCapabilities {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.capabilities
}

func (c *clientInfo) SetClientCapabilities(capabilities mcp.ClientCapabilities) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.capabilities = capabilities
}

// subscriber lets the library keep the resource subscriptions of a session.
type subscriber struct {
	ctx   context.Context // of the listen, or of the whole run
	subs  *subscriptions
	sub   *subscription
	check func(ctx context.Context, uri string) error // nil: every URI
}

func (s *subscriber) SubscribeToResourceErr(uri string) error {
	if s.check != nil {
		if err := s.check(s.ctx, uri); err != nil {
			return err
		}
	}
	return s.subs.subscribe(s.sub, uri)
}

// SubscribeToResource completes the library's interface; the library calls
// SubscribeToResourceErr instead.
func (s *subscriber) SubscribeToResource(uri string)         { _ = s.SubscribeToResourceErr(uri) }
func (s *subscriber) UnsubscribeFromResource(uri string)     { s.subs.unsubscribe(s.sub, uri) }
func (s *subscriber) SubscribedResources() []string          { return s.subs.of(s.sub) }
func (s *subscriber) IsSubscribedToResource(uri string) bool { return s.subs.has(s.sub, uri) }

// peer is the client in the library's registry.
type peer struct {
	clientInfo
	subscriber
	id         string
	broadcasts *notes
	asks       *asks

	shaken  atomic.Bool // initialize was served
	greeted atomic.Bool // and its reply queued: broadcasts may follow
	asked   atomic.Bool // for log records, of this level
	level   atomic.Value
	version atomic.Value
}

func newPeer(ctx context.Context, s *Server, a *asks, broadcasts *notes) *peer {
	p := &peer{
		subscriber: subscriber{ctx: ctx, subs: s.subs, sub: s.subs.add(nil), check: s.opts.Subscribe},
		id:         "stdio-" + rand.Text(),
		broadcasts: broadcasts,
		asks:       a,
	}
	p.level.Store(mcp.LoggingLevelError)
	p.version.Store("")
	return p
}

func (p *peer) SessionID() string { return p.id }

// Initialized is true from the start: the library broadcasts to initialized
// sessions only, and the listens need its broadcasts even if the client
// never shakes hands. What reaches the client is decided in conn.broadcast.
func (p *peer) Initialized() bool { return true }

func (p *peer) Initialize()                                         { p.shaken.Store(true) }
func (p *peer) NotificationChannel() chan<- mcp.JSONRPCNotification { return p.broadcasts.channel() }
func (p *peer) GetLogLevel() mcp.LoggingLevel                       { return p.level.Load().(mcp.LoggingLevel) }
func (p *peer) SetProtocolVersion(version string)                   { p.version.Store(version) }
func (p *peer) ProtocolVersion() string                             { return p.version.Load().(string) }

func (p *peer) SetLogLevel(level mcp.LoggingLevel) {
	p.level.Store(level)
	p.asked.Store(true)
}

// RequestElicitation asks the person at the client, if the client can. The
// library does not check that.
func (p *peer) RequestElicitation(ctx context.Context, r mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	if !canElicit(p.GetClientCapabilities().Elicitation, r.Params.Mode) {
		return nil, fmt.Errorf("the client did not declare elicitation: %w", server.ErrElicitationNotSupported)
	}
	var result mcp.ElicitationResult
	if err := p.asks.ask(ctx, mcp.MethodElicitationCreate, r.Params, &result); err != nil {
		return nil, err
	}
	return &result, nil
}

// canElicit tells whether a client with the capability can asks in the given
// mode. A capability that names no mode means forms.
func canElicit(can *mcp.ElicitationCapability, mode string) bool {
	switch {
	case can == nil:
		return false
	case mode == mcp.ElicitationModeURL:
		return can.URL != nil
	default:
		return can.Form != nil || can.URL == nil
	}
}

// RequestSampling asks the model at the client, if there is one.
func (p *peer) RequestSampling(ctx context.Context, r mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
	if p.GetClientCapabilities().Sampling == nil {
		return nil, errors.New("the client did not declare sampling")
	}
	var result mcp.CreateMessageResult
	if err := p.asks.ask(ctx, mcp.MethodSamplingCreateMessage, r.CreateMessageParams, &result); err != nil {
		return nil, err
	}
	return &result, nil
}

// ListRoots asks the client for its roots, if it has any.
func (p *peer) ListRoots(ctx context.Context, _ mcp.ListRootsRequest) (*mcp.ListRootsResult, error) {
	if p.GetClientCapabilities().Roots == nil {
		return nil, fmt.Errorf("the client did not declare roots: %w", server.ErrRootsNotSupported)
	}
	var result mcp.ListRootsResult
	if err := p.asks.ask(ctx, mcp.MethodListRoots, nil, &result); err != nil {
		return nil, err
	}
	return &result, nil
}

// handshakeCall is one request of the handshake era.
type handshakeCall struct {
	*peer
	own *notes
}

func (c *handshakeCall) Initialized() bool                                   { return c.shaken.Load() }
func (c *handshakeCall) NotificationChannel() chan<- mcp.JSONRPCNotification { return c.own.channel() }

// modernCall is one request of revision 2026-07-28 or later, which brings
// along all there is to know about its client.
type modernCall struct {
	clientInfo
	id  string
	own *notes
}

func (c *modernCall) SessionID() string                                   { return c.id }
func (c *modernCall) Initialize()                                         {}
func (c *modernCall) Initialized() bool                                   { return true }
func (c *modernCall) NotificationChannel() chan<- mcp.JSONRPCNotification { return c.own.channel() }
