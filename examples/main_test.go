//go:build unix

// Package examples_test runs the scripts in testdata through the real binary and real
// clients. They are the end-to-end tests of the whole product, and short enough to learn
// it from.
//
// Beside the commands of testscript a script has:
//
//	host NAME [FLAGS]            start a server as a host does; NAME is its account,
//	                             and it may send and save files in $WORK
//	modern-host NAME [FLAGS]     the same, in protocol 2026-07-28
//	answer-host ACTION ERA NAME [FLAGS]
//	                             a host whose user answers every question with ACTION:
//	                             accept, decline or cancel; ERA is handshake or modern
//	[!] call NAME TOOL JSON      call a tool; its text is stdout, its structure is stderr
//	[!] read NAME URI            read a resource
//	list NAME                    list resources: one line of URI and name each
//	subscribe NAME URI           subscribe to a resource
//	wait-update NAME URI         wait until an update of it has arrived
//	kill-backend NAME            SIGKILL to the backend of the host's server
//	stop-backend NAME            SIGSTOP to it: it is there and does not answer
//	continue-backend NAME        SIGCONT to it
//	kill-server NAME             SIGKILL to the server itself
//	close NAME                   close its standard input
//	gone NAME                    wait until no process of it is left
//	tail NAME [FLAGS]            start flow-mcp tail; NAME is its account
//	line NAME REGEXP             wait for its next line, which must match
//	ended NAME                   wait until it has ended well, with nothing left to read
//	interrupt NAME               SIGINT to it, then as ended
//	hang-up NAME                 close the pipe that it writes to
//	kill-tail NAME               SIGKILL to it
//	kill-tail-backend NAME       SIGKILL to its backend
//
// $channel is the URI of the channel general once any host has listed resources.
package examples_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "flow-mcp-examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "flow-mcp")
	build := exec.Command("go", "build", "-o", binary, "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			hosts := newHosts(env)
			env.Values[hostsKey{}] = hosts
			env.Defer(hosts.closeAll)
			env.Values[tailsKey{}] = newTails(env)
			env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("BINARY", binary)
			env.Setenv("FLOW_MCP_DATA_DIR", filepath.Join(env.WorkDir, "store"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"host":         cmdHost,
			"modern-host":  cmdModernHost,
			"answer-host":  cmdAnswerHost,
			"call":         cmdCall,
			"read":         cmdRead,
			"list":         cmdList,
			"subscribe":    cmdSubscribe,
			"wait-update":  cmdWaitUpdate,
			"kill-backend": cmdKillBackend,
			"kill-server":  cmdKillServer,
			"close":        cmdClose,
			"gone":         cmdGone,

			"stop-backend":     cmdSignalBackend(syscall.SIGSTOP),
			"continue-backend": cmdSignalBackend(syscall.SIGCONT),

			"tail":              cmdTail,
			"line":              cmdLine,
			"interrupt":         cmdInterrupt,
			"ended":             cmdEnded,
			"hang-up":           cmdHangUp,
			"kill-tail":         cmdKillTail,
			"kill-tail-backend": cmdKillTailBackend,
		},
	})
}

// patience bounds one command of a script.
func patience() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patienceTime)
}
