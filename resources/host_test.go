package resources_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
	"github.com/flow-mcp/flow-mcp/internal/stdio"
	"github.com/flow-mcp/flow-mcp/resources"
)

const (
	handshake = mcp.LATEST_LEGACY_PROTOCOL_VERSION
	modern    = mcp.ProtocolVersion20260728
)

// backend is one backend process on a store. Another can take its place.
type backend struct {
	mu         sync.Mutex
	process    *process
	generation int
}

// process is a backend process that can die.
type process struct {
	flow.Caller
	dead chan struct{}
}

// Call implements [flow.Caller].
func (p *process) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-p.dead:
			cancel()
		case <-done:
		}
	}()
	result, err := p.Caller.Call(ctx, method, params)
	select {
	case <-p.dead:
		return nil, flow.Errorf(flow.Uncertain, "the backend died")
	default:
		return result, err
	}
}

// Endpoint implements [flow.Dialer].
func (b *backend) Endpoint(context.Context) (flow.Endpoint, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.process == nil {
		return flow.Endpoint{}, flow.Errorf(flow.Unavailable, "the backend does not start")
	}
	return flow.Endpoint{Caller: b.process, Generation: b.generation}, nil
}

// replace ends the process and starts another on the store in dir.
func (b *backend) replace(t testing.TB, dir string) {
	t.Helper()
	next := &process{member(t, dir), make(chan struct{})}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.process != nil {
		close(b.process.dead)
	}
	b.process = next
	b.generation++
}

// member opens the store in dir for a process of its own.
func member(t testing.TB, dir string) flow.Caller {
	t.Helper()
	member, err := sqlite.Open(context.Background(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := member.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return member
}

// side is one account's MCP server.
type side struct {
	*flow.Client
	mcp     *server.MCPServer
	dir     *flow.Directory
	shown   *resources.Resources
	backend *backend
}

// open makes the server of an account on the store in dir.
func open(t testing.TB, dir, name string) *side {
	t.Helper()
	b := &backend{}
	b.replace(t, dir)
	return serving(b, name)
}

func serving(b *backend, name string) *side {
	c := flow.NewClient(b, flow.Setup{Username: name})
	s := &side{Client: c, dir: flow.NewDirectory(c), backend: b, mcp: server.NewMCPServer("test", "1")}
	s.shown = resources.Register(s.mcp, c, s.dir, resources.Options{Settings: map[string]string{"toolsets": "default"}})
	return s
}

// host is an MCP client of one side, over the stdio transport.
type host struct {
	*client.Client
	*side
	updates chan string   // URIs, as they were announced
	changed chan struct{} // the list
}

// connect serves a side to a client of a protocol version, with what main does around it.
func connect(t testing.TB, s *side, version string) *host {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	tr := stdio.New(s.mcp, stdio.Options{Subscribe: s.shown.Subscribe})
	s.shown.AnnounceTo(tr)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := tr.Run(context.Background(), inR, outW); err != nil {
			t.Errorf("Run: %v", err)
		}
		outW.Close()
	})
	running.Go(func() { s.pump(ctx) })
	h := &host{
		Client: client.NewClient(transport.NewIO(outR, inW, nil)), side: s,
		updates: make(chan string, 1000), changed: make(chan struct{}, 1000),
	}
	t.Cleanup(func() {
		cancel()
		inW.Close()
		running.Wait()
		h.Close()
	})
	h.OnNotification(h.hear)
	if err := h.Start(ctx); err != nil {
		t.Fatal(err)
	}
	var shake mcp.InitializeRequest
	shake.Params.ProtocolVersion = version
	shake.Params.ClientInfo = mcp.Implementation{Name: "test", Version: "1"}
	if _, err := h.Initialize(ctx, shake); err != nil {
		t.Fatalf("initialize: %v", err)
	}
	return h
}

func (s *side) pump(ctx context.Context) {
	select {
	case <-s.Started():
	case <-ctx.Done():
		return
	}
	for n, err := range s.Notifications(ctx) {
		if err == nil {
			s.dir.Observe(n)
			s.shown.Observe(n)
		}
	}
}

func (h *host) hear(n mcp.JSONRPCNotification) {
	switch n.Method {
	case mcp.MethodNotificationResourceUpdated:
		h.updates <- n.Params.AdditionalFields["uri"].(string)
	case mcp.MethodNotificationResourcesListChanged:
		h.changed <- struct{}{}
	}
}

// watch subscribes to URIs in the way of the version, and returns when they are
// subscribed and the first look at the backend is over.
func (h *host) watch(t testing.TB, uris ...string) {
	t.Helper()
	if h.ProtocolVersion() == modern {
		h.listen(t, uris)
	} else {
		for _, uri := range uris {
			//lint:ignore SA1019 there was no other way before revision 2026-07-28
			if err := h.Subscribe(t.Context(), mcp.SubscribeRequest{Params: mcp.SubscribeParams{URI: uri}}); err != nil {
				t.Fatalf("subscribe to %s: %v", uri, err)
			}
		}
	}
}

func (h *host) listen(t testing.TB, uris []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	acknowledged := make(chan struct{}, 1)
	h.OnNotification(func(n mcp.JSONRPCNotification) {
		if n.Method == mcp.MethodNotificationSubscriptionsAcknowledged {
			acknowledged <- struct{}{}
		}
	})
	filter := mcp.SubscriptionFilter{ResourceSubscriptions: uris, ResourcesListChanged: true}
	go func() { ended <- h.Listen(ctx, filter) }()
	select {
	case <-acknowledged:
	case err := <-ended:
		t.Fatalf("listen: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("listen: %v", err)
		}
	})
}

// patience only ends tests that would hang.
const patience = time.Minute

// awaitUpdate waits for an announcement of uri, passing over others.
func (h *host) awaitUpdate(t testing.TB, uri string) {
	t.Helper()
	for late := time.After(patience); ; {
		select {
		case got := <-h.updates:
			if got == uri {
				return
			}
		case <-late:
			t.Fatalf("no update of %s came", uri)
		}
	}
}

// awaitChange waits for an announcement that the list changed.
func (h *host) awaitChange(t testing.TB) {
	t.Helper()
	select {
	case <-h.changed:
	case <-time.After(patience):
		t.Fatalf("the list was never announced as changed")
	}
}

// read returns the JSON document of a resource.
func (h *host) read(t testing.TB, uri string) map[string]any {
	t.Helper()
	var in mcp.ReadResourceRequest
	in.Params.URI = uri
	out, err := h.ReadResource(t.Context(), in)
	if err != nil {
		t.Fatalf("read %s: %v", uri, err)
	}
	if len(out.Contents) != 1 {
		t.Fatalf("%s has %d contents", uri, len(out.Contents))
	}
	contents := out.Contents[0].(mcp.TextResourceContents)
	if contents.URI != uri || contents.MIMEType != "application/json" || contents.Meta[resources.MetaForeign] != true {
		t.Errorf("the contents of %s are marked %s, %s, %v", uri, contents.URI, contents.MIMEType, contents.Meta)
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(contents.Text), &document); err != nil {
		t.Fatalf("%s is no JSON object: %v", uri, err)
	}
	return document
}

// fails does a request that has to be refused, and returns code and message.
func (h *host) fails(t testing.TB, method string, params any) (int, string) {
	t.Helper()
	request := transport.JSONRPCRequest{
		JSONRPC: mcp.JSONRPC_VERSION, ID: mcp.NewRequestId(flow.NewID()), Method: method, Params: params,
	}
	reply, err := h.GetTransport().SendRequest(t.Context(), request)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	if reply.Error == nil {
		t.Fatalf("%s(%v) was done: %s", method, params, reply.Result)
	}
	return reply.Error.Code, reply.Error.Message
}

// must does what has to succeed.
func must[In, Out any](t testing.TB, c flow.Caller, op *flow.Operation[In, Out], in In) Out {
	t.Helper()
	out, err := op.Call(t.Context(), c, in)
	if err != nil {
		t.Fatalf("%s: %v", op.Info().Name, err)
	}
	return out
}

// home returns who the side is and where all meet.
func (s *side) home(t testing.TB) flow.Home {
	t.Helper()
	identity, err := s.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return identity.Home
}

func (s *side) send(t testing.TB, channel flow.ChannelID, text string) flow.MessageID {
	t.Helper()
	return must(t, s, flow.SendMessage, flow.SendMessageInput{ChannelID: channel, Text: text})
}
