package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// Engine is one backend process's view of the store: its session ids are its own.
type Engine struct {
	store  *store
	member string // names the process
}

var _ flow.Engine = (*Engine)(nil)

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

// once does a write and remembers what it answered, so that a repetition of the call
// gets the same answer and does nothing.
func once[Out any](ctx context.Context, e *Engine, call flow.Call, method, scope string, run func(*tx) (Out, error)) (Out, error) {
	var none, out Out
	uid, err := requestUID(call, scope)
	if err != nil {
		return none, err
	}
	err = e.store.change(ctx, func(t *tx) (err error) {
		if uid == nil {
			out, err = run(t)
			return err
		}
		known, err := answered(t.ctx, t.Queries, t.vault, uid, method, scope, &out)
		if known {
			flow.NoteRepeated(ctx)
		}
		if known || err != nil {
			return err
		}
		if out, err = run(t); err != nil {
			return err
		}
		result, err := json.Marshal(out)
		if err != nil {
			return err
		}
		return t.AddRequest(t.ctx, db.AddRequestParams{
			Uid: uid, Method: method, Scope: scope, Result: t.vault.sealResult(method, uid, result), Created: t.now,
		})
	})
	if err != nil {
		return none, err // out may still be written to when ctx has ended
	}
	return out, nil
}

// answered reports whether a write was done before, and what it answered.
func answered[Out any](ctx context.Context, q *db.Queries, v *vault, uid []byte, method, scope string, out *Out) (bool, error) {
	row, err := q.RequestByUID(ctx, uid)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	case row.Method != method || row.Scope != scope:
		return false, flow.Errorf(flow.Conflict, "this RequestID was used for another call, %s; give each call its own", row.Method)
	}
	result, err := v.unsealResult(method, uid, row.Result)
	if err != nil {
		return true, err
	}
	return true, json.Unmarshal(result, out)
}

// repeated reports whether a call that does much before it writes was done before, so
// that it need not do that again.
func repeated[Out any](ctx context.Context, e *Engine, call flow.Call, method, scope string) (out Out, known bool, err error) {
	uid, err := requestUID(call, scope)
	if uid == nil || err != nil {
		return out, false, err
	}
	if known, err = answered(ctx, e.store.read, e.store.writer.vault, uid, method, scope, &out); known {
		flow.NoteRepeated(ctx)
	}
	return out, known, e.store.explain(err)
}

// Config implements [flow.Engine].
func (e *Engine) Config(ctx context.Context, _ flow.Call, in flow.Config) (flow.Backend, error) {
	self := flow.Backend{Name: "flow-mcp", Version: e.store.version, Idempotent: true}
	if in.FlowLocalAttachmentDir != "" {
		if !filepath.IsAbs(in.FlowLocalAttachmentDir) {
			return self, flow.Errorf(flow.Invalid, "FlowLocalAttachmentDir %q is relative; give an absolute path", clip(in.FlowLocalAttachmentDir))
		}
		in.FlowLocalAttachmentDir = filepath.Clean(in.FlowLocalAttachmentDir)
	}
	is := db.SeatOfRow{Home: e.store.homeName(in.FlowLocalDatabaseDir), Downloads: in.FlowLocalAttachmentDir}
	was, err := e.seatOf(ctx)
	if err == nil && was != is {
		err = e.store.change(ctx, func(t *tx) error {
			return t.SetSeat(t.ctx, db.SetSeatParams{Member: e.member, Home: is.Home, Downloads: is.Downloads})
		})
	}
	return self, err
}

// homeName is the name of the machine that a database directory stands for: empty for
// the store's own.
func (s *store) homeName(dir string) string {
	if dir == "" {
		return ""
	}
	if dir = filepath.Clean(dir); dir == s.dir {
		return ""
	}
	return dir
}

// home returns the machine that the caller is on.
func (e *Engine) home(ctx context.Context) (string, error) {
	seat, err := e.seatOf(ctx)
	return seat.Home, err
}

// seatOf returns what the caller has said of itself.
func (e *Engine) seatOf(ctx context.Context) (db.SeatOfRow, error) {
	seat, err := e.store.read.SeatOf(ctx, e.member)
	if errors.Is(err, sql.ErrNoRows) {
		return db.SeatOfRow{}, nil
	}
	return seat, e.store.explain(err)
}

// NewSession implements [flow.Engine].
func (e *Engine) NewSession(ctx context.Context, call flow.Call, _ flow.NewSessionInput) (flow.NewSessionOutput, error) {
	return once(ctx, e, call, "NewSession", e.member, func(t *tx) (flow.NewSessionOutput, error) {
		newest, err := t.NewestSession(t.ctx, e.member)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return flow.NewSessionOutput{}, err
		}
		return flow.NewSessionOutput{SessionID: newest + 1}, t.AddSession(t.ctx, e.member, newest+1)
	})
}

// Ping implements [flow.Engine].
func (e *Engine) Ping(ctx context.Context, _ flow.Call, _ flow.PingInput) (flow.Nothing, error) {
	_, err := e.store.read.StoreID(ctx)
	return flow.Nothing{}, e.store.explain(err)
}

// BuildNumber implements [flow.Engine].
func (e *Engine) BuildNumber(context.Context, flow.Call, flow.BuildNumberInput) (string, error) {
	return e.store.version, nil
}

// nullable writes 0 as null.
func nullable(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }
