//go:build unix

package process

import (
	"os"
	"syscall"
)

func attributes(diesWithThread bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if diesWithThread {
		killWithThread(a)
	}
	return a
}

// group is a process group. Its number is the id of the process that leads it.
type group struct{ id int }

func adopt(leader *os.Process) (*group, error) { return &group{leader.Pid}, nil }

func (g *group) terminate() { g.signal(syscall.SIGTERM) }

func (g *group) kill() { g.signal(syscall.SIGKILL) }

// signal is used while the leader lives or right after it was reaped. The number of a
// group that has members is not given to another; one without members would have to be
// given away and come to lead a group in that moment.
func (g *group) signal(s syscall.Signal) { _ = syscall.Kill(-g.id, s) }

func (g *group) release() {}
