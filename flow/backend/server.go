// Package backend serves a [flow.Caller] on loopback in the Flow wire protocol, to
// whoever has the token.
//
// A backend is a process that another program starts. It prints one line,
//
//	{"token":"...", "port":"12345"}
//
// and from then on answers POST /rpc on that port of 127.0.0.1: one JSON object with
// method, params (a list of one object) and token, answered by one with result or error.
// Calls run at the same time; one of them as a rule is a WaitForNotification that blocks
// until something happens.
//
// The port is open to every program of the machine, and to every page in a browser on
// it. Hence the token, which is compared in constant time, and hence these refusals:
// requests that a browser made for a page (they carry Origin or Referer), requests that
// were sent to another name than this machine's own, everything but POST /rpc, and
// bodies that are too long or too slow. Parameters and results are never logged.
package backend

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Server serves one Caller. Set the fields before Serve.
type Server struct {
	// Caller answers the requests. Its errors reach the client as flow.Error; any other
	// error, and a panic, becomes Internal, and its text goes to Log.
	Caller flow.Caller
	// Log gets what goes wrong; nil discards it.
	Log *slog.Logger
	// MaxCalls bounds the calls that run at once; three of four may be such that wait for
	// something to happen. What comes on top is answered with Unavailable. 0 stands for 1024.
	MaxCalls int
}

const (
	defaultMaxCalls = 1024
	maxHeader       = 16 << 10
	// A client may take this long to send the head of a request, and this long to send
	// its body and to take the reply.
	headerTime = 10 * time.Second
	bodyTime   = 30 * time.Second
	// idleTime outlasts the idle time of our client, so that the client is the one to
	// hang up: a request that crosses with our hanging up would fail as Uncertain.
	idleTime = 3 * time.Minute
	// stopTime is how long calls may take to end after they were cancelled.
	stopTime = 500 * time.Millisecond
)

// Serve listens on a port of 127.0.0.1 (0 takes a free one), writes the handshake line to
// ready in one write, and serves until ctx ends, which is no error. Then the calls under
// way are cancelled and those that do not answer lose their connection; Serve returns
// within a second, with an error when a call is still running by then.
func (s *Server) Serve(ctx context.Context, port int, ready io.Writer) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("listen on port %d of 127.0.0.1: %w", port, err)
	}
	return s.serve(ctx, listener, listener.Addr().(*net.TCPAddr).Port, ready)
}

// serve is Serve on a listener that is known by a port.
func (s *Server) serve(ctx context.Context, listener net.Listener, port int, ready io.Writer) error {
	h := s.handler(port, rand.Text())
	server := &http.Server{
		Handler:           h,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	failed := announce(ready, port, h.token)
	if failed == nil {
		select {
		case err := <-served:
			return fmt.Errorf("serve on port %d of 127.0.0.1: %w", port, err)
		case <-ctx.Done():
		}
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	_ = server.Shutdown(stopping) // what is left when the time is up is closed next
	server.Close()
	<-served
	return errors.Join(failed, h.room.drain(stopTime/2))
}

// announce writes the handshake. Programs of the first hour cut the line by hand, so its
// members, their order, the quotes and the one blank are fixed.
func announce(ready io.Writer, port int, token string) error {
	line := fmt.Sprintf("{\"token\":%q, \"port\":\"%d\"}\n", token, port)
	if _, err := io.WriteString(ready, line); err != nil {
		return fmt.Errorf("write the handshake line: %w", err)
	}
	return nil
}
