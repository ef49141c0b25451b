package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// maxHandshake is the longest handshake line, in bytes.
const maxHandshake = 4096

// backend is a child whose first line of output is a handshake.
type backend struct {
	child *child
	first chan firstLine // gets one value when a first line came or cannot come any more
	said  *tail
}

type firstLine struct {
	text []byte
	err  error
}

// greeting is what the handshake says.
type greeting struct {
	port  int
	token string
}

func (s *Supervisor) start(command []string) (*backend, error) {
	b := &backend{first: make(chan firstLine, 1), said: &tail{log: s.log}}
	var err error
	b.child, err = launch{
		command: command, env: s.Env, dir: s.Dir,
		stdout: b.readOutput, stderr: b.said.read,
	}.start()
	return b, err
}

// readOutput takes the first line and discards the rest, so that a backend which writes
// on is never blocked by a full pipe.
func (b *backend) readOutput(stdout io.Reader) {
	in := bufio.NewReaderSize(stdout, maxHandshake)
	line, err := in.ReadSlice('\n')
	b.first <- firstLine{slices.Clone(line), err}
	_, _ = io.Copy(io.Discard, in)
}

// handshake waits for the backend's first line.
func (b *backend) handshake(ctx context.Context, within time.Duration) (greeting, error) {
	late := time.NewTimer(within)
	defer late.Stop()
	var line firstLine
	select {
	case line = <-b.first: // comes with the end of the backend at the latest
	case <-late.C:
		return greeting{}, fmt.Errorf("the backend has sent no handshake within %v", within)
	case <-ctx.Done():
		return greeting{}, context.Cause(ctx)
	}
	if line.err == nil {
		g, err := parseHandshake(line.text)
		b.said.hide(g.token)
		return g, err
	}
	if errors.Is(line.err, bufio.ErrBufferFull) {
		return greeting{}, fmt.Errorf("the backend's first line is longer than %d bytes", maxHandshake)
	}
	select {
	case <-b.child.done:
		return greeting{}, fmt.Errorf("the backend ended before its handshake: %s", b.child.status())
	case <-late.C:
		return greeting{}, errors.New("the backend has closed its output without a handshake")
	case <-ctx.Done():
		return greeting{}, context.Cause(ctx)
	}
}

// parseHandshake reads {"token":"...", "port":"12345"}; the port may be a number too.
// Errors do not repeat the line, which may hold the token.
func parseHandshake(line []byte) (greeting, error) {
	var said struct {
		Token string          `json:"token"`
		Port  json.RawMessage `json:"port"`
	}
	if err := json.Unmarshal(line, &said); err != nil {
		return greeting{}, errors.New("the backend's first line is no handshake: it must be a JSON object with token and port")
	}
	if said.Token == "" {
		return greeting{}, errors.New("the backend's handshake has no token")
	}
	text := string(said.Port)
	_ = json.Unmarshal(said.Port, &text) // a number stays as it is
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return greeting{}, errors.New("the backend's handshake has no port between 1 and 65535")
	}
	return greeting{port: int(port), token: said.Token}, nil
}
