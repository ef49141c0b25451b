package process

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// settleTime is how long it may take to notice that a backend has ended which has lost a
// connection.
const settleTime = 250 * time.Millisecond

// Of the time that a backend is given for a sign of life, a call waits this part before
// anybody asks for one, and longestDoubt at most: less than flow_status does, which would
// else never find out.
const (
	doubtPart    = 5
	longestDoubt = 3 * time.Second
)

// signsAsked is how often a sign of life is asked for. When this process was itself stopped
// for a while, one question runs out although the backend has answered it.
const signsAsked = 2

// mortal calls a backend that may end or hang.
type mortal struct {
	*flow.HTTP
	log       *slog.Logger
	patience  time.Duration // with a question that any backend answers at once
	withdrawn chan struct{} // closed when Endpoint does not offer this backend any more
	doubts    chan struct{} // holds a value once a call gives reason to ask for a sign of life
}

// Call implements [flow.Caller]. When the connection is lost it returns after the end of
// the backend was noticed: the next call would else meet a process that is half gone, and
// be uncertain without need.
func (m mortal) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	defer m.watch(flow.Waits(method, params))()
	result, err := m.HTTP.Call(ctx, method, params)
	if errors.Is(err, flow.Uncertain) || errors.Is(err, flow.Unavailable) {
		m.settle(ctx)
	}
	return result, err
}

// settle waits for the end of a backend that has dropped a call. One that goes on is
// doubted: it may have closed its port.
func (m mortal) settle(ctx context.Context) {
	timer := time.NewTimer(settleTime)
	defer timer.Stop()
	select {
	case <-m.withdrawn:
	case <-timer.C:
		notify(m.doubts)
	case <-ctx.Done():
	}
}

// watch raises a doubt now and then once a call is unanswered that waits for so long by
// nature, until answered is called.
func (m mortal) watch(wait time.Duration) (answered func()) {
	if wait == flow.Forever {
		return func() {}
	}
	pause, over := min(m.patience/doubtPart, longestDoubt), make(chan struct{})
	timer := time.AfterFunc(wait+pause, func() {
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for {
			notify(m.doubts)
			select {
			case <-ticker.C:
			case <-over:
				return
			}
		}
	})
	return func() {
		timer.Stop()
		close(over)
	}
}

// hangs asks for a sign of life whenever there is a doubt. It returns true when there is
// none, and false when ctx ends.
func (m mortal) hangs(ctx context.Context) bool {
	for {
		select {
		case <-m.doubts:
		case <-ctx.Done():
			return false
		}
		if !m.alive(ctx) {
			return ctx.Err() == nil
		}
		m.log.Debug("a call takes long; the backend has given a sign of life")
	}
}

func (m mortal) alive(ctx context.Context) bool {
	for range signsAsked {
		asking, cancel := context.WithTimeout(ctx, m.patience/signsAsked)
		err := m.Alive(asking)
		cancel()
		if err == nil {
			return true
		}
	}
	return false
}
