package flow

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
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
	out     *frameWriter
	done    chan struct{} // closed when the connection is lost
	reading sync.WaitGroup

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan answer
	lost    bool
}

type answer struct {
	reply Reply
	err   error
}

// NewStream takes over conn. Close ends it.
func NewStream(conn net.Conn) *Stream {
	s := &Stream{
		out:     newFrameWriter(conn),
		done:    make(chan struct{}),
		waiting: map[uint64]chan answer{},
	}
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
	reply := make(chan answer, 1)
	s.mu.Lock()
	if s.lost {
		s.mu.Unlock()
		return nil, Errorf(Unavailable, "the connection to the owner of the store is lost")
	}
	s.next++
	id := s.next
	s.waiting[id] = reply
	s.mu.Unlock()

	s.out.send(ctx, EncodeRequest(id, method, params, ""))
	select {
	case a := <-reply:
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

// read hands replies to those who wait, until the connection ends.
func (s *Stream) read(conn net.Conn) {
	in := bufio.NewReaderSize(conn, 64<<10)
	for {
		frame, err := readFrame(in)
		if err != nil {
			break
		}
		reply, err := replyOf(frame)
		s.mu.Lock()
		waiting := s.waiting[reply.ID]
		delete(s.waiting, reply.ID)
		s.mu.Unlock()
		if waiting != nil {
			waiting <- answer{reply, err}
		}
	}
	s.out.close()
	s.mu.Lock()
	s.lost = true
	unanswered := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	close(s.done)
	for _, reply := range unanswered {
		reply <- answer{err: Errorf(Uncertain, "the owner of the store went away during the call")}
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
