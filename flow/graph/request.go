package graph

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/graph-gophers/graphql-go/errors"
	"github.com/graph-gophers/graphql-go/introspection"

	"github.com/flow-mcp/flow-mcp/flow"
)

// request is one query under way.
type request struct {
	engine flow.Engine
	call   flow.Call
	stop   context.CancelCauseFunc // ends the query
	memo   sync.Map                // what was asked to what comes of it

	fields   atomic.Int64 // shown
	bytes    atomic.Int64 // read and shown
	panicked atomic.Pointer[any]
}

type requestKey struct{}

func requestOf(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

// load asks the engine, but only once for the same input.
func load[In comparable, Out any](
	ctx context.Context, in In, ask func(flow.Engine, context.Context, flow.Call, In) (Out, error),
) (Out, error) {
	r := requestOf(ctx)
	known, _ := r.memo.LoadOrStore(in, sync.OnceValues(func() (Out, error) { return ask(r.engine, ctx, r.call, in) }))
	out, err := known.(func() (Out, error))()
	return out, r.judge(err)
}

// judge tells refusals, which become errors of their fields, from what ends the query: it
// is not the query's fault, and asking again may help.
func (r *request) judge(err error) error {
	switch flow.CodeOf(err) {
	case flow.Internal, flow.Unavailable, flow.Unusable, flow.Uncertain, flow.UnknownSession:
		r.stop(err)
	}
	return err
}

// spend counts bytes that were read or are shown, and ends the query when they are too
// many.
func (r *request) spend(n int) {
	if r.bytes.Add(int64(n)) > maxBytes {
		r.stop(flow.Errorf(flow.Invalid, "the query asks for more than %d MB; ask for less at once", maxBytes>>20))
	}
}

// counter counts the fields of an answer. It is told of each as a tracer.
type counter struct{}

func (counter) TraceQuery(
	ctx context.Context, _, _ string, _ map[string]any, _ map[string]*introspection.Type,
) (context.Context, func([]*errors.QueryError)) {
	return ctx, func([]*errors.QueryError) {}
}

func (counter) TraceField(
	ctx context.Context, _, _, _ string, _ bool, _ map[string]any,
) (context.Context, func(*errors.QueryError)) {
	r := requestOf(ctx)
	if r.fields.Add(1) == maxFields+1 {
		r.stop(flow.Errorf(flow.Invalid, "the query asks for more than %d fields; ask for less at once", maxFields))
	}
	return ctx, func(*errors.QueryError) {}
}

// catcher keeps a panic for the call, and its value out of logs: it may quote a message.
type catcher struct{}

func (catcher) LogPanic(ctx context.Context, value any) {
	r := requestOf(ctx)
	r.panicked.CompareAndSwap(nil, &value)
	r.stop(nil)
}

func (catcher) MakePanicError(context.Context, any) *errors.QueryError {
	return errors.Errorf("internal error")
}
