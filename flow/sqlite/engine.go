package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync/atomic"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// Engine is one backend process's view of the store: its session ids are its own.
type Engine struct {
	store  *store
	member string // names the process

	// newest is the id of its newest session. That may have ended: an id is not used again
	// by the same process, where somebody may still ask for the session that had it.
	newest atomic.Int64
}

var _ flow.Engine = (*Engine)(nil)

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
		id := max(newest, flow.SessionID(e.newest.Load())) + 1
		e.newest.Store(int64(id))
		return flow.NewSessionOutput{SessionID: id}, t.AddSession(t.ctx, e.member, id)
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
