package flow

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A stream carries the envelopes of the wire protocol over one connection, many calls at
// once: each frame is four bytes of length (big endian) and one envelope, whose id pairs
// replies with requests. HTTP costs about 50 microseconds a call, which is too much
// between processes that share a store.

// cancelMethod ends the request whose id it carries. It has no reply.
const cancelMethod = "$cancel"

// maxUnderWay bounds the requests that one connection may have open at once.
const maxUnderWay = 4096

// Stream is the calling end of a connection. It implements [Caller].
type Stream struct {
	options StreamOptions
	out     *frameWriter
	done    chan struct{} // closed when the connection is lost
	reading sync.WaitGroup

	mu        sync.Mutex
	next      uint64
	waiting   map[uint64]waiter
	lost      bool
	listening listening
}

// StreamOptions say what a [Stream] makes of an other end that is there and does not answer.
type StreamOptions struct {
	// Patience is how long the other end may leave a question open that it answers at once
	// while it runs. 0 stands for 15 seconds.
	Patience time.Duration
	// Silence is what calls fail with while the other end does not answer. They have not
	// been done. Nil stands for an error that does not know who that is.
	Silence error
}

// waiter is a call under way.
type waiter struct {
	reply  chan answer // of one place
	due    time.Time   // when the answer is; zero when it may never be
	writes bool
}

type answer struct {
	reply Reply
	err   error
}

// NewStream takes over conn. Close ends it.
func NewStream(conn net.Conn, o StreamOptions) *Stream {
	s := &Stream{
		options: o,
		out:     newFrameWriter(conn),
		done:    make(chan struct{}),
		waiting: map[uint64]waiter{},
	}
	s.options.Silence = cmp.Or(o.Silence, errSilent)
	s.listening.pause = cmp.Or(o.Patience, defaultPatience) / looksWithin
	s.listening.timer = time.AfterFunc(Forever, s.lookNow)
	s.listening.timer.Stop() // until there is something to look for
	s.reading.Go(func() { s.read(conn) })
	return s
}

// Done is closed when the connection is lost, before any call fails for that reason.
func (s *Stream) Done() <-chan struct{} { return s.done }

// Close drops the connection and waits until nothing of the stream runs.
func (s *Stream) Close() {
	s.out.close()
	s.reading.Wait()
}

// Call implements [Caller]. When ctx ends first the other end is told to give up.
func (s *Stream) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if len(params) > MaxFrame/2 { // the other end would hang up
		return nil, Errorf(Invalid, "%s: the parameters have more than %d bytes", clip(method, 64), MaxFrame/2)
	}
	w := waiter{reply: make(chan answer, 1), writes: !changesNothing(method)}
	if wait := Waits(method, params); wait < Forever {
		w.due = time.Now().Add(wait)
	}
	id, err := s.enter(w)
	if err != nil {
		return nil, err
	}
	s.out.send(ctx, EncodeRequest(id, method, params, ""))
	select {
	case a := <-w.reply:
		Note(ctx, a.reply.Notes)
		return a.reply.Result, a.err
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.waiting, id)
		s.mu.Unlock()
		s.out.queue(EncodeRequest(id, cancelMethod, json.RawMessage("{}"), ""))
		return nil, context.Cause(ctx)
	}
}

// enter gives a call its id.
func (s *Stream) enter(w waiter) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lost:
		return 0, Errorf(Unavailable, "the connection to the owner of the store is lost")
	case s.listening.again != nil:
		return 0, s.options.Silence
	}
	s.next++
	s.waiting[s.next] = w
	if !w.due.IsZero() {
		s.lookAfter(w.due)
	}
	return s.next, nil
}

// ear is a connection that tells its stream of all that arrives.
type ear struct {
	io.Reader
	stream *Stream
}

func (e ear) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if n > 0 {
		e.stream.heard()
	}
	return n, err
}

// read hands replies to those who wait, until the connection ends.
func (s *Stream) read(conn net.Conn) {
	in := bufio.NewReaderSize(ear{conn, s}, 64<<10)
	for {
		frame, err := readFrame(in)
		if err != nil {
			break
		}
		reply, err := replyOf(frame)
		s.mu.Lock()
		waiting, known := s.waiting[reply.ID]
		delete(s.waiting, reply.ID)
		s.mu.Unlock()
		if known {
			waiting.reply <- answer{reply, err}
		}
	}
	s.out.close()
	s.mu.Lock()
	s.lost = true
	s.listening.timer.Stop()
	unanswered := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	close(s.done)
	for _, w := range unanswered {
		w.reply <- answer{err: Errorf(Uncertain, "the owner of the store went away during the call")}
	}
}

// ServeStream answers the requests of one connection with caller, several at once, until
// the connection or ctx ends; then it cancels what is under way, waits for it and closes
// conn. The error says why the other end was dropped, and is nil when it hung up.
func ServeStream(ctx context.Context, conn net.Conn, caller Caller) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &streamServer{
		caller: caller, out: newFrameWriter(conn),
		slots: make(chan struct{}, maxUnderWay), next: make(chan call), cancels: map[uint64]context.CancelFunc{},
	}
	stop := context.AfterFunc(ctx, s.out.close)
	err := s.read(ctx, bufio.NewReaderSize(conn, 64<<10))
	cancel()
	s.running.Wait()
	stop()
	s.out.close()
	if hungUp(err) {
		return nil
	}
	return err
}

// hungUp reports whether err is an ordinary end of a connection, on this side or the other.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

type streamServer struct {
	caller  Caller
	out     *frameWriter
	slots   chan struct{} // holds a token for each call under way
	next    chan call     // to workers that have nothing to do
	idle    atomic.Int32  // how many of these there are
	running sync.WaitGroup

	mu      sync.Mutex
	cancels map[uint64]context.CancelFunc
}

// call is a request under way.
type call struct {
	ctx     context.Context
	request Request
}

func (s *streamServer) read(ctx context.Context, in *bufio.Reader) error {
	for {
		frame, err := readFrame(in)
		if err != nil {
			return err
		}
		request, err := requestOf(frame)
		switch {
		case err != nil && request.ID == 0: // nobody could be told
			return fmt.Errorf("read request from stream: %w", err)
		case err != nil:
			s.out.send(ctx, EncodeReply(Reply{ID: request.ID}, err))
			continue
		case request.Method == cancelMethod:
			s.cancel(request.ID)
			continue
		case request.Method == aliveMethod:
			s.out.send(ctx, EncodeReply(Reply{ID: request.ID}, nil))
			continue
		}
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		s.start(ctx, request)
	}
}

// start gives a request to a worker that has nothing to do, or to a new one.
func (s *streamServer) start(ctx context.Context, request Request) {
	one, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	s.cancels[request.ID] = cancel
	s.mu.Unlock()
	select {
	case s.next <- call{one, request}:
	default:
		s.running.Go(func() { s.work(ctx, call{one, request}) })
	}
}

// maxIdle is how many workers wait for a request. Their stacks have grown, which a new
// goroutine would spend a tenth of the time of a short call on.
const maxIdle = 16

// work answers requests until there are enough others to do that.
func (s *streamServer) work(ctx context.Context, c call) {
	for {
		s.serve(ctx, c)
		<-s.slots
		if s.idle.Add(1) > maxIdle {
			s.idle.Add(-1)
			return
		}
		select {
		case c = <-s.next:
			s.idle.Add(-1)
		case <-ctx.Done():
			return
		}
	}
}

// serve answers one request. Once ctx has ended there is no answer: a call that was cut
// short must look like one whose connection was lost.
func (s *streamServer) serve(ctx context.Context, c call) {
	calling, receipt := WithReceipt(c.ctx)
	result, err := s.caller.Call(calling, c.request.Method, c.request.Param())
	s.cancel(c.request.ID)
	if len(result) > MaxFrame/2 { // the other end would hang up
		result, err = nil, Errorf(Invalid, "%s: the result has more than %d bytes; ask for less", clip(c.request.Method, 64), MaxFrame/2)
	}
	if ctx.Err() == nil {
		s.out.send(ctx, EncodeReply(Reply{c.request.ID, result, receipt.Notes()}, err))
	}
}

func (s *streamServer) cancel(id uint64) {
	s.mu.Lock()
	cancel := s.cancels[id]
	delete(s.cancels, id)
	s.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}
