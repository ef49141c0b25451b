package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// How transfers are run: at most maxTransfers at a time, each telling of its progress
// once in progressPause. Work on one begins transferDelay after the call that asked for
// it, because programs register for the outcome after that call has returned.
const (
	maxTransfers  = 4
	progressPause = 100 * time.Millisecond
	transferDelay = 300 * time.Millisecond
)

// transferKey names a row of upload or of download.
type transferKey struct {
	direction flow.Direction
	id        int64
}

// transfers works through the uploads and downloads of the store. Their rows are in the
// store: those that were under way when a process ended go on when the store is opened.
type transfers struct {
	run  func(context.Context, *transfer)
	wake chan struct{} // has room for one
	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	waiting []waiting // those that are due first come first
	running map[transferKey]*transfer
}

// waiting is a transfer that waits for its time and its turn.
type waiting struct {
	key transferKey
	due time.Time
}

// transfer is one under way.
type transfer struct {
	key         transferKey
	cancel      context.CancelFunc
	done        chan struct{}
	transferred atomic.Int64
}

// newTransfers works through what is added once it is started, beginning with what is left
// from before.
func newTransfers(left []transferKey, run func(context.Context, *transfer)) *transfers {
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
	moving    sync.Map // files that are being moved, by movingKey
}

// openFiles makes the contents of files available, and queues the transfers that were
// under way when the store was closed.
func (s *store) openFiles(ctx context.Context) (err error) {
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

// carry does one transfer. One that fails without an outcome is tried again when the
// store is next opened.
func (s *store) carry(ctx context.Context, t *transfer) {
	carry := s.upload
	if t.key.direction == flow.Download {
		carry = s.download
	}
	if err := carry(ctx, t); err != nil && ctx.Err() == nil {
		s.log.Error("store: transfer not finished", "direction", t.key.direction, "error", err)
	}
}

// close stops what runs and waits for it. It is in the store and will go on.
func (q *transfers) close() {
	q.stop()
	<-q.done
}

// add queues transfers whose rows have been committed.
func (q *transfers) add(keys []transferKey) {
	if len(keys) == 0 {
		return
	}
	due := time.Now().Add(transferDelay)
	q.mu.Lock()
	for _, key := range keys {
		q.waiting = append(q.waiting, waiting{key, due})
	}
	q.mu.Unlock()
	signal(q.wake)
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
		key, ok := q.next(ctx)
		if !ok {
			return
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		own, cancel := context.WithCancel(ctx)
		t := &transfer{key: key, cancel: cancel, done: make(chan struct{})}
		q.mu.Lock()
		q.running[key] = t
		q.mu.Unlock()
		jobs.Go(func() {
			q.run(own, t)
			cancel()
			q.mu.Lock()
			delete(q.running, key)
			q.mu.Unlock()
			close(t.done)
			<-slots
		})
	}
}

// next returns the transfer whose time has come first. It reports false when ctx ends.
func (q *transfers) next(ctx context.Context) (transferKey, bool) {
	for {
		q.mu.Lock()
		var pause <-chan time.Time // none while there is nothing
		if len(q.waiting) > 0 {
			first := q.waiting[0]
			left := time.Until(first.due)
			if left <= 0 {
				q.waiting = q.waiting[1:]
				q.mu.Unlock()
				return first.key, ctx.Err() == nil
			}
			pause = time.After(left)
		}
		q.mu.Unlock()
		select {
		case <-pause:
		case <-q.wake:
		case <-ctx.Done():
			return transferKey{}, false
		}
	}
}
