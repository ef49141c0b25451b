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
	var said *unix.Xucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		said, failed = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		n.process, _ = unix.GetsockoptInt(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERPID) // only to name it
	})
	if err != nil {
		return n, false, err
	}
	if failed != nil {
		return n, false, failed
	}
	n.user = int(said.Uid)
	return n, true, nil
}
