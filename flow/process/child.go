package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

const (
	// killGrace is how long a killed process may take to be gone. That is no time at all,
	// unless the machine is too busy to bury it, or a device keeps it.
	killGrace = 5 * time.Second
	// drainTime bounds the reading after the end of a process: what it started and let
	// go may hold its pipes for ever.
	drainTime = 200 * time.Millisecond
)

// child is a process in a group of its own, with pipes of its own.
type child struct {
	cmd   *exec.Cmd
	group *group
	stdin *os.File
	done  chan struct{} // closed when it is reaped, its group killed, its output read
}

// launch is what a child is started with.
type launch struct {
	command []string
	env     []string
	dir     string
	// diesWithThread kills it when the thread that started it ends, where the system can.
	diesWithThread bool
	// stdout and stderr read the child's output until its end.
	stdout, stderr func(io.Reader)
}

func (l launch) start() (*child, error) {
	if len(l.command) == 0 {
		return nil, errors.New("start backend: no command")
	}
	cmd := exec.Command(l.command[0], l.command[1:]...)
	cmd.Env, cmd.Dir = l.env, l.dir
	cmd.SysProcAttr = attributes(l.diesWithThread)
	ours, theirs, err := pipes()
	if err != nil {
		return nil, fmt.Errorf("start backend: %w", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs[0], theirs[1], theirs[2]
	err = cmd.Start()
	closeAll(theirs)
	if err != nil {
		closeAll(ours)
		return nil, fmt.Errorf("start backend: %w", err)
	}
	c := &child{cmd: cmd, stdin: ours[0], done: make(chan struct{})}
	c.group, err = adopt(cmd.Process)
	if err != nil {
		closeAll(ours)
		cmd.Process.Kill()
		cmd.Wait()
		return nil, fmt.Errorf("start backend: %w", err)
	}
	go c.attend(ours, l)
	return c, nil
}

// attend reads what the child writes, and reaps it.
func (c *child) attend(ours [3]*os.File, l launch) {
	defer close(c.done)
	var readers sync.WaitGroup
	readers.Go(func() { l.stdout(ours[1]) })
	readers.Go(func() { l.stderr(ours[2]) })
	c.cmd.Wait() // its result is in ProcessState; no pipe belongs to cmd
	c.group.kill()
	for _, output := range ours[1:] {
		// Where pipes know no deadline, the group's end has closed them.
		_ = output.SetReadDeadline(time.Now().Add(drainTime))
	}
	readers.Wait()
	c.group.release()
	closeAll(ours)
}

// stop ends the child and its group: by closing its standard input if eof is not zero,
// then by SIGTERM, then by SIGKILL, with time for each. It returns when it is reaped.
func (c *child) stop(eof, term time.Duration) error {
	c.stdin.Close()
	if c.ends(eof) {
		return nil
	}
	c.group.terminate()
	if c.ends(term) {
		return nil
	}
	c.group.kill()
	if c.ends(killGrace + drainTime) {
		return nil
	}
	return &stuckError{c.pid()}
}

// stuckError says that a killed process did not end.
type stuckError struct{ pid int }

func (e *stuckError) Error() string {
	return fmt.Sprintf("stop backend: process %d was killed and has not ended", e.pid)
}

func (c *child) ends(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-c.done:
		return true
	case <-timer.C:
		return false
	}
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// status says how a child ended that is done.
func (c *child) status() string { return c.cmd.ProcessState.String() }

// pipes returns our ends of a child's standard input, output and error, and its own.
func pipes() (ours, theirs [3]*os.File, err error) {
	for i := range ours {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(ours)
			closeAll(theirs)
			return ours, theirs, err
		}
		ours[i], theirs[i] = r, w
		if i == 0 {
			ours[i], theirs[i] = w, r
		}
	}
	return ours, theirs, nil
}

func closeAll(files [3]*os.File) {
	for _, f := range files {
		f.Close() // of a nil file too
	}
}
