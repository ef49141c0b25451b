package process_test

import (
	"os"
	"os/exec"
	"testing"
)

// Not even SIGKILL on the guard leaves its backend behind.
func TestBackendDiesWithItsGuard(t *testing.T) {
	l := listen(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = environment("guard", l.address, guardedVariable+"=deaf")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close() // it stays open: the kill is what ends the backend
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	l.next(t, "guard")
	guarded := l.next(t, "deaf")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	guarded.gone(t)
}
