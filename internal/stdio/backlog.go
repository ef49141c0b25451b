package stdio

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// stallTime is how long the client may read nothing at all while the backlog is full and
// it asks for more. Then it is taken for gone: the end of its input could not be noticed.
const stallTime = 5 * time.Second

// backlog holds what the reader has to say itself: replies to initialize and to what
// cannot be served. The reader does not wait for the client to read them, because then it
// would not see that the client has closed its end.
type backlog struct {
	wake chan struct{} // there is something to take
	room chan struct{} // something was taken

	mu      sync.Mutex
	packets []packet
	bytes   int
	most    int
}

// packetBytes is what a packet takes beside its line.
const packetBytes = 64

func newBacklog(most int) *backlog {
	return &backlog{wake: make(chan struct{}, 1), room: make(chan struct{}, 1), most: most}
}

// add takes p in, unless too much waits already.
func (b *backlog) add(p packet) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := len(p.line) + packetBytes
	if len(b.packets) > 0 && b.bytes+size > b.most {
		return false
	}
	b.packets = append(b.packets, p)
	b.bytes += size
	signal(b.wake)
	return true
}

// take returns what was added first.
func (b *backlog) take() (packet, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.packets) == 0 {
		b.packets = nil // with the memory that it had
		return packet{}, false
	}
	p := b.packets[0]
	b.packets[0] = packet{}
	b.packets = b.packets[1:]
	b.bytes -= len(p.line) + packetBytes
	signal(b.room)
	return p, true
}

// signal leaves a sign for who looks for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// answer queues what the reader has to say. It waits while too much is unwritten, as long
// as the client reads, and returns [ErrBlocked] when it does not.
func (o *outbox) answer(p packet) error {
	for {
		written := o.written.pieces.Load()
		if o.own.add(p) {
			return nil
		}
		stalled := time.NewTimer(stallTime)
		select {
		case <-o.own.room:
		case <-o.quit:
			stalled.Stop()
			return nil
		case <-stalled.C:
			if o.written.pieces.Load() == written {
				return ErrBlocked
			}
		}
		stalled.Stop()
	}
}

// progress writes in pieces, and counts them, so that one can see whether anybody reads.
type progress struct {
	w      io.Writer
	pieces atomic.Int64
}

const pieceBytes = 32 << 10

func (p *progress) Write(data []byte) (written int, err error) {
	for {
		n, err := p.w.Write(data[:min(len(data), pieceBytes)])
		p.pieces.Add(1)
		written += n
		data = data[n:]
		if err != nil || len(data) == 0 {
			return written, err
		}
	}
}
