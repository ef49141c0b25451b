//go:build unix

package examples_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestKeyedSendsWhileBackendsAreKilled: who repeats a call with its key until the answer is
// known has sent each message once, and every answer is true: only what was sent before is
// said to have been.
func TestKeyedSendsWhileBackendsAreKilled(t *testing.T) {
	const senders, kills = 8, 5
	ctx, cancel := context.WithTimeout(t.Context(), wholeTime)
	defer cancel()
	store := t.TempDir()
	ana, ben := begun(t, ctx, store, "ana"), begun(t, ctx, store, "ben")
	channel := generalChannel(t, ctx, ben)

	stop := make(chan struct{})
	var sent sync.Map // what the answers say of each message, in their order
	var sending sync.WaitGroup
	for sender := range senders {
		sending.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				body := fmt.Sprintf("<%d-%d>", sender, i)
				states, err := sendKeyed(ctx, ana, body)
				if err != nil {
					t.Errorf("%s after %v: %v", body, states, err)
					return
				}
				sent.Store(body, states)
			}
		})
	}
	for range kills {
		before := size(&sent)
		for size(&sent) < before+50 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		for _, h := range []*host{ana, ben} {
			for _, pid := range children(h.cmd.Process.Pid) {
				_ = kill(pid)
			}
		}
	}
	close(stop)
	sending.Wait()

	seen := bodies(t, ctx, ben, channel)
	sent.Range(func(body, states any) bool {
		all := states.([]string)
		if n := seen[body.(string)]; n != 1 {
			t.Errorf("%s is there %d times, after %v", body, n, all)
		}
		if all[0] == "already_sent" {
			t.Errorf("the first call with the key of %s says %v", body, all)
		}
		return true
	})
	if len(seen) != size(&sent) {
		t.Errorf("%d messages are there, and %d were sent", len(seen), size(&sent))
	}
	t.Logf("%d messages were sent over %d kills", size(&sent), kills)
}

// sendKeyed sends a message until an answer says that it was sent already, and returns what
// all of them say. That may be sent more than once: a call that lost its backend and asked
// the next one cannot know whether it was itself that had sent.
func sendKeyed(ctx context.Context, h *host, body string) (states []string, err error) {
	for ctx.Err() == nil {
		result, err := h.call(ctx, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":%q,"idempotency_key":%[1]q}`, body))
		if err != nil {
			return states, err
		}
		said, _ := result.StructuredContent.(map[string]any)
		state, _ := said["state"].(string)
		switch {
		case result.IsError && state == "": // it was surely not sent
		case result.IsError != (state == "unknown"):
			return append(states, state), fmt.Errorf("the answer is in doubt about itself: %s", text(result.Content))
		default:
			states = append(states, state)
		}
		if len(states) > 1 && state == "already_sent" {
			return states, nil
		}
	}
	return states, ctx.Err()
}
