package process

import (
	"os"

	"golang.org/x/sys/windows"
)

// parentEnd returns a function that reports whether the parent has ended. The number of
// a process may be given to another, so a handle to the parent is kept.
func parentEnd() func() bool {
	parent, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(os.Getppid()))
	if err != nil {
		// There is none to be asked: it has ended, or belongs to somebody else.
		return func() bool { return err == windows.ERROR_INVALID_PARAMETER }
	}
	return func() bool {
		said, err := windows.WaitForSingleObject(parent, 0)
		return err == nil && said == windows.WAIT_OBJECT_0
	}
}
