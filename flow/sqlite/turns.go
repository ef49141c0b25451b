package sqlite

import (
	"context"
	"sync"
)

// turns let one call at a time do something with a thing.
type turns[Key comparable] struct {
	ends sync.Map // channels that are closed when it is the turn of others, by Key
}

// lock waits until nobody has the turn, which is the caller's until it calls unlock.
func (t *turns[Key]) lock(ctx context.Context, key Key) (unlock func(), err error) {
	own := make(chan struct{})
	for {
		other, busy := t.ends.LoadOrStore(key, own)
		if !busy {
			return func() { t.ends.Delete(key); close(own) }, nil
		}
		select {
		case <-other.(chan struct{}):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
