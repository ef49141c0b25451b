//go:build unix

package process_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow/process"
)

// BenchmarkStart compares the time from the first request for a backend to its handshake
// with that of a process which does nothing but end.
func BenchmarkStart(b *testing.B) {
	listener, err := listenAt(b)
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			defer conn.Close()
		}
	}()
	address := listener.Addr().String()
	b.Run("bare process", func(b *testing.B) {
		for b.Loop() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = environment("nothing", address)
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("backend", func(b *testing.B) {
		for b.Loop() {
			s := &process.Supervisor{Command: []string{os.Args[0]}, Env: environment("good", address), Own: true}
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx) }()
			if _, err := s.Endpoint(ctx); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
}
