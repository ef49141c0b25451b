package sqlite

import (
	"os"
	"runtime"
)

// Processors returns what a process that keeps a store should give to
// [runtime.GOMAXPROCS] when it starts: one more than it is, unless somebody has set it.
//
// SQLite is Go code here, and its connections share a few locks. Who had to wait for one goes
// on only when the goroutine that released it pauses, up to 10 ms later, if as many are at work
// as there may be: the one that indexes, the one that writes. With one more it is the kernel
// that shares, and it prefers who has waited. To set it ends Go's following of a container
// whose share of the processors changes.
func Processors() int {
	n := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		n++
	}
	return n
}
