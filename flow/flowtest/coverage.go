package flowtest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// coverage is what the suite has seen of an engine.
type coverage struct {
	mu     sync.Mutex
	calls  map[string]bool // operations that succeeded, as far as they can
	events map[flow.NotificationType]bool

	refused   map[string][]flow.Code
	refusable map[string]bool // operations that were refused, also where all are
	repeats   map[string]bool // writes whose repetition was tried
}

func newCoverage() *coverage {
	return &coverage{
		calls: map[string]bool{}, events: map[flow.NotificationType]bool{},
		refused: map[string][]flow.Code{}, refusable: map[string]bool{}, repeats: map[string]bool{},
	}
}

// complete is the last test.
func (c *coverage) complete(t *testing.T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, op := range flow.Catalogue() {
		if !c.calls[op.Info().Name] {
			t.Errorf("no scenario had a success of the operation %s", op.Info().Name)
		}
		if isKept(op) && !c.repeats[op.Info().Name] {
			t.Errorf("in no scenario the operation %s could be repeated", op.Info().Name)
		}
	}
	for _, op := range flow.Catalogue() {
		name := op.Info().Name
		switch _, never := unrefusable[name]; {
		case !never && !c.refusable[name]:
			t.Errorf("no scenario had a refusal of the operation %s", name)
		case never && c.refusable[name]:
			t.Errorf("the operation %s was refused, which nobody should be", name)
		}
	}
	for method := range unrefusable {
		if _, ok := flow.Lookup(method); !ok {
			t.Errorf("%s, which nobody is refused, is no operation", method)
		}
	}
	for _, event := range flow.Events() {
		if !c.events[event.Type()] {
			t.Errorf("no scenario was sent a notification of type %s", event.Type())
		}
	}
}

func (c *coverage) note(method string, result json.RawMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[method] = true
	if method != flow.WaitForNotification.Info().Name {
		return
	}
	var batch flow.Notifications
	if json.Unmarshal(result, &batch) != nil {
		return // the caller decodes it too, and fails with a better sentence
	}
	for _, n := range batch {
		c.events[n.Type] = true
	}
}

// isNeutral reports whether an operation needs a company behind the backend: then to be
// refused for want of one is all that can be had.
func isNeutral(method string) bool {
	op, ok := flow.Lookup(method)
	return ok && op.Info().Neutral != ""
}

// patience is how long one call may take. It only ends tests that would hang.
const patience = 3 * time.Minute

// observed is a process whose calls end and are counted, and whose writes are tried again.
type observed struct {
	t       *testing.T
	process flow.Caller
	seen    *coverage
}

// Call implements [flow.Caller].
func (o observed) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	op, unrepeated := o.seen.unrepeated(ctx, method)
	if unrepeated {
		params = withRequest(params)
	}
	result, err := o.process.Call(ctx, method, params)
	if err == nil && unrepeated && o.seen.repeat(method) {
		o.again(ctx, op, params, result)
	}
	if err != nil {
		o.seen.refuse(ctx, method, flow.CodeOf(err))
	}
	switch {
	case err == nil:
		o.seen.note(method, result)
	case errors.Is(err, flow.Unsupported) && isNeutral(method):
		o.seen.note(method, nil)
	}
	return result, err
}
