package sqlite

import (
	"context"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// Pause implements [flow.Engine]. A call that waits for notifications goes on waiting.
func (e *Engine) Pause(ctx context.Context, call flow.Call, _ flow.PauseInput) (flow.Nothing, error) {
	return e.pause(ctx, call, true)
}

// Resume implements [flow.Engine].
func (e *Engine) Resume(ctx context.Context, call flow.Call, _ flow.ResumeInput) (flow.Nothing, error) {
	return e.pause(ctx, call, false)
}

func (e *Engine) pause(ctx context.Context, call flow.Call, paused bool) (flow.Nothing, error) {
	s, _, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	// Memory must not say something else than the row, so the write is waited for, and one
	// change is over before the next begins.
	s.pausing.Lock()
	defer s.pausing.Unlock()
	err = e.store.change(context.WithoutCancel(ctx), func(t *tx) error {
		return t.PauseSession(t.ctx, db.PauseSessionParams{Paused: paused, Member: s.key.member, ID: s.key.id})
	})
	if err != nil {
		return flow.Nothing{}, err
	}
	s.mu.Lock()
	was := s.paused
	s.paused, s.synced = paused, s.synced && was == paused
	if was && !paused && s.sync != nil {
		s.sync.Stop() // it is announced now
	}
	s.mu.Unlock()
	if was && !paused {
		s.synchronised(e.store.hub.end())
	}
	return flow.Nothing{}, nil
}
