package flowtest

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// coverage is what the suite has seen of an engine.
type coverage struct {
	mu     sync.Mutex
	calls  map[string]bool // operations that succeeded
	events map[flow.NotificationType]bool
}

func newCoverage() *coverage {
	return &coverage{calls: map[string]bool{}, events: map[flow.NotificationType]bool{}}
}

// complete is the last test.
func (c *coverage) complete(t *testing.T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, op := range flow.Catalogue() {
		if !c.calls[op.Info().Name] {
			t.Errorf("no scenario had a success of the operation %s", op.Info().Name)
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

// patience is how long one call may take. It only ends tests that would hang.
const patience = 60 * time.Second

// observed is a process whose calls end and are counted.
type observed struct {
	process flow.Caller
	seen    *coverage
}

// Call implements [flow.Caller].
func (o observed) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result, err := o.process.Call(ctx, method, params)
	if err == nil {
		o.seen.note(method, result)
	}
	return result, err
}
