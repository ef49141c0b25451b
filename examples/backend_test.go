//go:build unix

package examples_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Programs for SpiderOak's backend often end without ending it: those that flow-python
// ships do. Under its name ours ends by itself then.
func TestBackendEndsWithItsParent(t *testing.T) {
	backend := filepath.Join(t.TempDir(), "semaphor-backend")
	if err := os.Symlink(binary, backend); err != nil {
		t.Fatal(err)
	}
	parent := exec.Command("sh", "-c", `"$0" 0 & read -r line`, backend)
	parent.Env = append(os.Environ(), "FLOW_MCP_DATA_DIR="+t.TempDir())
	parent.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, inherited, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	parent.Stdout = inherited
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	inherited.Close()
	// Whatever is left of the group keeps standard output open, until it is killed.
	left := time.AfterFunc(patienceTime, func() { syscall.Kill(-parent.Process.Pid, syscall.SIGKILL) })
	out := bufio.NewReader(stdout)
	if line, err := out.ReadString('\n'); err != nil {
		t.Fatalf("read the handshake: %q, %v", line, err)
	}
	stdin.Close()
	parent.Wait() // fails, since its read did
	if more, err := io.ReadAll(out); err != nil || len(more) > 0 {
		t.Errorf("after its line the backend said %q, %v", more, err)
	}
	if !left.Stop() {
		t.Error("the backend outlived the program that started it")
	}
}
