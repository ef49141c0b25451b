package flow

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
)

// Engine does what Flow can do. It is one caller's view: session ids are its own, and
// it belongs to one backend process. Every method may be called by several goroutines
// at once, blocks until the work is done or ctx ends, and fails with an [*Error] (any
// other error is a defect and reaches callers as Internal without its text).
//
// A method of which Reads, Writes or Sets is said has either happened whole or not at
// all. A write whose [Call] carries a Request that was seen before does nothing, answers
// as it did the first time, and says so with [NoteRepeated].
type Engine interface {
	Sessions
	Accounts
	Provisioning
	Teams
	Members
	Plans
	Channels
	Messages
	People
	Profiles
	Keys
	Preferring
	Searching
	Attachments
	Overviews
	Escrow
	LDAP
}

// Nothing is the result of operations that have none. It is null on the wire.
type Nothing struct{}

// MarshalJSON writes null.
func (Nothing) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// UnmarshalJSON accepts anything, since backends differ in what they send for nothing.
func (*Nothing) UnmarshalJSON([]byte) error { return nil }

// Caller carries one request to whoever serves it and brings back the result.
// Params is one JSON object. The error is an [*Error]: Unavailable when the request
// was surely not done, Uncertain when nobody knows.
type Caller interface {
	Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error)
}

// Serve returns a Caller that runs the catalogue on an engine in this process.
func Serve(e Engine) Caller { return served{e} }

type served struct{ engine Engine }

func (s served) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	op, ok := Lookup(method)
	if !ok {
		return nil, Errorf(Unsupported, "unknown method %s", clip(method, 64))
	}
	return op.Serve(ctx, s.engine, params)
}

var byName = sync.OnceValue(func() map[string]AnyOperation {
	rows := make(map[string]AnyOperation, len(catalogue))
	for _, op := range catalogue {
		name := op.Info().Name
		if rows[name] != nil {
			panic("flow: two operations are named " + name)
		}
		rows[name] = op
	}
	return rows
})

// clip shortens foreign text for an error message.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
