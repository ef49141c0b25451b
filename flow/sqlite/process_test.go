package sqlite

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// roleEnv makes the test binary a process that uses a store, which can be killed.
const roleEnv = "FLOW_MCP_TEST_ROLE"

// roles are what such a process may do. It prints lines and ends with its input.
var roles = map[string]func(*seat, []string) error{
	"chat":   chat,
	"load":   load,
	"listen": listen,
	"carry":  carry,
	"hear":   hear,
	"idle":   func(s *seat, _ []string) error { s.say("ready"); s.untilEnd(); return nil },

	"begin a copy":   beginCopy,
	"stop in a move": stopInMove,
}

func TestMain(m *testing.M) {
	role := roles[os.Getenv(roleEnv)]
	if role == nil {
		os.Exit(m.Run())
	}
	if err := play(role, os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// play runs a role of the account name on the store in dir.
func play(role func(*seat, []string) error, dir, name string, args []string) error {
	member, err := enter(context.Background(), dir, func(*hello) {})
	if err != nil {
		return err
	}
	s, err := sit(context.Background(), member, name)
	if err == nil {
		err = role(s, args)
	}
	if closed := member.Close(); err == nil {
		err = closed
	}
	return err
}

// seat is a member with a started account.
type seat struct {
	flow.Session
	member  *Member
	name    string
	channel flow.ChannelID
	input   *bufio.Reader
	mu      sync.Mutex // of the output
}

func sit(ctx context.Context, m *Member, name string) (*seat, error) {
	session, err := flow.NewSession.Call(ctx, m, flow.NewSessionInput{})
	if err != nil {
		return nil, err
	}
	s := &seat{Session: flow.Session{Caller: m, ID: session.SessionID}, member: m, name: name, input: bufio.NewReader(os.Stdin)}
	home, err := flow.StartUpLocal.Call(ctx, s, flow.StartUpLocalInput{Username: name})
	s.channel = home.ChannelID
	return s, err
}

func (s *seat) say(words ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Println(words...)
}

func (s *seat) untilEnd() { io.Copy(io.Discard, s.input) }

func (s *seat) send(ctx context.Context, text string) error {
	_, err := flow.SendMessage.Call(ctx, s, flow.SendMessageInput{ChannelID: s.channel, Text: text})
	return err
}

// seen is a message as it arrived.
type seen struct {
	seq  flow.Cursor
	text string
}

// receive calls f with every message that arrives, until f returns false.
func (s *seat) receive(ctx context.Context, f func(seen) bool) error {
	for {
		batch, err := flow.WaitForNotification.Call(ctx, s, flow.WaitForNotificationInput{})
		if err != nil {
			return err
		}
		for _, n := range batch {
			if n.Type != flow.MessageEvent.Type() {
				continue
			}
			change, err := flow.MessageEvent.Decode(n)
			if err != nil {
				return err
			}
			for _, m := range change.RegularMessages {
				if !f(seen{n.Seq, m.Text}) {
					return nil
				}
			}
		}
	}
}

// texts returns the messages that arrive, up to the last one.
func (s *seat) texts(ctx context.Context, last string) (got []string, err error) {
	err = s.receive(ctx, func(m seen) bool {
		got = append(got, m.text)
		return m.text != last
	})
	return got, err
}

// hear says what arrives in one session.
func hear(s *seat, _ []string) error {
	s.say("ready")
	return s.receive(context.Background(), func(m seen) bool {
		s.say(m.text)
		return m.text != lastWords
	})
}

// lastWords is the message after which a chat is over.
const lastWords = "that is all"

// chat sends numbered messages from several goroutines and says what was acknowledged
// and what arrived. When told to stop it sends no more, and ends with the last words; told
// to leave it ends at once.
func chat(s *seat, args []string) error {
	workers, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	failed := make(chan error, workers+2)
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				text := fmt.Sprintf("%s/%d/%d", s.name, w, i)
				if err := s.send(context.Background(), text); err != nil {
					failed <- fmt.Errorf("send %s: %w", text, err)
					return
				}
				s.say("acked", text)
			}
		})
	}
	go func() {
		line, _ := s.input.ReadString('\n')
		if line != "stop\n" {
			failed <- nil
			return
		}
		stop()
		working.Wait()
		s.say("stopped")
	}()
	go func() {
		failed <- s.receive(context.Background(), func(m seen) bool {
			s.say("seen", m.seq, m.text)
			return m.text != lastWords
		})
	}()
	s.say("ready")
	return <-failed
}

// child is a process with a role.
type child struct {
	command *exec.Cmd
	name    string
	stdin   io.WriteCloser
	lines   *bufio.Scanner
	ended   chan struct{}
	err     error // of the process; read after ended
}

// launch runs a role in a process and waits until it is ready.
func launch(t testing.TB, role, dir, name string, args ...string) *child {
	t.Helper()
	c := spawn(t, role, dir, name, args...)
	c.waitReady(t)
	return c
}

// spawn runs a role in a process.
func spawn(t testing.TB, role, dir, name string, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{command: exec.Command(self, append([]string{dir, name}, args...)...), name: name, ended: make(chan struct{})}
	c.command.Env = append(os.Environ(), roleEnv+"="+role)
	c.command.Stderr = os.Stderr
	if c.stdin, err = c.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, w := io.Pipe()
	c.command.Stdout = w
	c.lines = bufio.NewScanner(stdout)
	if err := c.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		c.err = c.command.Wait()
		w.Close()
		close(c.ended)
	}()
	t.Cleanup(func() {
		c.command.Process.Kill()
		stdout.Close()
		<-c.ended
	})
	return c
}

func (c *child) waitReady(t testing.TB) {
	t.Helper()
	for c.line(t) != "ready" {
	}
}

// line returns the next line that the child says.
func (c *child) line(t testing.TB) string {
	t.Helper()
	if !c.lines.Scan() {
		<-c.ended
		t.Fatalf("%s ended early: %v", c.name, c.err)
	}
	return c.lines.Text()
}

// finish ends the input of the child and waits until it is gone.
func (c *child) finish(t testing.TB) {
	t.Helper()
	c.stdin.Close()
	for c.lines.Scan() {
	}
	if <-c.ended; c.err != nil {
		t.Errorf("%s: %v", c.name, c.err)
	}
}

// join opens a member that is closed at the end of the test.
func join(t testing.TB, dir string) *Member {
	t.Helper()
	return joinAs(t, dir, func(*hello) {})
}

// joinAs opens a member that says other things of itself.
func joinAs(t testing.TB, dir string, change func(*hello)) *Member {
	t.Helper()
	m, err := enter(t.Context(), dir, change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// enter opens a member that waits for an owner as long as a busy machine may take to bring
// one forth.
func enter(ctx context.Context, dir string, change func(*hello)) (*Member, error) {
	place, err := newPlace(dir)
	if err != nil {
		return nil, err
	}
	m, err := newMember(place, Options{Version: "test", Patience: aWhile})
	if err != nil {
		return nil, err
	}
	m.patience = aWhile
	change(&m.self)
	m.start(ctx)
	return m, nil
}

func account(t testing.TB, m *Member, name string) *seat {
	t.Helper()
	s, err := sit(t.Context(), m, name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask says hello to the owner of the store in dir and returns who that is.
func ask(t testing.TB, dir string, change func(*hello)) (*flow.Stream, hello, error) {
	t.Helper()
	place, err := newPlace(dir)
	if err != nil {
		t.Fatal(err)
	}
	var conn net.Conn
	eventually(t, "the owner listens", func() bool {
		conn, err = place.dial(t.Context())
		return err == nil
	})
	stream := flow.NewStream(conn, flow.StreamOptions{})
	t.Cleanup(stream.Close)
	said := hello{Protocol: protocol, Version: "test", Member: "guest"}
	if said.Token, err = place.token(false); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&said)
	}
	params, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	var owner hello
	result, err := stream.Call(t.Context(), helloMethod, params)
	if err == nil {
		err = json.Unmarshal(result, &owner)
	}
	return stream, owner, err
}

// ownerOf returns which of the children owns the store; none when this process does.
func ownerOf(t testing.TB, dir string, children map[string]*child) *child {
	t.Helper()
	var found *child
	eventually(t, "a known process owns the store", func() bool {
		stream, owner, err := ask(t, dir, nil)
		stream.Close()
		for _, c := range children {
			if err == nil && c.command.Process.Pid == owner.Process {
				found = c
			}
		}
		return found != nil || err == nil && owner.Process == os.Getpid()
	})
	return found
}

// aWhile is longer than anything takes here on a busy machine.
const aWhile = 4 * time.Minute

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(aWhile)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v until %s", aWhile, what)
		}
		time.Sleep(time.Millisecond)
	}
}

// longDir returns a directory whose path is too long for a socket.
func longDir(t testing.TB) string {
	return filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
}
