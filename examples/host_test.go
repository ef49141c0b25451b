//go:build unix

package examples_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/rogpeppe/go-internal/testscript"
)

// These only end tests that would hang: patienceTime what one waits for, and wholeTime a test.
const (
	patienceTime = time.Minute
	wholeTime    = 5 * time.Minute
)

type hostsKey struct{}

// hosts are the servers that a script has started.
type hosts struct {
	env *testscript.Env

	mu     sync.Mutex
	byName map[string]*host
}

func newHosts(env *testscript.Env) *hosts { return &hosts{env: env, byName: map[string]*host{}} }

func (h *hosts) get(name string) *host {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.byName[name]
}

func (h *hosts) closeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, one := range h.byName {
		one.close()
	}
}

// host is one server with the client that talks to it.
type host struct {
	client *client.Client
	cmd    *exec.Cmd
	exited chan struct{} // closed when the server is reaped
	stdin  io.WriteCloser
	out    *valve

	mu      sync.Mutex
	updated map[string]bool
	family  []int         // processes that a script expects to end
	changed chan struct{} // closed and replaced at each update
}

// startHost runs the server with our own hands, so that a script can kill it.
func startHost(ctx context.Context, environ []string, era string, args ...string) (*host, error) {
	return startProgram(ctx, binary, nil, environ, era, args...)
}

// startProgram runs a program as a server. Options are those of the client.
func startProgram(
	ctx context.Context, program string, options []client.ClientOption, environ []string, era string, args ...string,
) (*host, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = environ
	cmd.Stderr = os.Stderr
	return startCommand(ctx, cmd, options, era)
}

// startCommand starts a server whose standard input and output nobody has yet.
func startCommand(ctx context.Context, cmd *exec.Cmd, options []client.ClientOption, era string) (*host, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, in, err := os.Pipe() // not StdoutPipe: Wait must not race with the reading client
	if err != nil {
		return nil, err
	}
	cmd.Stdout = in
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	in.Close()
	h := &host{cmd: cmd, stdin: stdin, out: newValve(out), exited: make(chan struct{}), updated: map[string]bool{}, changed: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(h.exited)
	}()
	h.client = client.NewClient(transport.NewIO(h.out, stdin, nopReader{}), options...)
	if err := h.client.Start(context.Background()); err != nil {
		return nil, err
	}
	h.client.OnNotification(h.notified)
	var request mcp.InitializeRequest
	request.Params.ProtocolVersion = era
	request.Params.ClientInfo = mcp.Implementation{Name: "script", Version: "1"}
	_, err = h.client.Initialize(ctx, request)
	return h, err
}

// valve is a reader that can be stopped, as a host that hangs.
type valve struct {
	io.Reader

	mu   sync.Mutex
	open chan struct{} // closed while reads may pass
}

func newValve(r io.Reader) *valve {
	v := &valve{Reader: r, open: make(chan struct{})}
	close(v.open)
	return v
}

func (v *valve) stop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.open = make(chan struct{})
}

func (v *valve) resume() {
	v.mu.Lock()
	defer v.mu.Unlock()
	close(v.open)
}

func (v *valve) Read(p []byte) (int, error) {
	v.mu.Lock()
	open := v.open
	v.mu.Unlock()
	<-open
	return v.Reader.Read(p)
}

// answers is a person who answers every question in the same way.
type answers struct {
	action mcp.ElicitationResponseAction
	asked  io.Writer
}

func (a answers) Elicit(_ context.Context, r mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	fmt.Fprintln(a.asked, r.Params.Message)
	return &mcp.ElicitationResult{ElicitationResponse: mcp.ElicitationResponse{
		Action: a.action, Content: map[string]any{"confirm": true},
	}}, nil
}

// nopReader is the standard error that the transport wants to have.
type nopReader struct{}

func (nopReader) Read([]byte) (int, error) { return 0, os.ErrClosed }
func (nopReader) Close() error             { return nil }

func (h *host) notified(n mcp.JSONRPCNotification) {
	if n.Method != mcp.MethodNotificationResourceUpdated {
		return
	}
	uri, _ := n.Params.AdditionalFields["uri"].(string)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.updated[uri] = true
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *host) subscribe(ctx context.Context, uri string) error {
	var request mcp.SubscribeRequest
	request.Params.URI = uri
	//lint:ignore SA1019 hosts of the older protocol subscribe this way
	return h.client.Subscribe(ctx, request)
}

// waitUpdate takes one update of uri.
func (h *host) waitUpdate(ctx context.Context, uri string) error {
	for {
		h.mu.Lock()
		seen, changed := h.updated[uri], h.changed
		delete(h.updated, uri)
		h.mu.Unlock()
		if seen {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("no update of %s came", uri)
		}
	}
}

func (h *host) close() {
	_ = h.stdin.Close()
	select {
	case <-h.exited:
	case <-time.After(patienceTime):
		_ = h.cmd.Process.Kill()
		<-h.exited
	}
}

// children returns the process ids below the server.
func children(pid int) []int {
	out, err := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil
	}
	var ids []int
	for _, field := range strings.Fields(string(out)) {
		if id, err := strconv.Atoi(field); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// descendants returns a process and all below it.
func descendants(pid int) []int {
	all := []int{pid}
	for _, child := range children(pid) {
		all = append(all, descendants(child)...)
	}
	return all
}

func kill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func (h *host) call(ctx context.Context, tool, arguments string) (*mcp.CallToolResult, error) {
	var request mcp.CallToolRequest
	request.Params.Name = tool
	request.Params.Arguments = json.RawMessage(arguments)
	return h.client.CallTool(ctx, request)
}

func text(content []mcp.Content) string {
	var all []string
	for _, c := range content {
		if one, ok := c.(mcp.TextContent); ok {
			all = append(all, one.Text)
		}
	}
	return strings.Join(all, "\n") + "\n"
}
