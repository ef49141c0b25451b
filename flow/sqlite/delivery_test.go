package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// messages returns the texts in notifications.
func messages(t *testing.T, batch flow.Notifications) (texts []string) {
	t.Helper()
	for _, n := range batch {
		if n.Type != flow.MessageEvent.Type() {
			continue
		}
		change, err := flow.MessageEvent.Decode(n)
		if err != nil {
			t.Error(err)
		}
		for _, m := range change.RegularMessages {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// A program that gives up waiting just when something comes hears of it the next time, and
// of nothing twice, whether its process owns the store or not.
func TestWaitsAreGivenUp(t *testing.T) {
	for name, owns := range map[string]bool{"at the owner": true, "at another process": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if !owns {
				account(t, join(t, dir), "owner")
			}
			ben := account(t, join(t, dir), "ben")
			ana := account(t, join(t, dir), "ana")
			var want, got []string
			givenUp := 0
			for i := range 100 {
				ctx, cancel := context.WithCancel(t.Context())
				var sending sync.WaitGroup
				sending.Go(func() {
					if err := ana.send(t.Context(), fmt.Sprint(i)); err != nil {
						t.Error(err)
					}
					cancel()
				})
				batch, err := flow.WaitForNotification.Call(ctx, ben, flow.WaitForNotificationInput{})
				if errors.Is(err, context.Canceled) {
					givenUp++
				} else if err != nil {
					t.Fatal(err)
				}
				got = append(got, messages(t, batch)...)
				sending.Wait()
				want = append(want, fmt.Sprint(i))
			}
			if err := ana.send(t.Context(), "end"); err != nil {
				t.Fatal(err)
			}
			got, want = append(got, texts(t, ben, "end")...), append(want, "end")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("after %d waits that were given up (-sent +heard):\n%s", givenUp, diff)
			}
		})
	}
}

// Of two calls that wait on a session at once the later one gets what comes: nothing is
// lost between them, and nothing comes to both.
func TestWaitsTwiceAtOnce(t *testing.T) {
	dir := t.TempDir()
	account(t, join(t, dir), "owner")
	ben, ana := account(t, join(t, dir), "ben"), account(t, join(t, dir), "ana")
	ctx, over := context.WithCancel(t.Context())
	defer over()
	var mu sync.Mutex
	heard := map[string]int{}
	var listening sync.WaitGroup
	for range 2 {
		listening.Go(func() {
			for {
				batch, err := flow.WaitForNotification.Call(ctx, ben, flow.WaitForNotificationInput{})
				if err != nil {
					if ctx.Err() == nil {
						t.Error(err)
					}
					return
				}
				mu.Lock()
				for _, text := range messages(t, batch) {
					if heard[text]++; text == "end" {
						over()
					}
				}
				mu.Unlock()
			}
		})
	}
	want := map[string]int{"end": 1}
	for i := range 30 {
		want[fmt.Sprint(i)] = 1
		if err := ana.send(t.Context(), fmt.Sprint(i)); err != nil {
			t.Error(err)
		}
	}
	if err := ana.send(t.Context(), "end"); err != nil {
		t.Error(err)
	}
	listening.Wait()
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("how often each was heard (-want +got):\n%s", diff)
	}
}
