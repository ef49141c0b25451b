package flow

import (
	"context"
	"sync/atomic"
)

// Receipt says of one call what its result does not: whether the engine had done the
// same request before and did nothing now. It travels beside the call, as a value of its
// context and a member of the reply's envelope, because results have to stay as Flow has
// them.
type Receipt struct{ repeated atomic.Bool }

// Repeated reports whether the call was a repetition of one that was done before, by its
// [RequestID]. A repetition that this side made itself, because a backend had gone away,
// is none.
func (r *Receipt) Repeated() bool { return r.repeated.Load() }

type receiptKey struct{}

// WithReceipt returns a context for one call, and what will be known of it.
func WithReceipt(ctx context.Context) (context.Context, *Receipt) {
	r := &Receipt{}
	return context.WithValue(ctx, receiptKey{}, r), r
}

// NoteRepeated is how an engine, or a caller that stands for one, says that it had done
// the request of this call before.
func NoteRepeated(ctx context.Context) {
	if r, ok := ctx.Value(receiptKey{}).(*Receipt); ok {
		r.repeated.Store(true)
	}
}
