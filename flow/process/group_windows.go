package process

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

func attributes(bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}

// group is a job that ends with its last handle, that is with this process at the
// latest. What a backend starts before it is in the job stays outside of it; the time
// for that is a few microseconds.
type group struct {
	id  uint32
	job windows.Handle
}

func adopt(leader *os.Process) (*group, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("make a job: %w", err)
	}
	g := &group{uint32(leader.Pid), job}
	if err := g.enlist(); err != nil {
		g.release()
		return nil, fmt.Errorf("put process %d into its job: %w", leader.Pid, err)
	}
	return g, nil
}

func (g *group) enlist() error {
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err := windows.SetInformationJobObject(g.job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		return err
	}
	leader, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, g.id)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(leader)
	return windows.AssignProcessToJobObject(g.job, leader)
}

// terminate asks by Ctrl-Break, which reaches programs that share our console only.
func (g *group) terminate() { _ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, g.id) }

func (g *group) kill() { _ = windows.TerminateJobObject(g.job, 1) }

func (g *group) release() { _ = windows.CloseHandle(g.job) }
