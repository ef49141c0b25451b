package backend

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Bodies that are longer than shortBody, or do not say how long they are, may fill this
// much memory before their token was seen; more of them wait their turn. Short ones do
// not wait, so that nobody can keep them out with slow long ones.
const (
	shortBody  = 64 << 10
	maxUnknown = 4 * flow.MaxRequest
)

// slowPoll is the least time that a failing WaitForNotification takes: programs of the
// first hour ask again at once, and would keep a core busy.
const slowPoll = time.Second

type handler struct {
	caller  flow.Caller
	log     *slog.Logger
	token   string
	hosts   []string // the names under which this port may be addressed
	room    room
	unknown *semaphore.Weighted // bytes of long bodies whose token was not seen yet
}

func (s *Server) handler(port int, token string) *handler {
	h := &handler{
		caller:  s.Caller,
		log:     s.Log,
		token:   token,
		room:    newRoom(cmp.Or(max(s.MaxCalls, 0), defaultMaxCalls)),
		unknown: semaphore.NewWeighted(maxUnknown),
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	for _, name := range []string{"127.0.0.1", "localhost", "[::1]"} {
		h.hosts = append(h.hosts, name+":"+strconv.Itoa(port))
	}
	return h
}

// refusal is an answer to a request that is not a call.
type refusal struct {
	status int
	err    error
}

func refuse(status int, code flow.Code, text string) *refusal {
	return &refusal{status, flow.Errorf(code, "%s", text)}
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A recorder of a test has no deadlines; connections do.
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(bodyTime))
	if no := h.inspect(r); no != nil {
		h.answer(w, no.status, flow.Reply{}, no.err)
		return
	}
	request, no := h.read(w, r)
	if no != nil {
		h.answer(w, no.status, flow.Reply{}, no.err)
		return
	}
	leave, err := h.room.enter(request)
	if err != nil {
		if isPoll(request) {
			wait(r.Context(), slowPoll)
		}
		h.answer(w, http.StatusServiceUnavailable, flow.Reply{}, err)
		return
	}
	defer leave()
	_ = connection.SetReadDeadline(time.Time{}) // a long poll may take for ever
	began := time.Now()
	ctx, receipt := flow.WithReceipt(r.Context())
	ctx, delivered := flow.WithDelivery(ctx)
	arrived := false
	defer func() { delivered(arrived) }()
	result, err := h.call(ctx, request)
	if err != nil && r.Context().Err() != nil && flow.CodeOf(err) == flow.Internal {
		// The client hung up, or the server stops: to answer "internal error" would be
		// false. Without an answer the client knows that it cannot know.
		panic(http.ErrAbortHandler)
	}
	if err != nil && isPoll(request) {
		wait(r.Context(), slowPoll-time.Since(began))
	}
	there := r.Context().Err() == nil // else the connection takes a reply that nobody reads
	sent := h.answer(w, http.StatusOK, flow.Reply{Result: result, Notes: receipt.Notes()}, err)
	arrived = there && sent
}

func isPoll(request flow.Request) bool { return request.Method == flow.WaitForNotification.Info().Name }

// inspect refuses what is not a call, by its head alone.
func (h *handler) inspect(r *http.Request) *refusal {
	switch {
	case !slices.Contains(h.hosts, strings.ToLower(r.Host)):
		return refuse(http.StatusForbidden, flow.Denied, "this server answers only to requests for "+h.hosts[0])
	case r.Header["Origin"] != nil || r.Header["Referer"] != nil:
		return refuse(http.StatusForbidden, flow.Denied, "this server does not answer to web pages: send neither Origin nor Referer")
	case r.URL.Path != "/rpc":
		return refuse(http.StatusNotFound, flow.NotFound, "there is nothing here: calls go to /rpc")
	case r.Method != http.MethodPost:
		return refuse(http.StatusMethodNotAllowed, flow.Invalid, "calls are made with POST")
	case !isJSON(r.Header.Get("Content-Type")):
		return refuse(http.StatusUnsupportedMediaType, flow.Invalid, "the Content-Type of a call is application/json")
	case r.ContentLength > flow.MaxRequest:
		return tooLong()
	}
	return nil
}

func tooLong() *refusal {
	return refuse(http.StatusRequestEntityTooLarge, flow.Invalid,
		fmt.Sprintf("the request is longer than %d bytes", flow.MaxRequest))
}

func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json"))
}

// read takes the body and checks the token.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (flow.Request, *refusal) {
	if size := r.ContentLength; size < 0 || size > shortBody {
		if size < 0 {
			size = flow.MaxRequest
		}
		if err := h.unknown.Acquire(r.Context(), size); err != nil {
			return flow.Request{}, refuse(http.StatusServiceUnavailable, flow.Unavailable, "the backend is stopping")
		}
		defer h.unknown.Release(size)
	}

	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, flow.MaxRequest))
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return flow.Request{}, tooLong()
	}
	if err != nil {
		return flow.Request{}, refuse(http.StatusBadRequest, flow.Invalid, "the request's body did not arrive whole")
	}
	request, err := flow.DecodeRequest(body)
	if err != nil {
		return request, &refusal{http.StatusBadRequest, err}
	}
	if subtle.ConstantTimeCompare([]byte(request.Token), []byte(h.token)) != 1 {
		return request, refuse(http.StatusOK, flow.Denied, "invalid token")
	}
	return request, nil
}

// call asks the caller, and turns its defects into errors.
func (h *handler) call(ctx context.Context, request flow.Request) (result []byte, err error) {
	defer func() {
		if value := recover(); value != nil {
			h.log.ErrorContext(ctx, "call panicked", "method", known(request.Method),
				"panic", panicText(value), "stack", string(debug.Stack()))
			result, err = nil, flow.Errorf(flow.Internal, "panic")
		}
	}()
	result, err = h.caller.Call(ctx, request.Method, request.Param())
	if flow.CodeOf(err) == flow.Internal && ctx.Err() == nil {
		h.log.ErrorContext(ctx, "call went wrong", "method", known(request.Method), "error", err)
	}
	return result, err
}

// panicText describes a panic for the log. Other values than the runtime's own may quote
// a message, so only their type is told.
func panicText(value any) string {
	if err, ok := value.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", value)
}

// known keeps foreign text out of the log.
func known(method string) string {
	if _, ok := flow.Lookup(method); ok {
		return method
	}
	return "unknown"
}

// answer sends a reply. It reports whether the connection has taken all of it.
func (h *handler) answer(w http.ResponseWriter, status int, said flow.Reply, err error) (sent bool) {
	reply := flow.EncodeReply(said, err)
	head := w.Header()
	head.Set("Content-Type", "application/json; charset=utf-8")
	head.Set("Content-Length", strconv.Itoa(len(reply)))
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusMethodNotAllowed {
		head.Set("Allow", http.MethodPost)
	}
	connection := http.NewResponseController(w)
	_ = connection.SetWriteDeadline(time.Now().Add(bodyTime))
	w.WriteHeader(status)
	_, failed := w.Write(reply)
	if failed == nil {
		failed = connection.Flush()
	}
	if failed != nil {
		h.log.Debug("reply was not taken", "error", failed)
	}
	return failed == nil
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
