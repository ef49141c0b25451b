//go:build unix

package process_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/backend"
	"github.com/flow-mcp/flow-mcp/flow/process"
)

// The children of these tests are this binary, started again with a role. Each calls the
// test on a socket and holds the line, so that the end of the line is the end of the
// process: no process id is looked at, and no time is guessed.
const (
	roleVariable = "FLOW_TEST_ROLE"
	lineVariable = "FLOW_TEST_LINE"
	// childVariable is the role of a supervisor's child, guardedVariable of a guard's.
	childVariable   = "FLOW_TEST_CHILD"
	guardedVariable = "FLOW_TEST_GUARDED"
	// onceVariable names the file that the first to crash makes.
	onceVariable       = "FLOW_TEST_ONCE"
	idempotentVariable = "FLOW_TEST_IDEMPOTENT"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		play(role)
	}
	code := m.Run()
	if leaked := leaks(); leaked != "" {
		fmt.Println("goroutines of the package are left behind:\n" + leaked)
		code = 1
	}
	os.Exit(code)
}

// leaks waits until no goroutine is in the package, and returns the stacks if one stays.
func leaks() string {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var stacks strings.Builder
		pprof.Lookup("goroutine").WriteTo(&stacks, 1)
		if !strings.Contains(stacks.String(), "flow/process.(") {
			return ""
		}
		if time.Now().After(deadline) {
			return stacks.String()
		}
	}
}

// play is the life of a child. It does not return.
func play(role string) {
	line, err := net.Dial("unix", os.Getenv(lineVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(9)
	}
	fmt.Fprintln(line, role)
	if role == "slow" {
		line.Read(make([]byte, 1)) // until the test has seen enough
	}
	switch role {
	case "good", "slow":
		serve(untilClosed(os.Stdin), os.Stdout)
	case "foreign": // does not look at its standard input
		ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		serve(ctx, os.Stdout)
	case "retiring": // goes on without its port once the test has seen enough
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			line.Read(make([]byte, 1))
			cancel()
		}()
		serve(ctx, os.Stdout)
		fmt.Fprintln(line, "retired")
		forever()
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		serve(context.Background(), os.Stdout)
	case "mute":
		fmt.Fprintln(os.Stderr, "I do not talk to strangers")
		forever()
	case "closed":
		os.Stdout.Close()
		forever()
	case "garbage":
		fmt.Println("Starting up, please wait")
		forever()
	case "long":
		fmt.Println(strings.Repeat("x", 1<<20))
		forever()
	case "portless":
		fmt.Println(`{"token":"abc","port":"0"}`)
		forever()
	case "crashing":
		fmt.Fprintln(os.Stderr, "opening the store")
		fmt.Fprintln(os.Stderr, "token is 5JX3O2QKZVN6T4YB7WUE2RHDLM")
		fmt.Fprintln(os.Stderr, "cannot open the store: disk is full")
		os.Exit(3)
	case "talkative":
		serve(untilClosed(os.Stdin), chatter{})
	case "parent":
		offspring("child", &syscall.SysProcAttr{})
		serve(untilClosed(os.Stdin), os.Stdout)
	case "foreign parent":
		offspring("child", &syscall.SysProcAttr{})
		ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		serve(ctx, os.Stdout)
	case "parent of a stray":
		offspring("stray", &syscall.SysProcAttr{Setsid: true})
		serve(untilClosed(os.Stdin), os.Stdout)
	case "child":
		signal.Ignore(syscall.SIGTERM)
		forever()
	case "stray": // in a session of its own, until the test hangs up
		io.Copy(io.Discard, line)
	case "supervisor": // a process that keeps a backend, like the one that serves MCP
		supervise()
	case "guard":
		os.Setenv(roleVariable, os.Getenv(guardedVariable))
		if err := process.Guard(context.Background(), os.Stdin, os.Stdout, os.Stderr, os.Args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(0)
}

// untilClosed returns a context that ends when standard input does.
func untilClosed(stdin io.Reader) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, stdin)
		cancel()
	}()
	return ctx
}

func forever() {
	for {
		time.Sleep(time.Hour)
	}
}

// chatter writes a handshake and goes on writing, far more than any pipe holds.
type chatter struct{}

func (chatter) Write(p []byte) (int, error) {
	os.Stdout.Write(p)
	text := strings.Repeat("and another thing: ", 50) + "\n"
	for range 500 {
		io.WriteString(os.Stdout, text)
	}
	io.WriteString(os.Stderr, strings.Repeat("x", 1<<20)) // a line that does not end
	for range 500 {
		io.WriteString(os.Stderr, text)
	}
	io.WriteString(os.Stderr, "\nthat was all\n")
	return len(p), nil
}

// offspring starts a grandchild that holds our output.
func offspring(role string, attributes *syscall.SysProcAttr) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = os.Stdout, os.Stderr, attributes
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

func supervise() {
	s := &process.Supervisor{
		Own: true, Command: os.Args[:1], HandshakeTimeout: patience,
		Env: environment(os.Getenv(childVariable), os.Getenv(lineVariable)),
	}
	go s.Run(context.Background())
	if _, err := s.Endpoint(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	forever()
}

func serve(ctx context.Context, ready io.Writer) {
	s := backend.Server{Caller: scripted{}, Log: slog.New(slog.NewJSONHandler(os.Stderr, nil))}
	if err := s.Serve(ctx, 0, ready); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// scripted is an engine of very few words.
type scripted struct{}

func (scripted) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	switch method {
	case "Config":
		idempotent := os.Getenv(idempotentVariable) != ""
		return json.Marshal(flow.Backend{Name: "scripted", Idempotent: idempotent})
	case "NewSession":
		return json.RawMessage(`{"SessionID":1}`), nil
	case "StartUpLocal":
		return json.RawMessage(`{"accountId":"A"}`), nil
	case "WaitForNotification":
		<-ctx.Done()
		return nil, context.Cause(ctx)
	case "Ping": // until it is allowed
		allowed := make(chan os.Signal, 1)
		signal.Notify(allowed, syscall.SIGUSR1)
		fmt.Fprintln(os.Stderr, "ping has come")
		<-allowed
	case "BuildNumber":
		return json.Marshal(fmt.Sprint(os.Getpid()))
	case "SendMessage", "EnumerateOrgs": // ends in the middle of the first
		if first(os.Getenv(onceVariable)) {
			os.Exit(4)
		}
		return json.Marshal([]flow.Org{})
	}
	return json.RawMessage(`null`), nil
}

// first reports whether no process has asked for this name before.
func first(name string) bool {
	if name == "" {
		return false
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// environment is what a child in a role is started with.
func environment(role, line string, more ...string) []string {
	// The race detector makes every process take a second to exit.
	env := append(os.Environ(), "GORACE=atexit_sleep_ms=0", roleVariable+"="+role, lineVariable+"="+line)
	return append(env, more...)
}

// patience bounds what should take no time, on a busy machine too.
const patience = time.Minute

// lines is where children call.
type lines struct {
	address string
	calls   chan *line
}

// line is held by one child for as long as it lives.
type line struct {
	role string
	conn *net.UnixConn
	in   *bufio.Reader
}

func listen(t *testing.T) *lines {
	t.Helper()
	listener, err := listenAt(t)
	if err != nil {
		t.Fatal(err)
	}
	l := &lines{listener.Addr().String(), make(chan *line, 1000)}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.AcceptUnix()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			role, err := in.ReadString('\n')
			if err != nil { // it was ended before it could say who it is
				conn.Close()
				continue
			}
			l.calls <- &line{strings.TrimSpace(role), conn, in}
		}
	}()
	return l
}

// listenAt makes a socket in a directory whose path is short enough for one.
func listenAt(tb testing.TB) (*net.UnixListener, error) {
	dir, err := os.MkdirTemp("", "line-")
	if err != nil {
		return nil, err
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: filepath.Join(dir, "s")})
}

// next returns the line of the child that calls next.
func (l *lines) next(t *testing.T, role string) *line {
	t.Helper()
	select {
	case one := <-l.calls:
		t.Cleanup(func() { one.conn.Close() })
		if one.role != role {
			t.Fatalf("%q has called, want %q", one.role, role)
		}
		return one
	case <-time.After(patience):
		t.Fatalf("no %q has called within %v", role, patience)
		return nil
	}
}

// gone waits for the end of the child.
func (l *line) gone(t *testing.T) {
	t.Helper()
	l.conn.SetReadDeadline(time.Now().Add(patience))
	// A killed process may reset its line; what counts is that it is no timeout.
	_, err := io.Copy(io.Discard, l.in)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		t.Fatalf("the %s is still there after %v", l.role, patience)
	}
}

// there reports whether the child holds its line at this moment. The kernel hangs up before
// a process can be reaped, so one that was has let go.
func (l *line) there(t *testing.T) bool {
	t.Helper()
	raw, err := l.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	there := false
	err = raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		there = errors.Is(err, syscall.EAGAIN)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}
