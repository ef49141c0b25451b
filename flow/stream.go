package flow

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// A stream carries the envelopes of the wire protocol over one connection, many calls at
// once: each frame is four bytes of length (big endian) and one envelope, whose id pairs
// replies with requests. HTTP costs about 50 microseconds a call, which is too much
// between processes that share a store.

// MaxFrame is the longest frame, in bytes.
const MaxFrame = MaxReply

// cancelMethod ends the request whose id it carries. It has no reply.
const cancelMethod = "$cancel"

// maxUnderWay bounds the requests that one connection may have open at once.
const maxUnderWay = 4096

// Stream is the calling end of a connection. It implements [Caller].
type Stream struct {
	out  *frameWriter
	done chan struct{} // closed when the connection is lost

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan answer
	lost    bool
}

type answer struct {
	result json.RawMessage
	err    error
}

// NewStream takes over conn. Close ends it.
func NewStream(conn net.Conn) *Stream {
	s := &Stream{
		out:     newFrameWriter(conn),
		done:    make(chan struct{}),
		waiting: map[uint64]chan answer{},
	}
	go s.read(conn)
	return s
}

// Done is closed when the connection is lost; calls then fail with Unavailable.
func (s *Stream) Done() <-chan struct{} { return s.done }

// Close drops the connection and waits until nothing of the stream runs.
func (s *Stream) Close() {
	s.out.close()
	<-s.done
}

// Call implements [Caller]. When ctx ends first the other end is told to give up.
func (s *Stream) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
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

	s.out.send(EncodeRequest(id, method, params, ""))
	select {
	case a := <-reply:
		return a.result, a.err
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.waiting, id)
		s.mu.Unlock()
		s.out.send(EncodeRequest(id, cancelMethod, json.RawMessage("{}"), ""))
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
		id, result, err := DecodeReply(frame)
		s.mu.Lock()
		reply := s.waiting[id]
		delete(s.waiting, id)
		s.mu.Unlock()
		if reply != nil {
			reply <- answer{result, err}
		}
	}
	s.mu.Lock()
	s.lost = true
	for id, reply := range s.waiting {
		reply <- answer{err: Errorf(Uncertain, "the owner of the store went away during the call")}
		delete(s.waiting, id)
	}
	s.mu.Unlock()
	s.out.close()
	close(s.done)
}

// ServeStream answers the requests of one connection with caller, several at once, until
// the connection or ctx ends; then it cancels what is under way, waits for it and closes
// conn. The error says why the other end was dropped, and is nil when it hung up.
func ServeStream(ctx context.Context, conn net.Conn, caller Caller) error {
	ctx, cancel := context.WithCancel(ctx)
	s := &streamServer{caller: caller, out: newFrameWriter(conn), cancels: map[uint64]context.CancelFunc{}}
	stop := context.AfterFunc(ctx, s.out.close)
	err := s.read(ctx, bufio.NewReaderSize(conn, 64<<10))
	cancel()
	s.running.Wait()
	stop()
	s.out.close()
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

type streamServer struct {
	caller  Caller
	out     *frameWriter
	running sync.WaitGroup

	mu      sync.Mutex
	cancels map[uint64]context.CancelFunc
}

func (s *streamServer) read(ctx context.Context, in *bufio.Reader) error {
	slots := make(chan struct{}, maxUnderWay)
	for {
		frame, err := readFrame(in)
		if err != nil {
			return err
		}
		request, err := DecodeRequest(frame)
		if err != nil {
			return fmt.Errorf("read request from stream: %w", err)
		}
		if request.Method == cancelMethod {
			s.cancel(request.ID)
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		one, cancel := context.WithCancel(ctx)
		s.mu.Lock()
		s.cancels[request.ID] = cancel
		s.mu.Unlock()
		s.running.Go(func() {
			result, err := s.caller.Call(one, request.Method, request.Param())
			s.cancel(request.ID)
			s.out.send(EncodeReply(request.ID, result, err))
			<-slots
		})
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

// readFrame reads one frame. Its memory is its own.
func readFrame(in *bufio.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > MaxFrame {
		return nil, fmt.Errorf("read frame: %d bytes are more than %d", size, MaxFrame)
	}
	frame := make([]byte, size)
	if _, err := io.ReadFull(in, frame); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return frame, nil
}

// frameWriter sends frames from any goroutine. Frames that pile up while one write is
// under way leave together in the next.
type frameWriter struct {
	conn    net.Conn
	wake    chan struct{}
	stopped chan struct{}

	mu      sync.Mutex
	pending []byte
	closed  bool
	room    sync.Cond // waited on while pending is full
}

// maxPending is how much may wait before senders do.
const maxPending = 4 << 20

func newFrameWriter(conn net.Conn) *frameWriter {
	w := &frameWriter{conn: conn, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	w.room.L = &w.mu
	go w.run()
	return w
}

// send queues a frame, waiting while too much is queued. After close it does nothing.
func (w *frameWriter) send(frame []byte) {
	w.mu.Lock()
	for len(w.pending) > maxPending && !w.closed {
		w.room.Wait()
	}
	if !w.closed {
		w.pending = binary.BigEndian.AppendUint32(w.pending, uint32(len(frame)))
		w.pending = append(w.pending, frame...)
	}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *frameWriter) run() {
	defer close(w.stopped)
	var spare []byte
	for range w.wake {
		w.mu.Lock()
		frames := w.pending
		w.pending = spare[:0]
		closed := w.closed
		w.room.Broadcast()
		w.mu.Unlock()
		if closed {
			return
		}
		if _, err := w.conn.Write(frames); err != nil {
			w.shut()
			return
		}
		if spare = frames; cap(spare) > 1<<20 {
			spare = nil // a burst must not hold its memory for ever
		}
	}
}

// shut marks the writer closed and drops the connection, which unblocks both ends.
func (w *frameWriter) shut() {
	w.mu.Lock()
	w.closed = true
	w.room.Broadcast()
	w.mu.Unlock()
	w.conn.Close()
}

// close ends the writer and waits for it.
func (w *frameWriter) close() {
	w.shut()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	<-w.stopped
}
