// Command conformance is the server that the official conformance suite tests: everything
// the suite expects a server to have (tools, resources and prompts with the names that it
// asks for), served by this project's own stdio transport.
//
// The suite speaks Streamable HTTP only, so the command is also a bridge: each session of
// an HTTP client becomes one connection of internal/stdio, over a pair of pipes in memory,
// and what arrives as one POST travels as one line. What a scenario finds out about
// JSON-RPC, capabilities, order, cancellation and subscriptions it finds out about the
// transport; what it finds out about HTTP itself it finds out about the bridge.
//
// It prints its address and serves until standard input is closed. suite.mjs starts it, lets
// the suite loose on it, and holds the outcome against known-failures.yaml.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	b := newBridge(serve)
	defer b.close()
	web := &http.Server{Handler: b}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(listener) }()
	if _, err := fmt.Fprintf(out, "http://%s/mcp\n", listener.Addr()); err != nil {
		return errors.Join(err, web.Close(), <-ended)
	}
	_, err = io.Copy(io.Discard, in)
	err = errors.Join(err, web.Close())
	if end := <-ended; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

// serve serves one client with a server of its own.
func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	return stdio.New(newServer(), stdio.Options{}).Run(ctx, in, out)
}
