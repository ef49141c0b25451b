package flowtest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/backend"
	"github.com/flow-mcp/flow-mcp/flow/flowtest"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
)

// Processes share a store, and each is asked over the wire protocol: what crosses both
// borders is not changed by them. Package sqlite runs the suite on the engine itself.
func TestProcessBorder(t *testing.T) {
	seen := flowtest.Run(t, func(t *testing.T) flowtest.World { return network{dir: t.TempDir()} })
	if !seen.Whole {
		return
	}
	if *update {
		write(t, "refusals.json", seen.Refusals)
		return
	}
	if diff := cmp.Diff(flowtest.Refusals(), seen.Refusals); diff != "" {
		t.Errorf("refusals.json is not what the scenarios see (-file +seen); write it with go test ./flow/flowtest -update:\n%s", diff)
	}
}

var update = flag.Bool("update", false, "write refusals.json instead of comparing it")

func write(t *testing.T, file string, v any) {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// network is a store in a directory.
type network struct{ dir string }

// Process implements [flowtest.World].
func (n network) Process(t *testing.T) flow.Caller { return served(t, n.dir) }

// member is a process that is called directly. However busy the machine is, it does not
// take the owner of the store for one that hangs.
func member(t *testing.T, dir string) flow.Caller {
	t.Helper()
	m, err := sqlite.Open(context.Background(), dir, sqlite.Options{Version: "test", Patience: time.Hour})
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

// process knows how long it is being called.
type process struct {
	flow.Caller
	calls sync.RWMutex // held for reading during each
}

func (p *process) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	p.calls.RLock()
	defer p.calls.RUnlock()
	return p.Caller.Call(ctx, method, params)
}

// served is a process that is called over HTTP on loopback.
func served(t *testing.T, dir string) flow.Caller {
	t.Helper()
	port, token := serve(t, dir)
	caller := flow.NewHTTP(port, token)
	t.Cleanup(caller.Close)
	return caller
}

// serve runs a process until the test ends, and returns what its handshake says.
func serve(t *testing.T, dir string) (port int, token string) {
	t.Helper()
	p := &process{Caller: member(t, dir)}
	s := backend.Server{Caller: p}
	ctx, stop := context.WithCancel(context.Background())
	said, ready := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, 0, ready) }()
	t.Cleanup(func() {
		p.calls.Lock() // what was given up may have something left to write
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	line, err := bufio.NewReader(said).ReadBytes('\n')
	if err != nil {
		t.Fatalf("read the handshake: %v", err)
	}
	var handshake struct{ Token, Port string }
	if err := json.Unmarshal(line, &handshake); err != nil {
		t.Fatalf("the handshake is %q: %v", line, err)
	}
	if port, err = strconv.Atoi(handshake.Port); err != nil {
		t.Fatalf("the handshake is %q: %v", line, err)
	}
	return port, handshake.Token
}
