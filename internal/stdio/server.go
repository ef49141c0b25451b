package stdio

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"

	"github.com/mark3labs/mcp-go/server"
)

// ErrBlocked reports that Run ended with messages unwritten, because the
// client had stopped reading. It is matched with errors.Is.
var ErrBlocked = errors.New("the client does not read; unwritten messages were given up")

// Options tune a Server. The zero value is the default.
type Options struct {
	// Log receives what goes wrong, never the content of a message.
	// Nil discards it.
	Log *slog.Logger

	// ClientLog, if set, passes records on to the client, once it runs. Log may lead
	// to it, too.
	ClientLog *ClientLog

	// MaxLine is the longest line accepted, in bytes without its newline.
	// A longer one is skipped and answered with an error. Default 16 MiB.
	MaxLine int

	// NoTool, if set, adds a sentence to the answer to a call of a tool that is not
	// there.
	NoTool func(name string) string

	// ToolWorkers is how many tools/call requests run at once; others wait
	// for their turn. Default 64.
	ToolWorkers int

	// MaxInFlight is how many requests may be unanswered at once, open
	// subscriptions/listen streams included; others are refused with an
	// error. Default 1024. Their lines may take 4*MaxLine bytes together.
	MaxInFlight int

	// MaxSubscriptions is how many resource URIs one client may subscribe
	// to, in all its listens together. Default 50,000.
	MaxSubscriptions int

	// Subscribe, if set, is asked before a client is subscribed to uri; an
	// error refuses the subscription, and the message of the error is what
	// the client reads. It must not block for long.
	Subscribe func(ctx context.Context, uri string) error
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxLine <= 0 {
		o.MaxLine = 16 << 20
	}
	if o.ToolWorkers <= 0 {
		o.ToolWorkers = 64
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = 1024
	}
	if o.MaxSubscriptions <= 0 {
		o.MaxSubscriptions = 50_000
	}
	return o
}

// Server serves one MCPServer to one client over one pair of pipes.
type Server struct {
	mcp  *server.MCPServer
	opts Options
	subs *subscriptions
	ran  atomic.Bool
}

// New returns a Server for m, which should not be serving yet and have no other
// Server.
//
// It adds an error hook to m, through which a handler's error chooses its
// JSON-RPC code: the first error in the chain that has a method
// RPCCode(modern bool) int is asked for it, modern telling whether the request
// follows revision 2026-07-28 or a later one. A resource that does not exist,
// say, is -32602 there and -32002 in earlier revisions. If that error has a
// method RPCData() any too, what it returns becomes the data of the answer. A
// resource that could not be read is answered with its URI as data.
func New(m *server.MCPServer, opts Options) *Server {
	opts = opts.withDefaults()
	hooks := m.GetHooks()
	if hooks == nil {
		hooks = &server.Hooks{}
		server.WithHooks(hooks)(m)
	}
	s := &Server{mcp: m, opts: opts, subs: newSubscriptions(opts.MaxSubscriptions)}
	hooks.AddOnError(s.recordChoice)
	return s
}

// Run serves the client that writes to in and reads from out until in ends,
// ctx is done, or out fails. It may be called once.
//
// When in ends, calls under way may finish for 1.2 seconds; then they are
// cancelled, what is written is flushed, and Run returns, 1.45 seconds after
// the end of in at the latest. When ctx is done, calls are cancelled at once
// and Run returns within one second. Both are orderly ends and return nil,
// unless the client had stopped reading: then the error wraps ErrBlocked. So it
// does when the client goes on asking, reads nothing for five seconds, and more
// is unwritten than 4*MaxLine bytes.
func (s *Server) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	if s.ran.Swap(true) {
		return errors.New("stdio: Run was called twice on one Server")
	}
	defer s.subs.close()
	return newConn(ctx, s, out).run(ctx, in)
}

// ResourceUpdated announces to every subscriber of uri, in both eras, that the
// resource changed. It never blocks, may be called at any time, also before
// and after Run, and by any goroutine. Several calls before the client reads
// become one announcement.
func (s *Server) ResourceUpdated(uri string) {
	s.subs.updated(uri)
}

// ResourceListChanged announces that the list of resources changed: to a
// client that shook hands, and to the listens that asked for it. Calls within
// 30 milliseconds become one announcement. Call it only if the MCPServer has
// the capability (server.WithResourceCapabilities). It never blocks.
func (s *Server) ResourceListChanged() {
	s.subs.changedSoon(listResources)
}

// Subscribed returns the resource URIs that have a subscriber now, sorted and
// without repeats. After a gap in what is known about changes, calling
// ResourceUpdated for each of them lets every subscriber look again.
func (s *Server) Subscribed() []string {
	return s.subs.subscribed()
}
