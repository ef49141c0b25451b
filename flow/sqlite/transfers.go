package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// How transfers are run: at most maxTransfers at a time, each telling of its progress
// once in progressPause. Work on one begins transferDelay after the call that asked for
// it, because programs register for the outcome after that call has returned. One whose
// outcome cannot be written is tried again, after a pause that grows up to transferAgain.
const (
	maxTransfers  = 4
	progressPause = 100 * time.Millisecond
	transferDelay = 300 * time.Millisecond
	transferAgain = time.Minute
)

// transferKey names a row of upload or of download.
type transferKey struct {
	direction flow.Direction
	id        int64
}

// transfers works through the uploads and downloads of the store. Their rows are in the
// store: those that were under way when a process ended go on when the store is opened.
type transfers struct {
	run  func(context.Context, *transfer) error // an error says that there is no outcome
	wake chan struct{}                          // has room for one
	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	waiting []waiting // those that are due first come first
	running map[transferKey]*transfer
}

// waiting is a transfer that waits for its time and its turn.
type waiting struct {
	key   transferKey
	due   time.Time
	pause time.Duration // for which it was put
}

// transfer is one under way.
type transfer struct {
	key         transferKey
	pause       time.Duration // before it is tried again
	again       bool          // somebody has asked for it meanwhile; under the lock of transfers
	cancel      context.CancelFunc
	done        chan struct{}
	transferred atomic.Int64
}

// newTransfers works through what is added once it is started, beginning with what is left
// from before.
func newTransfers(left []transferKey, run func(context.Context, *transfer) error) *transfers {
	q := &transfers{
		run: run, wake: make(chan struct{}, 1), done: make(chan struct{}),
		running: map[transferKey]*transfer{},
	}
	for _, key := range left {
		q.waiting = append(q.waiting, waiting{key: key})
	}
	return q
}

func (q *transfers) start() {
	ctx, stop := context.WithCancel(context.Background())
	q.stop = stop
	go q.work(ctx)
}

// files is what the store has beside its databases.
type files struct {
	blobs     *blobs
	transfers *transfers
	sweeper   *sweeper
	moving    turns[movingKey] // of files
	clearing  turns[int64]     // of what is left of downloads

	// link gives a file a second name: os.Link, except where a test is on a file system
	// that has no links.
	link func(file, name string) error
}

// openFiles makes the contents of files available, and queues the transfers that were
// under way when the store was closed.
func (s *store) openFiles(ctx context.Context) (err error) {
	s.link = os.Link
	if s.blobs, err = openBlobs(filepath.Join(s.dir, blobsDir)); err != nil {
		return err
	}
	uploads, err := s.read.PendingUploads(ctx)
	if err != nil {
		return fmt.Errorf("read pending uploads: %w", err)
	}
	downloads, err := s.read.Downloads(ctx)
	if err != nil {
		return fmt.Errorf("read pending downloads: %w", err)
	}
	var left []transferKey
	for _, id := range uploads {
		left = append(left, transferKey{flow.Upload, id})
	}
	for _, id := range downloads {
		left = append(left, transferKey{flow.Download, id})
	}
	s.transfers = newTransfers(left, s.carry)
	return nil
}

// carry does one transfer. What is logged here has had no outcome, and is tried again.
func (s *store) carry(ctx context.Context, t *transfer) error {
	carry := s.upload
	if t.key.direction == flow.Download {
		carry = s.download
	}
	err := carry(ctx, t)
	if err != nil && ctx.Err() == nil {
		s.log.Error("store: transfer not finished", "direction", t.key.direction, "error", err)
	}
	return err
}

// close stops what runs and waits for it. It is in the store and will go on.
func (q *transfers) close() {
	q.stop()
	<-q.done
}

// add queues transfers whose rows have been committed. One that waits after a failure is
// tried sooner, and one that runs once more, since its row may be another one by now.
func (q *transfers) add(keys []transferKey) {
	if len(keys) == 0 {
		return
	}
	q.mu.Lock()
	for _, key := range keys {
		if t := q.running[key]; t != nil {
			t.again = true
			continue
		}
		q.waiting = slices.DeleteFunc(q.waiting, func(w waiting) bool { return w.key == key })
		q.put(key, transferDelay)
	}
	q.mu.Unlock()
	signal(q.wake)
}

// put queues a transfer after a pause. The lock must be held.
func (q *transfers) put(key transferKey, pause time.Duration) {
	w := waiting{key: key, due: time.Now().Add(pause), pause: pause}
	at, _ := slices.BinarySearchFunc(q.waiting, w, func(other, w waiting) int {
		if other.due.After(w.due) {
			return 1
		}
		return -1 // behind those that are due at the same time
	})
	q.waiting = slices.Insert(q.waiting, at, w)
}

// cancel ends those that run of transfers whose rows say that they are over.
func (q *transfers) cancel(keys []transferKey) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, key := range keys {
		if t := q.running[key]; t != nil {
			t.cancel()
		}
	}
}

// find returns a transfer that runs, or nil.
func (q *transfers) find(key transferKey) *transfer {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running[key]
}

// await waits until a transfer does not run.
func (q *transfers) await(ctx context.Context, key transferKey) error {
	t := q.find(key)
	if t == nil {
		return nil
	}
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// work starts one transfer after the other, and at last waits for all.
func (q *transfers) work(ctx context.Context) {
	defer close(q.done)
	var jobs sync.WaitGroup
	defer jobs.Wait()
	slots := make(chan struct{}, maxTransfers)
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		own, cancel := context.WithCancel(ctx)
		t := q.next(ctx, cancel)
		if t == nil {
			cancel()
			return
		}
		jobs.Go(func() {
			err := q.run(own, t)
			cancel()
			q.ended(ctx, t, err)
			<-slots
		})
	}
}

// ended takes a transfer off those that run, and queues it again where it has to be.
func (q *transfers) ended(ctx context.Context, t *transfer, err error) {
	q.mu.Lock()
	delete(q.running, t.key)
	switch {
	case ctx.Err() != nil: // it goes on when the store is opened again
	case t.again:
		q.put(t.key, transferDelay)
	case err != nil:
		q.put(t.key, t.pause)
	}
	q.mu.Unlock()
	close(t.done)
	signal(q.wake)
}

// next returns the transfer whose time has come first, which runs from then on until cancel
// is called. There is none when ctx ends.
func (q *transfers) next(ctx context.Context, cancel context.CancelFunc) *transfer {
	for ctx.Err() == nil {
		t, pause := q.first(cancel)
		if t != nil {
			return t
		}
		select {
		case <-pause:
		case <-q.wake:
		case <-ctx.Done():
		}
	}
	return nil
}

// first takes the first of those that wait. If it is not due yet there is a pause, which
// does not end while there is none.
func (q *transfers) first(cancel context.CancelFunc) (t *transfer, pause <-chan time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, nil
	}
	w := q.waiting[0]
	if left := time.Until(w.due); left > 0 {
		return nil, time.After(left)
	}
	q.waiting = q.waiting[1:]
	t = &transfer{
		key: w.key, pause: min(max(2*w.pause, transferDelay), transferAgain),
		cancel: cancel, done: make(chan struct{}),
	}
	q.running[w.key] = t
	return t, nil
}
