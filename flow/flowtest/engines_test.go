package flowtest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/backend"
	"github.com/flow-mcp/flow-mcp/flow/flowtest"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
)

// Processes share a store, and each is asked over the wire protocol: what crosses both
// borders is not changed by them. Package sqlite runs the suite on the engine itself.
func TestProcessBorder(t *testing.T) {
	flowtest.Run(t, func(t *testing.T) flowtest.World { return network{dir: t.TempDir()} })
}

// network is a store in a directory.
type network struct{ dir string }

// Process implements [flowtest.World].
func (n network) Process(t *testing.T) flow.Caller { return served(t, n.dir) }

// member is a process that is called directly.
func member(t *testing.T, dir string) flow.Caller {
	t.Helper()
	m, err := sqlite.Open(context.Background(), dir, sqlite.Options{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return m
}

// served is a process that is called over HTTP on loopback.
func served(t *testing.T, dir string) flow.Caller {
	t.Helper()
	s := backend.Server{Caller: member(t, dir)}
	ctx, stop := context.WithCancel(context.Background())
	said, ready := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, 0, ready) }()
	line, err := bufio.NewReader(said).ReadBytes('\n')
	if err != nil {
		t.Fatalf("read the handshake: %v", err)
	}
	var handshake struct{ Token, Port string }
	if err := json.Unmarshal(line, &handshake); err != nil {
		t.Fatalf("the handshake is %q: %v", line, err)
	}
	port, err := strconv.Atoi(handshake.Port)
	if err != nil {
		t.Fatalf("the handshake is %q: %v", line, err)
	}
	caller := flow.NewHTTP(port, handshake.Token)
	t.Cleanup(func() {
		caller.Close()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return caller
}
