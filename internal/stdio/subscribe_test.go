package stdio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

func (h *host) subscribe(uri string) {
	h.t.Helper()
	h.send(`{"jsonrpc":"2.0","id":"sub","method":"resources/subscribe","params":{"uri":%q}}`, uri)
	if r := h.next(); r.String() != `"sub" result` {
		h.t.Fatalf("the subscription was answered with %s", r)
	}
}

// listen opens a listen and reads its acknowledgement.
func (h *host) listen(id, filter string) {
	h.t.Helper()
	h.send(`{"jsonrpc":"2.0","id":%s,"method":"subscriptions/listen","params":{"notifications":%s,%s}}`, id, filter, modern)
	if got, want := h.next().String(), "notifications/subscriptions/acknowledged "+id; got != want {
		h.t.Fatalf("the listen was answered with %s, want %s", got, want)
	}
}

func TestResourceUpdated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{})
		h.server.ResourceUpdated("a:1") // nobody is there yet
		h.initialize(`{}`)
		h.subscribe("a:1")
		h.subscribe("a:2")
		h.listen("7", `{"resourceSubscriptions":["a:2","a:3"]}`)
		if diff := cmp.Diff([]string{"a:1", "a:2", "a:3"}, h.server.Subscribed()); diff != "" {
			t.Error(diff)
		}
		for _, uri := range []string{"a:4", "a:3", "a:2", "a:1"} {
			h.server.ResourceUpdated(uri)
		}
		got := h.nextN(4)
		slices.Sort(got)
		want := []string{
			"notifications/resources/updated a:1",
			"notifications/resources/updated a:2",
			"notifications/resources/updated a:27",
			"notifications/resources/updated a:37",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		h.send(`{"jsonrpc":"2.0","id":1,"method":"resources/unsubscribe","params":{"uri":"a:1"}}`)
		h.until("1")
		h.server.ResourceUpdated("a:1")
		if got := h.probe(); len(got) > 0 {
			t.Errorf("after unsubscribing came %v", short(got))
		}
		if diff := cmp.Diff([]string{"a:2", "a:3"}, h.server.Subscribed()); diff != "" {
			t.Error(diff)
		}
	})
}

// A burst while the client does not read costs a few announcements, and the
// last change of every resource is announced after it happened.
func TestBurstOfUpdates(t *testing.T) {
	const uris = 100
	uri := func(i int) string { return fmt.Sprint("flow://channels/", i) }
	tests := map[string]struct {
		open func(h *host)
		tag  string
	}{
		"handshake": {open: func(h *host) {
			h.initialize(`{}`)
			for i := range uris {
				h.subscribe(uri(i))
			}
		}},
		"modern": {tag: `"l"`, open: func(h *host) {
			var all []string
			for i := range uris {
				all = append(all, uri(i))
			}
			h.listen(`"l"`, `{"resourceSubscriptions":["`+strings.Join(all, `","`)+`"]}`)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := serve(t, newMCP(), stdio.Options{})
				test.open(h)
				for i := range 5000 {
					h.server.ResourceUpdated(uri(i % uris))
					if i%500 == 0 {
						synctest.Wait() // the writer takes what it can, and is stuck
					}
				}
				heard := make(map[string]int)
				for _, r := range h.probe() {
					heard[r.Params.URI]++
					if r.tag() != test.tag {
						t.Errorf("%s has the tag %q, want %q", r.Params.URI, r.tag(), test.tag)
					}
				}
				for _, r := range h.probe() {
					heard[r.Params.URI]++
				}
				for i := range uris {
					if n := heard[uri(i)]; n < 1 || n > 10 {
						t.Errorf("%s was announced %d times, want a few", uri(i), n)
					}
				}
				h.server.ResourceUpdated(uri(1))
				if got := h.next().Params.URI; got != uri(1) {
					t.Errorf("the change after the burst was announced as %q", got)
				}
			})
		})
	}
}

// Replies do not starve announcements.
func TestUpdatesBetweenReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{})
		h.initialize(`{}`)
		h.subscribe("a:1")
		go func() {
			for i := range 1000 {
				h.send(`{"jsonrpc":"2.0","id":%d,"method":"ping"}`, i)
			}
		}()
		synctest.Wait()
		h.server.ResourceUpdated("a:1")
		replies := 0
		for h.next().Params.URI == "" {
			replies++
		}
		if replies > 600 {
			t.Errorf("%d replies came before the announcement", replies)
		}
		for ; replies < 1000; replies++ {
			h.next()
		}
	})
}

func TestListChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMCP()
		h := serve(t, m, stdio.Options{})
		changeAll := func() {
			for i := range 100 {
				h.server.ResourceListChanged()
				addReporter(m, i)
				m.AddPrompt(mcp.NewPrompt("p"), nil)
			}
		}
		changeAll()
		time.Sleep(time.Second)
		if got := h.probe(); len(got) > 0 {
			t.Errorf("before anybody asked came %v", short(got))
		}
		h.listen("1", `{"toolsListChanged":true,"resourcesListChanged":true}`)
		h.listen("2", `{"promptsListChanged":true}`)
		changeAll()
		time.Sleep(time.Second)
		want := []string{
			"notifications/tools/list_changed 1",
			"notifications/resources/list_changed 1",
			"notifications/prompts/list_changed 2",
		}
		if diff := cmp.Diff(want, h.nextN(3)); diff != "" {
			t.Error(diff)
		}
		h.cancel("1")
		h.initialize(`{}`)
		changeAll()
		m.SendNotificationToAllClients("notifications/other", nil)
		time.Sleep(time.Second)
		want = []string{
			"notifications/other",
			"notifications/tools/list_changed",
			"notifications/prompts/list_changed",
			"notifications/resources/list_changed",
			"notifications/prompts/list_changed 2",
		}
		if diff := cmp.Diff(want, h.nextN(5)); diff != "" {
			t.Error(diff)
		}
		time.Sleep(time.Second)
		if got := h.probe(); len(got) > 0 {
			t.Errorf("a second time came %v", short(got))
		}
	})
}

// Announcements wait for the acknowledgement that opens their listen, and end
// with its cancellation. The id keeps its bytes in every tag.
func TestListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hooks := &server.Hooks{}
		hooks.AddAfterSubscriptionsListen(func(context.Context, any, *mcp.SubscriptionsListenRequest, *mcp.SubscriptionsListenResult) {
			time.Sleep(time.Minute)
		})
		h := serve(t, newMCP(server.WithHooks(hooks)), stdio.Options{Subscribe: func(_ context.Context, uri string) error {
			if uri == "a:slow" {
				time.Sleep(time.Minute)
			}
			return nil
		}})
		h.send(`{"jsonrpc":"2.0","id":9007199254740993,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a:1","a:slow"]},%s}}`, modern)
		synctest.Wait()
		h.server.ResourceUpdated("a:1")
		if got := h.probe(); len(got) > 0 {
			t.Errorf("before the acknowledgement came %v", short(got))
		}
		want := []string{
			"notifications/subscriptions/acknowledged 9007199254740993",
			"notifications/resources/updated a:19007199254740993",
		}
		if diff := cmp.Diff(want, h.nextN(2)); diff != "" {
			t.Error(diff)
		}
		h.cancel("9007199254740993")
		synctest.Wait()
		if got := h.server.Subscribed(); len(got) > 0 {
			t.Errorf("still subscribed: %v", got)
		}
		time.Sleep(time.Hour)
		if got := h.probe(); len(got) > 0 {
			t.Errorf("after the cancellation came %v", short(got))
		}
	})
}

func TestListenForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{})
		h.listen("1", `{}`)
		if got := h.next().String(); got != "1 result" {
			t.Errorf("the listen was answered with %s", got)
		}
	})
}

func TestSubscribeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := serve(t, newMCP(), stdio.Options{
			MaxSubscriptions: 2,
			Subscribe: func(_ context.Context, uri string) error {
				if uri == "a:none" {
					return notFound{}
				}
				return nil
			},
		})
		h.initialize(`{}`)
		var got []string
		for _, uri := range []string{"a:none", "a:1", "a:1", "a:2", "a:3", "a:" + strings.Repeat("x", 5000)} {
			h.send(`{"jsonrpc":"2.0","id":%q,"method":"resources/subscribe","params":{"uri":%q}}`, uri[:3], uri)
			got = append(got, h.next().String())
		}
		h.send(`{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a:none"]},%s}}`, modern)
		got = append(got, h.next().String())
		want := []string{
			`"a:n" error -32002`, `"a:1" result`, `"a:1" result`, `"a:2" result`,
			`"a:3" error -32602`, `"a:x" error -32602`, `1 error -32602`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"a:1", "a:2"}, h.server.Subscribed()); diff != "" {
			t.Error(diff)
		}
	})
}
