//go:build unix

package process

import "os"

// parentEnd returns a function that reports whether the parent has ended. Whose parent
// ends is given to another.
func parentEnd() func() bool {
	parent := os.Getppid()
	return func() bool { return os.Getppid() != parent }
}
