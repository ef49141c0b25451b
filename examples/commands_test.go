//go:build unix

package examples_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/rogpeppe/go-internal/testscript"
)

func scriptHosts(ts *testscript.TestScript) *hosts { return ts.Value(hostsKey{}).(*hosts) }

// named returns the host of the first argument.
func named(ts *testscript.TestScript, args []string, most int, usage string) *host {
	if len(args) == 0 || len(args) > most {
		ts.Fatalf("usage: %s", usage)
	}
	h := scriptHosts(ts).get(args[0])
	if h == nil {
		ts.Fatalf("no host is called %s", args[0])
	}
	return h
}

// settle compares how a command ended with what the script expects.
func settle(ts *testscript.TestScript, neg bool, err error) {
	if err != nil {
		ts.Logf("%v", err)
	}
	if neg && err == nil {
		ts.Fatalf("succeeded, and should not")
	}
	if !neg {
		ts.Check(err)
	}
}

func cmdHost(ts *testscript.TestScript, neg bool, args []string) {
	begin(ts, neg, args, mcp.LATEST_LEGACY_PROTOCOL_VERSION)
}

func cmdModernHost(ts *testscript.TestScript, neg bool, args []string) {
	begin(ts, neg, args, mcp.LATEST_PROTOCOL_VERSION)
}

func cmdAnswerHost(ts *testscript.TestScript, neg bool, args []string) {
	eras := map[string]string{"handshake": mcp.LATEST_LEGACY_PROTOCOL_VERSION, "modern": mcp.LATEST_PROTOCOL_VERSION}
	if len(args) < 3 || eras[args[1]] == "" {
		ts.Fatalf("usage: answer-host ACTION handshake|modern NAME [FLAGS]")
	}
	person := answers{mcp.ElicitationResponseAction(args[0]), ts.Stdout()}
	begin(ts, neg, args[2:], eras[args[1]], client.WithElicitationHandler(person))
}

func begin(ts *testscript.TestScript, neg bool, args []string, era string, options ...client.ClientOption) {
	if len(args) == 0 {
		ts.Fatalf("usage: host NAME [FLAGS]")
	}
	ctx, cancel := patience()
	defer cancel()
	environ := []string{"HOME=" + ts.Getenv("WORK"), "PATH=" + ts.Getenv("PATH"),
		"FLOW_MCP_DATA_DIR=" + ts.Getenv("FLOW_MCP_DATA_DIR"), "FLOW_MCP_BACKEND=" + ts.Getenv("FLOW_MCP_BACKEND")}
	cmd := exec.Command(binary, append([]string{"--account", args[0], "--folder", ts.Getenv("WORK")}, args[1:]...)...)
	cmd.Env, cmd.Stderr, cmd.Dir = environ, os.Stderr, ts.Getenv("WORK")
	h, err := startCommand(ctx, cmd, options, era)
	if h != nil {
		all := scriptHosts(ts)
		all.mu.Lock()
		all.byName[args[0]] = h
		all.mu.Unlock()
	}
	settle(ts, neg, err)
}

func cmdCall(ts *testscript.TestScript, neg bool, args []string) {
	h := named(ts, args, 3, "call NAME TOOL [JSON]")
	arguments := "{}"
	if len(args) == 3 {
		arguments = args[2]
	}
	ctx, cancel := patience()
	defer cancel()
	result, err := h.call(ctx, args[1], arguments)
	if err == nil {
		_, _ = ts.Stdout().Write([]byte(text(result.Content)))
		structure, _ := json.Marshal(result.StructuredContent)
		_, _ = ts.Stderr().Write(append(structure, '\n'))
		if result.IsError {
			err = fmt.Errorf("tool error: %s", text(result.Content))
		}
	}
	settle(ts, neg, err)
}

func cmdRead(ts *testscript.TestScript, neg bool, args []string) {
	h := named(ts, args, 2, "read NAME URI")
	ctx, cancel := patience()
	defer cancel()
	var request mcp.ReadResourceRequest
	request.Params.URI = args[1]
	result, err := h.client.ReadResource(ctx, request)
	if err == nil {
		for _, c := range result.Contents {
			if one, ok := c.(mcp.TextResourceContents); ok {
				fmt.Fprintln(ts.Stdout(), one.Text)
			}
		}
	} else {
		fmt.Fprintln(ts.Stderr(), err)
	}
	settle(ts, neg, err)
}

func cmdList(ts *testscript.TestScript, neg bool, args []string) {
	h := named(ts, args, 1, "list NAME")
	ctx, cancel := patience()
	defer cancel()
	result, err := h.client.ListResources(ctx, mcp.ListResourcesRequest{})
	if err == nil {
		for _, r := range result.Resources {
			fmt.Fprintln(ts.Stdout(), r.URI, r.Name)
			if strings.HasSuffix(r.Name, "general") {
				ts.Setenv("channel", r.URI)
			}
		}
	}
	settle(ts, neg, err)
}

func cmdSubscribe(ts *testscript.TestScript, neg bool, args []string) {
	h := named(ts, args, 2, "subscribe NAME URI")
	ctx, cancel := patience()
	defer cancel()
	settle(ts, neg, h.subscribe(ctx, args[1]))
}

func cmdWaitUpdate(ts *testscript.TestScript, neg bool, args []string) {
	h := named(ts, args, 2, "wait-update NAME URI")
	ctx, cancel := patience()
	defer cancel()
	settle(ts, neg, h.waitUpdate(ctx, args[1]))
}

func cmdKillBackend(ts *testscript.TestScript, _ bool, args []string) {
	h := named(ts, args, 1, "kill-backend NAME")
	ids := children(h.cmd.Process.Pid)
	if len(ids) != 1 {
		ts.Fatalf("the server of %s has %d children, want its backend alone", args[0], len(ids))
	}
	ts.Check(kill(ids[0]))
}

// cmdSignalBackend sends a signal to the backend and not to a guard of it.
func cmdSignalBackend(signal syscall.Signal) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		all := descendants(named(ts, args, 1, "COMMAND NAME").cmd.Process.Pid)
		if len(all) == 1 {
			ts.Fatalf("the server of %s has no backend", args[0])
		}
		backend := all[len(all)-1]
		ts.Check(syscall.Kill(backend, signal))
		for deadline := time.Now().Add(patienceTime); stopped(backend) != (signal == syscall.SIGSTOP); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				ts.Fatalf("the backend of %s has not taken notice of %v", args[0], signal)
			}
		}
	}
}

// stopped reports whether no thread of a process runs.
func stopped(pid int) bool {
	state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.HasPrefix(strings.TrimSpace(string(state)), "T")
}

func cmdKillServer(ts *testscript.TestScript, _ bool, args []string) {
	h := named(ts, args, 1, "kill-server NAME")
	remember(h)
	ts.Check(h.cmd.Process.Kill())
}

func cmdClose(ts *testscript.TestScript, _ bool, args []string) {
	h := named(ts, args, 1, "close NAME")
	remember(h)
	ts.Check(h.stdin.Close())
}

// remember keeps which processes there were, to look for them later.
func remember(h *host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.family = descendants(h.cmd.Process.Pid)
}

func cmdGone(ts *testscript.TestScript, _ bool, args []string) {
	h := named(ts, args, 1, "gone NAME")
	h.mu.Lock()
	family := h.family
	h.mu.Unlock()
	if len(family) < 2 {
		ts.Fatalf("%s had no backend, so this shows nothing", args[0])
	}
	deadline := time.Now().Add(patienceTime)
	for _, pid := range family {
		for alive(pid) {
			if time.Now().After(deadline) {
				ts.Fatalf("process %d of %s is still there after %v", pid, args[0], patienceTime)
			}
			time.Sleep(5 * time.Millisecond) // no event tells of the end of a grandchild
		}
	}
}
