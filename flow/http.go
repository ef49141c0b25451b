package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// MaxReply is the longest reply that a caller accepts, in bytes.
const MaxReply = 64 << 20

// MaxRequest is the longest request that a backend accepts, in bytes.
const MaxRequest = 16 << 20

// HTTP is the Caller to a backend process: POST /rpc on a port of 127.0.0.1.
type HTTP struct {
	root   string
	token  string
	client *http.Client
}

// NewHTTP returns a caller to the backend whose handshake said port and token. Proxies
// of the environment are never used.
func NewHTTP(port int, token string) *HTTP {
	return &HTTP{
		root:  "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) + "/",
		token: token,
		client: &http.Client{
			Transport: &http.Transport{
				MaxIdleConnsPerHost: 32,
				IdleConnTimeout:     time.Minute,
				DisableCompression:  true,
			},
			// To follow a redirection would carry the token elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close drops idle connections.
func (h *HTTP) Close() { h.client.CloseIdleConnections() }

// Call implements [Caller].
func (h *HTTP) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	body := EncodeRequest(0, method, params, h.token)
	if len(body) > MaxRequest { // else the backend hangs up while we send, as if it had crashed
		return nil, Errorf(Invalid, "%s: the parameters are longer than %d bytes; send less at once", method, MaxRequest)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.root+"rpc", bytes.NewReader(body))
	if err != nil {
		return nil, Errorf(Internal, "%s: %v", method, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := h.client.Do(request)
	if err != nil {
		return nil, h.lost(ctx, err)
	}
	defer response.Body.Close()
	if response.ContentLength > MaxReply {
		return nil, tooLong(method)
	}
	var data bytes.Buffer
	data.Grow(int(max(response.ContentLength, 0)) + bytes.MinRead)
	if _, err := data.ReadFrom(io.LimitReader(response.Body, MaxReply+1)); err != nil {
		return nil, h.lost(ctx, err)
	}
	if data.Len() > MaxReply {
		return nil, tooLong(method)
	}
	reply, err := DecodeReply(data.Bytes())
	Note(ctx, reply.Notes)
	return reply.Result, err
}

// Alive asks the backend for a sign of life. Any answer is one, a refusal too: it comes from
// the process itself, and neither its engine nor another process has a part in it.
func (h *HTTP) Alive(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.root, nil)
	if err != nil {
		return Errorf(Internal, "ask for a sign of life: %v", err)
	}
	response, err := h.client.Do(request)
	var own *os.SyscallError
	switch {
	case err == nil:
		response.Body.Close()
		return nil
	case errors.As(err, &own) && own.Syscall == "socket":
		return nil // this process has no room for a connection, which says nothing of the other
	}
	return h.lost(ctx, err)
}

func tooLong(method string) error {
	return Errorf(Internal, "%s: the backend's reply is longer than %d bytes", method, MaxReply)
}

// lost says what a broken connection means: not done when it was never made, else
// nobody knows.
func (h *HTTP) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return Errorf(Unavailable, "the backend does not answer on its port")
	}
	return Errorf(Uncertain, "the backend went away during the call")
}
