package stdio

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// ClientLog is a slog.Handler that passes records on to the client, if it asks for them:
// a client that shook hands with logging/setLevel, for everything from then on; a request
// of 2026-07-28 by its _meta, for what is logged with its context. It never waits for the
// client: what does not fit is dropped, and so is what comes faster than the client may
// be bothered; the next record says how many were.
//
// Set it as Options.ClientLog. Until the Server runs it passes nothing on.
type ClientLog struct {
	sink  *logSink
	attrs []slog.Attr
	group string // before the keys of attributes
}

// NewClientLog returns a handler for one Server.
func NewClientLog() *ClientLog { return &ClientLog{sink: &logSink{}} }

// Bounds of what a client is told.
const (
	logBurst = 20   // records in a second
	logValue = 1000 // bytes of one value
)

type logSink struct {
	conn atomic.Pointer[conn]

	mu      sync.Mutex
	second  int64
	count   int // in this second
	dropped int
}

// logLevel is a level of slog in MCP's words.
func logLevel(l slog.Level) mcp.LoggingLevel {
	switch {
	case l < slog.LevelInfo:
		return mcp.LoggingLevelDebug
	case l < slog.LevelWarn:
		return mcp.LoggingLevelInfo
	case l < slog.LevelError:
		return mcp.LoggingLevelWarning
	}
	return mcp.LoggingLevelError
}

type requestKey struct{}

// Enabled reports whether somebody asked for records of the level.
func (l *ClientLog) Enabled(ctx context.Context, level slog.Level) bool {
	c := l.sink.conn.Load()
	if c == nil {
		return false
	}
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.Modern {
		return info.LogLevel != "" && logLevel(level).ShouldSendTo(info.LogLevel)
	}
	return c.peer.greeted.Load() && c.peer.asked.Load() && logLevel(level).ShouldSendTo(c.peer.GetLogLevel())
}

// Handle passes a record on. It never fails: there is nobody to tell.
func (l *ClientLog) Handle(ctx context.Context, r slog.Record) error {
	c := l.sink.conn.Load()
	if c == nil {
		return nil
	}
	if request, ok := ctx.Value(requestKey{}).(*request); ok && request.modern && !c.requests.open(request) {
		return nil // nothing may follow its reply
	}
	allowed, dropped := l.sink.admit(time.Now())
	if !allowed {
		return nil
	}
	data := map[string]any{"message": r.Message}
	logger := ""
	take := func(prefix string, a slog.Attr) {
		switch {
		case a.Key == "part" && a.Value.Kind() == slog.KindString:
			logger = a.Value.String()
		case a.Key != "stack": // it is for those who read the server's own log
			data[prefix+a.Key] = logged(a.Value)
		}
	}
	for _, a := range l.attrs {
		take("", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		take(l.group, a)
		return true
	})
	if dropped > 0 {
		data["dropped"] = dropped
	}
	params := mcp.LoggingMessageNotificationParams{Level: logLevel(r.Level), Logger: logger, Data: data}
	line, err := encode(outgoing{JSONRPC: mcp.JSONRPC_VERSION, Method: string(mcp.MethodNotificationMessage), Params: params})
	if err != nil || !c.out.trySend(packet{line: line}) {
		l.sink.lose(dropped + 1)
	}
	return nil
}

// logged is a value as JSON has it, within bounds.
func logged(v slog.Value) any {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool:
		return v.Any()
	}
	return fmt.Sprintf("%.*s", logValue, v.String())
}

// WithAttrs implements slog.Handler.
func (l *ClientLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *l
	more.attrs = slices.Clone(l.attrs)
	for _, a := range attrs {
		a.Key = l.group + a.Key
		more.attrs = append(more.attrs, a)
	}
	return &more
}

// WithGroup implements slog.Handler.
func (l *ClientLog) WithGroup(name string) slog.Handler {
	more := *l
	more.group += name + "."
	return &more
}

// admit counts a record, and reports whether the client may be bothered with it, and how
// many were dropped before it.
func (s *logSink) admit(now time.Time) (allowed bool, dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if second := now.Unix(); second != s.second {
		s.second, s.count = second, 0
	}
	if s.count++; s.count > logBurst {
		s.dropped++
		return false, 0
	}
	dropped, s.dropped = s.dropped, 0
	return true, dropped
}

func (s *logSink) lose(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += n
}
