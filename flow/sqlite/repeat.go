package sqlite

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
)

// What makes a call repeatable at the next owner: a request id in every write, and what is
// known of deliveries in every wait for notifications. And what the next owner must not give
// out again: the numbers of sessions.

// changes reports whether a call has to carry a request id.
func changes(method string) bool {
	op, ok := flow.Lookup(method)
	return ok && op.Info().Effect != flow.Reads && method != waitMethod
}

// withRequest adds a request id to the parameters of a call that has none.
func withRequest(params json.RawMessage) (json.RawMessage, error) {
	id := `"RequestID":"` + uuid.Must(uuid.NewV7()).String() + `"`
	if !mentionsRequest(params) {
		return withMember(params, id)
	}
	var call flow.Call
	if err := json.Unmarshal(params, &call); err != nil || call.Request != "" {
		return params, nil // the owner says what is wrong with them
	}
	return withLastMember(params, id)
}

// mentionsRequest reports whether there may be a request id somewhere in params.
func mentionsRequest(params json.RawMessage) bool {
	const name = "requestid"
	for i := 0; i+len(name) <= len(params); i++ {
		if params[i]|0x20 == name[0] && strings.EqualFold(string(params[i:i+len(name)]), name) {
			return true
		}
	}
	return false
}

// withMember puts a member before all others. It yields to one of the same name.
func withMember(params json.RawMessage, member string) (json.RawMessage, error) {
	return splice(params, func(inside []byte) [][]byte { return [][]byte{[]byte(member), inside} })
}

// withLastMember puts a member behind all others. It overrides one of the same name.
func withLastMember(params json.RawMessage, member string) (json.RawMessage, error) {
	return splice(params, func(inside []byte) [][]byte { return [][]byte{inside, []byte(member)} })
}

// splice replaces what stands between the braces of an object.
func splice(params json.RawMessage, change func(inside []byte) [][]byte) (json.RawMessage, error) {
	params = bytes.TrimSpace(params)
	if len(params) < 2 || params[0] != '{' || params[len(params)-1] != '}' {
		return nil, flow.Errorf(flow.Invalid, "the parameters must be a JSON object")
	}
	inside := bytes.TrimSpace(params[1 : len(params)-1])
	out := append(make([]byte, 0, len(params)+64), '{')
	for _, part := range change(inside) {
		if len(part) > 0 && len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, part...)
	}
	return append(out, '}'), nil
}

var newSessionMethod = flow.NewSession.Info().Name

// callOn does a call at one owner.
func (m *Member) callOn(ctx context.Context, r route, method string, params json.RawMessage) (json.RawMessage, error) {
	switch method {
	case waitMethod:
		return m.wait(ctx, r, params)
	case newSessionMethod:
		return m.open(ctx, r, params)
	}
	return r.caller.Call(ctx, method, params)
}

// open opens a session and remembers its number, which the next owner has to know.
func (m *Member) open(ctx context.Context, r route, params json.RawMessage) (json.RawMessage, error) {
	result, err := r.caller.Call(ctx, newSessionMethod, params)
	var opened flow.NewSessionOutput
	if err == nil && json.Unmarshal(result, &opened) == nil {
		m.mu.Lock()
		m.newest = max(m.newest, opened.SessionID)
		m.mu.Unlock()
	}
	return result, err
}

func (m *Member) newestSession() flow.SessionID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.newest
}
