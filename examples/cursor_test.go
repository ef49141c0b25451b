//go:build unix

package examples_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// TestEventsAcrossRestarts reads the event log by its cursor, a page at a time, while
// messages are sent, and again and again ends something: the client with its server, the
// server alone, or the backends. Every message is read once, in the order in which it was
// sent.
func TestEventsAcrossRestarts(t *testing.T) {
	const messages = 40
	ctx, cancel := context.WithTimeout(t.Context(), wholeTime)
	defer cancel()
	store := t.TempDir()
	ana, ben := begun(t, ctx, store, "ana"), begun(t, ctx, store, "ben")
	uri := eventsAt(ctx, t, ana, "flow://events").URI
	sending := make(chan struct{})
	read := make(chan struct{}, messages)
	go func() {
		defer close(sending)
		for i := range messages {
			in := fmt.Sprintf(`{"channel":"general","text":"m%d","idempotency_key":"key-%d"}`, i, i)
			for {
				result, err := ben.call(ctx, "flow_send_message", in)
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					t.Errorf("the server of the sender stopped answering: %v", err)
					return
				}
				if !result.IsError { // else its backend has just ended: the key makes repeating safe
					break
				}
			}
			if i%4 == 3 { // some are sent while nobody reads, and some pages have several
				select {
				case <-read:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	var want, got []string
	for i := range messages {
		want = append(want, fmt.Sprint("m", i))
	}
	for turn := 0; len(got) < messages && ctx.Err() == nil; {
		page := eventsAt(ctx, t, ana, uri)
		before := len(got)
		got, uri = append(got, page.texts(t)...), page.URI
		select {
		case read <- struct{}{}:
		default:
		}
		if len(got) == before {
			continue
		}
		turn++
		switch turn % 8 { // mostly nothing: who is killed too often is not started again
		case 1:
			ana.close()
			ana = begun(t, ctx, store, "ana")
		case 3:
			if err := ana.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			ana = begun(t, ctx, store, "ana")
		case 5:
			for _, h := range []*host{ana, ben}[turn/8%2:] {
				for _, pid := range children(h.cmd.Process.Pid) {
					_ = kill(pid)
				}
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-sent +read):\n%s", diff)
	}
	<-sending // what was read last may not have been acknowledged yet
}

// eventPage is what flow://events shows.
type eventPage struct {
	Events flow.Notifications `json:"events"`
	URI    string             `json:"nextUri"`
}

// texts returns the bodies of the messages of a page.
func (p eventPage) texts(t *testing.T) (texts []string) {
	t.Helper()
	for _, n := range p.Events {
		if n.Type != flow.MessageEvent.Type() {
			continue
		}
		change, err := flow.MessageEvent.Decode(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range change.RegularMessages {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// eventsAt reads a page of the log, again when the backend has just ended.
func eventsAt(ctx context.Context, t *testing.T, h *host, uri string) (page eventPage) {
	t.Helper()
	for {
		out, err := h.client.ReadResource(ctx, mcp.ReadResourceRequest{Params: mcp.ReadResourceParams{URI: uri}})
		if ctx.Err() != nil {
			t.Fatalf("read %s: %v", uri, err)
		}
		if err != nil {
			continue
		}
		if err := json.Unmarshal([]byte(out.Contents[0].(mcp.TextResourceContents).Text), &page); err != nil {
			t.Fatal(err)
		}
		return page
	}
}
