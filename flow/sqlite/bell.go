package sqlite

import "sync"

// bell wakes all that wait for something in the store to change.
type bell struct {
	mu   sync.Mutex
	rung chan struct{}
}

// next returns what is closed when the bell rings. Who waits looks at the store after it.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}
