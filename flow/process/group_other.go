//go:build unix && !linux

package process

import "syscall"

// killWithThread does nothing: these systems have no such signal.
func killWithThread(*syscall.SysProcAttr) {}
