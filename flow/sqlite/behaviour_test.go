package sqlite

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/flowtest"
)

func TestBehaviour(t *testing.T) {
	flowtest.Run(t, func(t *testing.T) flowtest.World { return &network{store: open(t, t.TempDir())} })
}

// network is one store whose backend processes are all in this one.
type network struct {
	store     *store
	processes atomic.Int64
}

// Process implements [flowtest.World].
func (n *network) Process(t *testing.T) flow.Caller {
	member := fmt.Sprint("process ", n.processes.Add(1))
	t.Cleanup(func() { n.store.leave(member) })
	return flow.Serve(n.store.seat(member))
}
