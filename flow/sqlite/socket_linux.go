package sqlite

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerUser asks the kernel which user is at the other end.
func peerUser(conn *net.UnixConn) (uid int, known bool, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, false, err
	}
	var peer *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return 0, false, err
	}
	if failed != nil {
		return 0, false, failed
	}
	return int(peer.Uid), true, nil
}
