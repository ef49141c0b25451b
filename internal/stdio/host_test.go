package stdio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

// host is a client that speaks raw lines to a server under test. The pipes
// have no buffer: while the test does not read, the server cannot write.
type host struct {
	t      *testing.T
	server *stdio.Server
	stdin  *io.PipeWriter
	stdout *io.PipeReader
	lines  *bufio.Reader
	stop   context.CancelFunc
	ended  chan error // receives what Run returned
}

// serve starts a server for m. It and its pipes are gone when the test ends.
func serve(t *testing.T, m *server.MCPServer, opts stdio.Options) *host {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	h := &host{
		t: t, server: stdio.New(m, opts), stdin: inW, stdout: outR,
		lines: bufio.NewReader(outR), stop: stop, ended: make(chan error, 1),
	}
	go func() {
		err := h.server.Run(ctx, inR, outW)
		outW.Close()
		h.ended <- err
	}()
	t.Cleanup(func() {
		stop()
		inW.Close()
		outR.Close()
	})
	return h
}

// send writes one line, or several. It may be called by any goroutine.
func (h *host) send(format string, args ...any) {
	h.t.Helper()
	if _, err := fmt.Fprintf(h.stdin, format+"\n", args...); err != nil {
		h.t.Errorf("write to the server: %v", err)
	}
}

// reply is a message of the server, in the parts that tests look at.
type reply struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		URI           string                     `json:"uri"`
		Message       string                     `json:"message"`
		ProgressToken json.RawMessage            `json:"progressToken"`
		Progress      float64                    `json:"progress"`
		Data          any                        `json:"data"`
		RequestID     json.RawMessage            `json:"requestId"`
		Meta          map[string]json.RawMessage `json:"_meta"`
	} `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data"`
	} `json:"error"`
}

func (r reply) tag() string { return string(r.Params.Meta[mcp.MetaKeySubscriptionID]) }

// String is the short form in which tests compare replies.
func (r reply) String() string {
	switch {
	case r.Error != nil:
		return fmt.Sprintf("%s error %d", r.ID, r.Error.Code)
	case r.Method != "":
		return strings.TrimSpace(fmt.Sprintf("%s %s%s", r.Method, r.Params.URI, r.tag()))
	default:
		return fmt.Sprintf("%s result", r.ID)
	}
}

// next reads one message.
func (h *host) next() reply {
	h.t.Helper()
	r, err := h.tryNext()
	if err != nil {
		h.t.Fatalf("read from the server: %v", err)
	}
	return r
}

func (h *host) tryNext() (reply, error) {
	line, err := h.lines.ReadBytes('\n')
	if err != nil {
		return reply{}, err
	}
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		return reply{}, fmt.Errorf("the server wrote %q: %w", line, err)
	}
	return r, nil
}

// until reads messages up to the one that answers id, which comes last.
func (h *host) until(id string) []reply {
	h.t.Helper()
	var all []reply
	for {
		r := h.next()
		all = append(all, r)
		if r.Method == "" && string(r.ID) == id {
			return all
		}
	}
}

// nextN reads n messages and returns them in their short form.
func (h *host) nextN(n int) []string {
	h.t.Helper()
	var all []string
	for range n {
		all = append(all, h.next().String())
	}
	return all
}

// rest reads to the end of the server's output.
func (h *host) rest() []reply {
	h.t.Helper()
	var all []reply
	for {
		r, err := h.tryNext()
		if err == io.EOF {
			return all
		}
		if err != nil {
			h.t.Fatalf("read from the server: %v", err)
		}
		all = append(all, r)
	}
}

// probe lets the server come to rest, then asks for something that is answered
// at once, and returns what the server wrote before that answer. It works in a
// bubble of synctest only.
func (h *host) probe() []reply {
	h.t.Helper()
	synctest.Wait()
	h.send(`{"jsonrpc":"2.0","id":"probe","method":"ping"}`)
	all := h.until(`"probe"`)
	return all[:len(all)-1]
}

// initialize shakes hands with the given client capabilities.
func (h *host) initialize(capabilities string) {
	h.t.Helper()
	h.send(`{"jsonrpc":"2.0","id":"init","method":"initialize","params":{"protocolVersion":"2025-11-25","clientInfo":{"name":"t","version":"1"},"capabilities":%s}}`, capabilities)
	if r := h.next(); r.String() != `"init" result` {
		h.t.Fatalf("initialize was answered with %s", r)
	}
	h.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
}

// modern is the _meta of a request of 2026-07-28.
const modern = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}},"io.modelcontextprotocol/logLevel":"debug"}`

func (h *host) call(id, tool string) {
	h.t.Helper()
	h.send(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":{}}}`, id, tool)
}

func (h *host) cancel(id string) {
	h.t.Helper()
	h.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}`, id)
}

// newMCP returns a server with every capability and a ping-like tool.
func newMCP(opts ...server.ServerOption) *server.MCPServer {
	opts = append([]server.ServerOption{
		server.WithToolCapabilities(true),
		server.WithResourceCapabilities(true, true),
		server.WithPromptCapabilities(true),
		server.WithLogging(),
	}, opts...)
	return server.NewMCPServer("test", "1", opts...)
}

type toolFunc = func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error)

func addTool(m *server.MCPServer, name string, f toolFunc) {
	m.AddTool(mcp.NewToolWithRawSchema(name, "", json.RawMessage(`{"type":"object"}`)), f)
}

func done(text string) (*mcp.CallToolResult, error) { return mcp.NewToolResultText(text), nil }

func short(all []reply) []string {
	s := make([]string, 0, len(all))
	for _, r := range all {
		s = append(s, r.String())
	}
	return s
}
