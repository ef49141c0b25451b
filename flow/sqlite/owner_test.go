package sqlite

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestHello(t *testing.T) {
	dir := t.TempDir()
	account(t, join(t, dir), "alice")
	cases := []struct {
		name   string
		change func(*hello)
		want   error
		says   []string
	}{
		{"right", func(*hello) {}, nil, nil},
		{"newer protocol", func(h *hello) { h.Protocol, h.Version = 99, "future" }, flow.Conflict,
			[]string{"protocol 99", "protocol 1", `"future"`, `"test"`, fmt.Sprintf("end process %d", os.Getpid())}},
		{"older protocol", func(h *hello) { h.Protocol, h.Process = 0, 4242 }, flow.Conflict,
			[]string{"protocol 0", "protocol 1", "end process 4242"}},
		{"wrong token", func(h *hello) { h.Token = "guess" }, flow.Denied, []string{"token"}},
		{"no member", func(h *hello) { h.Member = "" }, flow.Invalid, []string{"member"}},
		{"no number of a session", func(h *hello) { h.Newest = -1 }, flow.Invalid, []string{"session"}},
		{"endless sessions", func(h *hello) { h.Newest = maxSession + 1 }, flow.Invalid, []string{"session"}},
		{"endless member", func(h *hello) { h.Member = strings.Repeat("x", 65) }, flow.Invalid, []string{"member"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			stream, owner, err := ask(t, dir, c.change)
			if !errors.Is(err, c.want) && err != c.want {
				t.Fatalf("Hello: %v, want %v", err, c.want)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			_, err = stream.Call(t.Context(), "BuildNumber", json.RawMessage("{}"))
			if c.want == nil && (err != nil || owner.Process != os.Getpid() || owner.Token != "") {
				t.Errorf("after Hello: %v, %+v", err, owner)
			}
			if c.want != nil && !errors.Is(err, flow.Denied) {
				t.Errorf("a call without Hello: %v, want Denied", err)
			}
		})
	}
}

func TestHelloTwice(t *testing.T) {
	dir := t.TempDir()
	account(t, join(t, dir), "alice")
	stream, _, err := ask(t, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	place, err := newPlace(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := place.token(false)
	if err != nil {
		t.Fatal(err)
	}
	params, err := json.Marshal(hello{Protocol: protocol, Member: "other", Token: token})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Call(t.Context(), helloMethod, params); !errors.Is(err, flow.Invalid) {
		t.Errorf("a second Hello: %v", err)
	}
}

// A member that cannot work with the owner says so, and starts to work when the owner is
// gone.
func TestMemberOfAnotherProtocol(t *testing.T) {
	dir := t.TempDir()
	old := join(t, dir)
	account(t, old, "alice")
	m := join(t, dir)
	account(t, m, "bob")
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}

	m = joinAs(t, dir, func(h *hello) { h.Protocol++ })
	_, err := flow.NewSession.Call(t.Context(), m, flow.NewSessionInput{})
	if !errors.Is(err, flow.Conflict) {
		t.Errorf("a call at an owner of another protocol: %v", err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other is the owner", func() bool {
		_, err := flow.NewSession.Call(t.Context(), m, flow.NewSessionInput{})
		return err == nil
	})
}

// Older owners make room for a process that knows newer tables, and then work with it.
func TestNewerTakesOver(t *testing.T) {
	dir := t.TempDir()
	var old []*seat
	for i := range 3 {
		old = append(old, account(t, join(t, dir), fmt.Sprint("old", i)))
	}
	newer := joinAs(t, dir, func(h *hello) { h.Schema, h.Version = h.Schema+1, "newer" })
	s := account(t, newer, "newer")
	if err := s.send(t.Context(), "from newer"); err != nil {
		t.Fatal(err)
	}
	_, owner, err := ask(t, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if owner.Version != "newer" {
		t.Errorf("the owner is %q, want the newer one", owner.Version)
	}
	for _, s := range old {
		if diff := cmp.Diff([]string{"from newer"}, texts(t, s, "from newer")); diff != "" {
			t.Errorf("%s sees (-want +got):\n%s", s.name, diff)
		}
	}
}

// A member that does not read what it asked for holds up nobody else.
func TestFrozenMember(t *testing.T) {
	dir := t.TempDir()
	alice, bob := account(t, join(t, dir), "alice"), account(t, join(t, dir), "bob")
	if err := bob.send(t.Context(), strings.Repeat("x", flow.MaxText)); err != nil {
		t.Fatal(err)
	}
	frozen := dialRaw(t, dir)
	var session flow.NewSessionOutput
	frozen.call(t, "NewSession", "{}", &session)
	started := fmt.Sprintf(`{"SessionID":%d,"Username":"frozen"}`, session.SessionID)
	frozen.call(t, "StartUpLocal", started, &flow.Home{})
	for range 1000 {
		frozen.send(t, "EnumerateMessages", fmt.Sprintf(`{"SessionID":%d,"ChannelID":%q}`, session.SessionID, bob.channel))
	}
	for i := range 20 {
		text := fmt.Sprint("message ", i)
		if err := bob.send(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		got := texts(t, alice, text)
		if diff := cmp.Diff(text, got[len(got)-1]); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}

// rawConn is a connection to the owner that is read only when one wants to.
type rawConn struct {
	net.Conn
	next uint64
}

// dialRaw connects to the owner and says hello.
func dialRaw(t *testing.T, dir string) *rawConn {
	t.Helper()
	place, err := newPlace(dir)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := place.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	token, err := place.token(false)
	if err != nil {
		t.Fatal(err)
	}
	c := &rawConn{Conn: conn}
	c.call(t, helloMethod, fmt.Sprintf(`{"protocol":%d,"member":"raw","token":%q}`, protocol, token), &hello{})
	return c
}

func (c *rawConn) send(t *testing.T, method, params string) {
	t.Helper()
	c.next++
	request := flow.EncodeRequest(c.next, method, json.RawMessage(params), "")
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)); err != nil {
		t.Fatal(err)
	}
}

func (c *rawConn) call(t *testing.T, method, params string, result any) {
	t.Helper()
	c.send(t, method, params)
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(c, reply); err != nil {
		t.Fatal(err)
	}
	said, err := flow.DecodeReply(reply)
	if err == nil {
		err = json.Unmarshal(said.Result, result)
	}
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

func TestSocketIsPrivate(t *testing.T) {
	dir := t.TempDir()
	account(t, join(t, dir), "alice")
	if runtime.GOOS == "windows" {
		return // modes mean nothing there
	}
	for _, name := range []string{"socket", "token", "lock"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

func TestPeer(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := checkPeer(conn, os.Geteuid()); err != nil {
		t.Errorf("a process of this user: %v", err)
	}
	if p, known, _ := peerOf(conn.(*net.UnixConn)); known {
		if p.process != os.Getpid() {
			t.Errorf("process %d is at the other end, want %d", p.process, os.Getpid())
		}
		if _, err := checkPeer(conn, os.Geteuid()+1); !errors.Is(err, flow.Denied) {
			t.Errorf("a process of another user: %v", err)
		}
	}
}

func TestShortDirOfSomebodyElse(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // it lies in a directory of the user there
	}
	place, err := newPlace(longDir(t))
	if err != nil {
		t.Fatal(err)
	}
	parent := filepath.Dir(place.socket)
	if err := os.Mkdir(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(parent)
	m := join(t, place.dir)
	if _, err := flow.NewSession.Call(t.Context(), m, flow.NewSessionInput{}); !errors.Is(err, flow.Denied) {
		t.Errorf("a socket in an open directory: %v", err)
	}
}
