package sqlite

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"github.com/flow-mcp/flow-mcp/flow"
)

// listen opens the socket of the owner.
func (p place) listen() (net.Listener, error) {
	if err := p.prepare(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("unix", p.socket)
	if err != nil {
		return nil, unusable(p.dir, err)
	}
	if runtime.GOOS == "windows" { // which has no modes, and does not open sockets as files
		return listener, nil
	}
	if err := os.Chmod(p.socket, 0o600); err != nil {
		listener.Close()
		return nil, unusable(p.dir, err)
	}
	return listener, nil
}

// clear closes the socket of the owner and leaves nothing of it behind.
func (p place) clear(listener net.Listener) {
	listener.Close()
	if parent := filepath.Dir(p.socket); parent != p.dir {
		os.Remove(parent) // the next owner makes it again
	}
}

// dial connects to the owner.
func (p place) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", p.socket)
}

// neighbour is a process at the other end of a socket.
type neighbour struct {
	user, process int // the process is 0 when the system does not say which it is
}

// String names the process.
func (n neighbour) String() string {
	if n.process == 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d", n.process)
}

// checkPeer returns who is at the other end of conn, and refuses a process of another user
// than user.
func checkPeer(conn net.Conn, user int) (neighbour, error) {
	n, known, err := peerOf(conn.(*net.UnixConn))
	if err != nil {
		return n, flow.Errorf(flow.Denied, "the system does not say who is at the other end of the socket: %v", err)
	}
	if known && n.user != user {
		return n, flow.Errorf(flow.Denied, "user %d is at the other end of the socket of the store, not %d; "+
			"every user needs a data directory of their own", n.user, user)
	}
	return n, nil
}
