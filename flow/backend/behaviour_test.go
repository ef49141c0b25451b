package backend_test

import (
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/backend"
	"github.com/flow-mcp/flow-mcp/flow/flowtest"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
)

// What the embedded engine does, it does through the process border too.
func TestBehaviour(t *testing.T) {
	flowtest.Run(t, func(t *testing.T) flowtest.World { return store{t.TempDir()} })
}

// store is a network of the backends that share a directory.
type store struct{ dir string }

// Process implements [flowtest.World].
func (s store) Process(t *testing.T) flow.Caller {
	member, err := sqlite.Open(t.Context(), s.dir, sqlite.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := member.Close(); err != nil {
			t.Error(err)
		}
	})
	return serve(t, &backend.Server{Caller: member}).caller(t)
}
