//go:build unix

package flow_test

import (
	"net/http"
	"syscall"
	"testing"
)

// TestNoRoomIsNoSilence: a process that has no file descriptor left finds no backend dead.
func TestNoRoomIsNoSilence(t *testing.T) {
	h := dial(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 3
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	err := h.Alive(t.Context())
	if again := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); again != nil {
		t.Fatal(again)
	}
	if err != nil {
		t.Errorf("without a file descriptor: %v", err)
	}
	if err := h.Alive(t.Context()); err != nil {
		t.Errorf("with one: %v", err)
	}
}
