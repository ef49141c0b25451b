package resources_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"golang.org/x/sync/errgroup"

	"github.com/flow-mcp/flow-mcp/flow"
)

// counted counts what is asked of a backend.
type counted struct {
	flow.Caller
	calls atomic.Int64
}

// Call implements [flow.Caller].
func (c *counted) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if method != "WaitForNotification" {
		c.calls.Add(1)
	}
	return c.Caller.Call(ctx, method, params)
}

// In a store with ten thousand channels the list is read in pages while channels come and
// go: each channel that stays is there once, and the backend is asked a few things for all
// pages together, not one for each channel.
func TestTenThousandChannelsInTheStore(t *testing.T) {
	t.Parallel()
	const many = 10_000
	store := &counted{Caller: member(t, t.TempDir())}
	ana := serving(&backend{process: &process{store, make(chan struct{})}, generation: 1}, "ana")
	org := ana.home(t).OrgID
	made := make([]flow.ChannelID, many)
	var making errgroup.Group
	making.SetLimit(64)
	for i := range made {
		making.Go(func() (err error) {
			made[i], err = flow.NewChannel.Call(t.Context(), ana, flow.NewChannelInput{OrgID: org, Name: fmt.Sprintf("channel %05d", i)})
			return err
		})
	}
	if err := making.Wait(); err != nil {
		t.Fatal(err)
	}
	c := inProcess(t, ana)
	listed, pages, before := map[string]int{}, 0, store.calls.Load()
	for cursor := mcp.Cursor(""); pages == 0 || cursor != ""; pages++ {
		out := page(t, c, cursor)
		for _, r := range out.Resources {
			listed[r.URI]++
		}
		cursor = out.NextCursor
		if pages < 4 { // one goes, another comes
			must(t, ana, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: made[pages]})
			must(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: org, Name: "new"})
			ana.dir.Observe(flow.Notification{Type: flow.ChannelEvent.Type()})
		}
	}
	for _, id := range made[4:] {
		if n := listed[flow.Link{Channel: id}.String()]; n != 1 {
			t.Fatalf("the channel %s is listed %d times on %d pages", id, n, pages)
		}
	}
	for uri, n := range listed {
		if n > 1 {
			t.Errorf("%s is listed %d times", uri, n)
		}
	}
	// Beside the eight writes: who and which teams, channels and people, once for each
	// change and once for the first page.
	if calls := store.calls.Load() - before; calls > 8+5*4 {
		t.Errorf("%d calls were made for %d pages", calls, pages)
	}
	if got := complete(t, c, "channelId", "channel 0999"); len(got.Values) != 10 {
		t.Errorf("the names that begin with channel 0999 are %q", got.Values)
	}
}
