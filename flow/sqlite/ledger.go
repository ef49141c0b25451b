package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// The ledger holds what writes have answered, by their request ids. A message without
// alerts is not in it: its uid is the request id, and it says itself what was asked.

// maxRequestID is the longest request id, in bytes.
const maxRequestID = 128

// requestUID turns the request id of a call into 16 bytes: a UUID is used as it is, any
// other text is scoped to who asks. There is none when the call has no request id.
func requestUID(call flow.Call, scope string) ([]byte, error) {
	text := string(call.Request)
	switch {
	case text == "":
		return nil, nil
	case len(text) > maxRequestID:
		return nil, flow.Errorf(flow.Invalid, "RequestID must have at most %d bytes", maxRequestID)
	case len(text) == 36:
		if id, err := uuid.Parse(text); err == nil {
			return id[:], nil
		}
	}
	sum := sha256.Sum256([]byte(scope + "\x00" + text))
	return sum[:16], nil
}

// entry is what the ledger knows a write by.
type entry struct {
	uid    []byte // none when the call has no request id
	method string
	scope  string // who asks
	mark   []byte // of the parameters, by the vault: there may be passwords among them
}

// entry returns what the ledger knows a call by.
func (e *Engine) entry(call flow.Call, method, scope string) (entry, error) {
	uid, err := requestUID(call, scope)
	if uid == nil || err != nil {
		return entry{}, err
	}
	params, err := json.Marshal(call.Params)
	if err != nil {
		return entry{}, flow.Errorf(flow.Invalid, "%s: the parameters cannot be written as JSON: %v", method, err)
	}
	return entry{uid, method, scope, e.store.writer.vault.markParams(params)}, nil
}

// once does a write and remembers what it answered, so that a repetition of the call
// gets the same answer and does nothing.
func once[Out any](ctx context.Context, e *Engine, call flow.Call, method, scope string, run func(*tx) (Out, error)) (Out, error) {
	var none, out Out
	asked, err := e.entry(call, method, scope)
	if err != nil {
		return none, err
	}
	err = e.store.change(ctx, func(t *tx) (err error) {
		if asked.uid == nil {
			out, err = run(t)
			return err
		}
		known, err := answered(t.ctx, t.Queries, t.vault, asked, &out)
		if known {
			flow.NoteRepeated(ctx)
		}
		if known || err != nil {
			return err
		}
		if out, err = run(t); err != nil {
			return err
		}
		return t.record(asked, out)
	})
	if err != nil {
		return none, err // out may still be written to when ctx has ended
	}
	return out, nil
}

// record remembers what a write has answered.
func (t *tx) record(asked entry, out any) error {
	result, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return t.AddRequest(t.ctx, db.AddRequestParams{
		Uid: asked.uid, Method: asked.method, Scope: asked.scope, Mark: asked.mark,
		Result: t.vault.sealResult(asked.method, asked.uid, result), Created: t.now,
	})
}

// answered reports whether a write was done before, and what it answered. It refuses one
// that is not the same as was done under its request id.
func answered[Out any](ctx context.Context, q *db.Queries, v *vault, asked entry, out *Out) (bool, error) {
	row, err := q.RequestByUID(ctx, asked.uid)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	case row.Method != asked.method || row.Scope != asked.scope:
		return false, flow.Errorf(flow.Conflict, "this RequestID was used for another call, %s; give each call its own", row.Method)
	case v.tellsApart(row.Mark, asked.mark):
		return false, errOtherParameters
	}
	result, err := v.unsealResult(asked.method, asked.uid, row.Result)
	if err != nil {
		return true, err
	}
	return true, json.Unmarshal(result, out)
}

var errOtherParameters = flow.Errorf(flow.Conflict, "this RequestID was used for a call with other parameters; give each call its own")

// repeated reports whether a call that does much before it writes was done before, so
// that it need not do that again.
func repeated[Out any](ctx context.Context, e *Engine, call flow.Call, method, scope string) (out Out, known bool, err error) {
	asked, err := e.entry(call, method, scope)
	if asked.uid == nil || err != nil {
		return out, false, err
	}
	if known, err = answered(ctx, e.store.read, e.store.writer.vault, asked, &out); known {
		flow.NoteRepeated(ctx)
	}
	return out, known, e.store.explain(err)
}
