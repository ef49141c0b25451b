package stdio_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

// The benchmarks run the same lines over this transport and over the
// library's, so that their ratio can be read from one run.
var transports = []struct {
	name string
	run  func(ctx context.Context, m *server.MCPServer, in io.Reader, out io.Writer) error
}{
	{"ours", func(ctx context.Context, m *server.MCPServer, in io.Reader, out io.Writer) error {
		return stdio.New(m, stdio.Options{}).Run(ctx, in, out)
	}},
	{"library", func(ctx context.Context, m *server.MCPServer, in io.Reader, out io.Writer) error {
		return server.NewStdioServer(m).Listen(ctx, in, out)
	}},
}

const shake = `{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{"name":"b","version":"1"},"capabilities":{}}}` + "\n"

// wire is the client's end of a server that runs over pipes of the system.
type wire struct {
	b     *testing.B
	stdin *os.File
	out   *os.File
	lines *bufio.Reader
	ended chan error
}

func start(b *testing.B, m *server.MCPServer, run func(context.Context, *server.MCPServer, io.Reader, io.Writer) error) *wire {
	b.Helper()
	inR, inW, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	w := &wire{b: b, stdin: inW, out: outR, lines: bufio.NewReaderSize(outR, 64<<10), ended: make(chan error, 1)}
	go func() {
		err := run(context.Background(), m, inR, outW)
		inR.Close()
		outW.Close()
		w.ended <- err
	}()
	w.send(shake)
	w.next()
	return w
}

func (w *wire) send(line string) {
	if _, err := w.stdin.WriteString(line); err != nil {
		w.b.Fatal(err)
	}
}

func (w *wire) next() {
	for {
		_, err := w.lines.ReadSlice('\n')
		if err == nil {
			return
		}
		if err != bufio.ErrBufferFull {
			w.b.Fatal(err)
		}
	}
}

func (w *wire) end() {
	w.stdin.Close()
	if err := <-w.ended; err != nil {
		w.b.Error(err)
	}
	w.out.Close()
}

// BenchmarkInitialize measures a whole short life: start, initialize, end.
func BenchmarkInitialize(b *testing.B) {
	for _, tr := range transports {
		b.Run(tr.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				start(b, newMCP(), tr.run).end()
			}
		})
	}
}

// BenchmarkCall measures tool calls, by era and by how many are under way.
func BenchmarkCall(b *testing.B) {
	for _, flight := range []int{1, 16} {
		for era, meta := range map[string]string{"handshake": "", "modern": "," + modern} {
			for _, tr := range transports {
				b.Run(fmt.Sprintf("inflight=%d/%s/%s", flight, era, tr.name), func(b *testing.B) {
					m := newMCP()
					addReporter(m, 0)
					w := start(b, m, tr.run)
					defer w.end()
					line := `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"report","arguments":{"channel":"general","limit":50}` + meta + "}}\n"
					b.ReportAllocs()
					id := 0
					for ; id < flight; id++ {
						w.send(fmt.Sprintf(line, id))
					}
					for b.Loop() {
						w.next()
						w.send(fmt.Sprintf(line, id))
						id++
					}
					for range flight {
						w.next()
					}
				})
			}
		}
	}
}

// BenchmarkUpdate measures the way from ResourceUpdated to the client. The
// library has no such way.
func BenchmarkUpdate(b *testing.B) {
	var s *stdio.Server
	w := start(b, newMCP(), func(ctx context.Context, m *server.MCPServer, in io.Reader, out io.Writer) error {
		s = stdio.New(m, stdio.Options{})
		return s.Run(ctx, in, out)
	})
	defer w.end()
	w.send(`{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"a:1"}}` + "\n")
	w.next()
	for b.Loop() {
		s.ResourceUpdated("a:1")
		w.next()
	}
}
