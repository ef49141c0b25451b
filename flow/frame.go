package flow

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// MaxFrame is the longest frame, in bytes.
const MaxFrame = MaxReply

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

// writePatience is how long the other end may leave its side of the connection unread
// before it loses it. A process that was stopped holds up nobody but itself for longer.
const writePatience = 30 * time.Second

// maxPending is how much may wait before senders do.
const maxPending = 4 << 20

func newFrameWriter(conn net.Conn) *frameWriter {
	w := &frameWriter{conn: conn, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	w.room.L = &w.mu
	go w.run()
	return w
}

// send queues a frame, waiting while too much is queued and ctx lives.
func (w *frameWriter) send(ctx context.Context, frame []byte) {
	w.mu.Lock()
	if len(w.pending) > maxPending {
		w.waitForRoom(ctx)
	}
	w.mu.Unlock()
	w.queue(frame)
}

// waitForRoom returns with mu held, as it found it.
func (w *frameWriter) waitForRoom(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.room.Broadcast()
	})()
	for len(w.pending) > maxPending && !w.closed && ctx.Err() == nil {
		w.room.Wait()
	}
}

// queue lets a frame leave with the next write. After close it does nothing.
func (w *frameWriter) queue(frame []byte) {
	w.mu.Lock()
	if !w.closed {
		w.pending = binary.BigEndian.AppendUint32(w.pending, uint32(len(frame)))
		w.pending = append(w.pending, frame...)
	}
	w.mu.Unlock()
	w.rouse()
}

func (w *frameWriter) run() {
	defer close(w.stopped)
	var spare []byte
	for range w.wake {
		// Whoever woke this goroutine is seldom alone: after a commit many have an answer.
		// Letting them run first puts their frames into one write, and wakes the other
		// process once.
		runtime.Gosched()
		w.mu.Lock()
		frames := w.pending
		w.pending = spare[:0]
		closed := w.closed
		w.room.Broadcast()
		w.mu.Unlock()
		if closed {
			return
		}
		w.conn.SetWriteDeadline(time.Now().Add(writePatience)) // fails only where Write does
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

// rouse tells the writer that there is something new.
func (w *frameWriter) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// close ends the writer and waits for it.
func (w *frameWriter) close() {
	w.shut()
	w.rouse()
	<-w.stopped
}

// requestOf reads an envelope. Of one in the form that EncodeRequest gives it, the params
// are only known to begin and end like an object: whoever decodes them looks at all of
// them anyway, and doing so twice costs as much as the rest of a call. With an error the
// id is still there if it could be read.
func requestOf(frame []byte) (Request, error) {
	id, rest, known := cutID(frame)
	rest, begins := bytes.CutPrefix(rest, []byte(`"method":"`))
	method, rest, ends := bytes.Cut(rest, []byte(`","params":[`))
	params, closed := bytes.CutSuffix(rest, []byte(`]}`))
	if known && begins && ends && closed && plain(method) && len(params) >= 2 && params[0] == '{' && params[len(params)-1] == '}' {
		return Request{ID: id, Method: string(method), Params: []json.RawMessage{params}}, nil
	}
	request, err := DecodeRequest(frame)
	if err != nil && known {
		request.ID = id
	}
	return request, err
}

// replyOf reads an envelope like DecodeReply, faster when it is one of EncodeReply.
func replyOf(frame []byte) (Reply, error) {
	id, rest, ok := cutID(frame)
	if !ok {
		return DecodeReply(frame)
	}
	rest, begins := bytes.CutPrefix(rest, []byte(`"result":`))
	result, ends := bytes.CutSuffix(rest, []byte(`}`))
	if !begins || !ends || !json.Valid(result) {
		return DecodeReply(frame)
	}
	return Reply{ID: id, Result: result}, nil
}

// cutID reads the id at the head of an envelope, and the comma behind it.
func cutID(frame []byte) (id uint64, rest []byte, ok bool) {
	rest, begins := bytes.CutPrefix(frame, []byte(`{"id":`))
	digits, rest, ends := bytes.Cut(rest, []byte(`,`))
	id, err := strconv.ParseUint(string(digits), 10, 64)
	return id, rest, begins && ends && err == nil && id != 0
}

// plain reports whether a method is written without escapes.
func plain(method []byte) bool {
	for _, c := range method {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return len(method) > 0
}
