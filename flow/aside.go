package flow

import (
	"context"
	"sync"
)

// Aside is what a program reads for itself: to find a message by a short reference, to see
// which channels have something new. Whoever remembers which words have reached a reader
// takes every result for read, unless it was read aside; then what is shown of it is.
type Aside struct {
	mu     sync.Mutex
	listen func(shown any)
}

type asideKey struct{}

// ReadAside returns a context for calls whose results are not handed on as they are, and
// with which to say what of them is. Where nothing is, the Aside is not needed.
func ReadAside(ctx context.Context) (context.Context, *Aside) {
	a := &Aside{}
	return context.WithValue(ctx, asideKey{}, a), a
}

// Show says of a value of the API that was read aside, such as messages, that it is handed
// on. It comes before that is done.
func (a *Aside) Show(v any) {
	a.mu.Lock()
	listen := a.listen
	a.mu.Unlock()
	if listen != nil {
		listen(v)
	}
}

// IsAside is how whoever remembers what was read asks whether the result of a call is
// read aside. If so, listen is told what is shown of it.
func IsAside(ctx context.Context, listen func(shown any)) bool {
	a, ok := ctx.Value(asideKey{}).(*Aside)
	if !ok {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listen = listen
	return true
}
