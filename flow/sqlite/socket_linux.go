package sqlite

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who is at the other end.
func peerOf(conn *net.UnixConn) (n neighbour, known bool, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return n, false, err
	}
	var said *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		said, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return n, false, err
	}
	if failed != nil {
		return n, false, failed
	}
	return neighbour{user: int(said.Uid), process: int(said.Pid)}, true, nil
}
