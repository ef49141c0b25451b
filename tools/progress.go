package tools

import (
	"context"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// progress tells a client that asked for it how far one call is. A transfer tells its
// bytes. Any other call tells the seconds that it takes, so that the client can see that
// it still runs: of a wait it is known how many these will be.
//
// What is told only rises, a few times a second at most, and the end is left to the
// result: clients that get both at once take the result first, and know nothing of a
// progress that comes later.
type progress struct {
	tell func(done, total float64, message string)

	mu     sync.Mutex
	done   float64
	told   time.Time
	total  float64 // of the seconds, where that is known
	silent bool    // the seconds are not told, since something better is
}

const (
	progressPause = 200 * time.Millisecond // between two that a transfer tells
	beatPause     = 2 * time.Second        // between two that tell seconds
)

type progressKey struct{}

// withProgress begins to tell of a call, until stop is called. Without a token nobody
// wants to know.
func withProgress(ctx context.Context, req mcp.CallToolRequest) (_ context.Context, stop func()) {
	srv := server.ServerFromContext(ctx)
	if req.Params.Meta == nil || req.Params.Meta.ProgressToken == nil || srv == nil {
		return ctx, func() {}
	}
	beating, cancel := context.WithCancel(ctx)
	p := &progress{tell: func(done, total float64, message string) {
		said := map[string]any{"progressToken": req.Params.Meta.ProgressToken, "progress": done}
		if total > 0 {
			said["total"] = total
		}
		if message != "" {
			said["message"] = message
		}
		_ = srv.SendNotificationToClient(beating, string(mcp.MethodNotificationProgress), said) // the call matters more
	}}
	var running sync.WaitGroup
	running.Go(func() { p.beat(beating) })
	return context.WithValue(ctx, progressKey{}, p), func() {
		cancel()
		running.Wait()
	}
}

// progressOf returns what tells of the call that ctx belongs to: nothing when nobody
// wants to know. All methods may be called on nothing.
func progressOf(ctx context.Context) *progress {
	p, _ := ctx.Value(progressKey{}).(*progress)
	return p
}

// beat tells the seconds.
func (p *progress) beat(ctx context.Context) {
	began := time.Now()
	ticker := time.NewTicker(beatPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			p.mu.Lock()
			if seconds := now.Sub(began).Seconds(); !p.silent && (p.total == 0 || seconds < p.total) {
				p.done = seconds
				p.tell(seconds, p.total, "")
			}
			p.mu.Unlock()
		}
	}
}

// lasts says how long the call will take.
func (p *progress) lasts(d time.Duration) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = d.Seconds()
}

// at tells how much of a transfer is done.
func (p *progress) at(done, total int64, message string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = true
	if float64(done) <= p.done || done >= total || time.Since(p.told) < progressPause {
		return
	}
	p.done, p.told = float64(done), time.Now()
	p.tell(p.done, float64(total), message)
}
