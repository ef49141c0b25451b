package sqlite

import (
	"os"
	"runtime"
)

// Processors returns what a process that keeps a store should give to
// [runtime.GOMAXPROCS]: one more than Go would take, or what somebody has set.
//
// SQLite is Go code here, and its connections share a few locks. Who had to wait for one goes
// on only when the goroutine that released it pauses, up to 10 ms later, if as many are at work
// as there may be: the one that indexes, the one that writes. With one more it is the kernel
// that shares, and it prefers who has waited.
func Processors() int {
	n := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		n++
	}
	return n
}
