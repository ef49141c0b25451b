//go:build unix

package examples_test

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// tailing is one flow-mcp tail.
type tailing struct {
	cmd   *exec.Cmd
	out   *os.File
	lines chan string // closed at the end of the output
}

type tailsKey struct{}

// tails are those that a script has started, by the names of their accounts.
type tails map[string]*tailing

func newTails(env *testscript.Env) tails {
	all := tails{}
	env.Defer(func() {
		for _, one := range all {
			_ = one.cmd.Process.Kill()
			_ = one.cmd.Wait()
			one.out.Close()
		}
	})
	return all
}

// cmdTail starts the program. What it says on standard error may come at any time, and is no
// script's.
func cmdTail(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: tail NAME [FLAGS]")
	}
	out, in, err := os.Pipe()
	ts.Check(err)
	cmd := exec.Command(binary, append([]string{"tail", "--log-level", "warn", "--account", args[0]}, args[1:]...)...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = []string{"HOME=" + ts.Getenv("WORK"), "PATH=" + ts.Getenv("PATH"), "FLOW_MCP_DATA_DIR=" + ts.Getenv("FLOW_MCP_DATA_DIR"), "TZ=UTC"}
	cmd.Stdout, cmd.Stderr = in, os.Stderr
	ts.Check(cmd.Start())
	in.Close()
	one := &tailing{cmd: cmd, out: out, lines: make(chan string, 1000)}
	go func() {
		defer close(one.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			one.lines <- scanner.Text()
		}
	}()
	ts.Value(tailsKey{}).(tails)[args[0]] = one
}

func tailOf(ts *testscript.TestScript, args []string, n int, usage string) *tailing {
	if len(args) != n {
		ts.Fatalf("usage: %s", usage)
	}
	one := ts.Value(tailsKey{}).(tails)[args[0]]
	if one == nil {
		ts.Fatalf("there is no tail of %s", args[0])
	}
	return one
}

// cmdLine takes the next line, which must match: nothing may be skipped or repeated.
func cmdLine(ts *testscript.TestScript, _ bool, args []string) {
	one := tailOf(ts, args, 2, "line NAME REGEXP")
	select {
	case line, ok := <-one.lines:
		if !ok || !regexp.MustCompile(args[1]).MatchString(line) {
			ts.Fatalf("the next line of %s is %q, want %s", args[0], line, args[1])
		}
	case <-time.After(patienceTime):
		ts.Fatalf("no line of %s came, want %s", args[0], args[1])
	}
}

// cmdInterrupt ends a tail as a person does. It must end well, with nothing unread.
func cmdInterrupt(ts *testscript.TestScript, _ bool, args []string) {
	one := tailOf(ts, args, 1, "interrupt NAME")
	ts.Check(one.cmd.Process.Signal(syscall.SIGINT))
	ended(ts, args[0], one)
}

// cmdEnded waits until a tail has ended by itself.
func cmdEnded(ts *testscript.TestScript, _ bool, args []string) {
	ended(ts, args[0], tailOf(ts, args, 1, "ended NAME"))
}

func ended(ts *testscript.TestScript, name string, one *tailing) {
	ts.Check(one.cmd.Wait())
	for line := range one.lines {
		ts.Fatalf("%s has printed %q, too", name, line)
	}
}

// cmdHangUp closes the pipe that a tail writes to.
func cmdHangUp(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(tailOf(ts, args, 1, "hang-up NAME").out.Close())
}

func cmdKillTail(ts *testscript.TestScript, _ bool, args []string) {
	one := tailOf(ts, args, 1, "kill-tail NAME")
	ts.Check(one.cmd.Process.Kill())
	_ = one.cmd.Wait()
}

func cmdKillTailBackend(ts *testscript.TestScript, _ bool, args []string) {
	ids := children(tailOf(ts, args, 1, "kill-tail-backend NAME").cmd.Process.Pid)
	if len(ids) != 1 {
		ts.Fatalf("the tail of %s has %d children, want its backend alone", args[0], len(ids))
	}
	ts.Check(kill(ids[0]))
}
