package flowtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

// Texts are written by others, and some are far longer as JSON than as text: no such text
// may make an answer that nobody can hold.
var lengths = []scenario{
	{"lets a channel be read to its end", longHistories},
	{"lets the log be read to its end", longLogs},
	{"lets hits be read", longHits},
	{"shows a hit before its neighbours", longContexts},
}

// manyLong messages are too many for one answer.
const manyLong = 90

// shouts opens a channel with long messages in it, which a control character each makes six
// times as long. Bob is in it, whose process may have to ask another one.
func shouts(t *testing.T, n *network) (bob *person, channel flow.ChannelID, sent []flow.MessageID) {
	t.Helper()
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	channel = alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	text := "needle " + strings.Repeat("\x01", flow.MaxText-len("needle "))
	for range manyLong {
		sent = append(sent, alice.send(t, channel, text))
	}
	return bob, channel, sent
}

func longHistories(t *testing.T, n *network) {
	bob, channel, sent := shouts(t, n)
	var read []flow.MessageID
	filters := flow.MessageFilters{}
	for {
		page := bob.messages(t, channel, filters)
		if len(page) == 0 {
			break
		}
		read = append(read, ids(page)...)
		filters.Before = read[len(read)-1]
	}
	slices.Reverse(read)
	if diff := cmp.Diff(sent, read); diff != "" {
		t.Errorf("read page by page (-want +got):\n%s", diff)
	}
}

func ids(list []flow.Message) []flow.MessageID {
	got := make([]flow.MessageID, len(list))
	for i, m := range list {
		got[i] = m.ID
	}
	return got
}

func longLogs(t *testing.T, n *network) {
	bob, _, sent := shouts(t, n)
	var read []flow.MessageID
	for place, more := flow.Cursor(0), true; more; {
		page := must(t, bob, flow.EnumerateEvents, flow.EnumerateEventsInput{After: &place, Limit: 1000})
		for _, e := range page.Events {
			if e.Type != flow.MessageEvent.Type() {
				continue
			}
			change, err := flow.MessageEvent.Decode(e)
			if err != nil {
				t.Fatal(err)
			}
			read = append(read, ids(change.RegularMessages)...)
		}
		place, more = page.Next, page.More
	}
	if diff := cmp.Diff(sent, read); diff != "" {
		t.Errorf("read page by page (-want +got):\n%s", diff)
	}
}

func longHits(t *testing.T, n *network) {
	bob, channel, sent := shouts(t, n)
	if hits := must(t, bob, flow.Search, flow.SearchInput{Search: "needle"}); len(hits) == 0 || hits[len(hits)-1].Data.ID != sent[manyLong-1] {
		t.Errorf("Search returned %d hits, without the newest message", len(hits))
	}
	bob.starts(t, "s", "q", "needle")
	ctx, receipt := flow.WithReceipt(t.Context())
	hits, err := flow.SearchMessageResults.Call(ctx, bob, flow.SearchMessageResultsInput{ID: "s", ChannelID: channel, Stop: manyLong})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(sent)
	if diff := cmp.Diff(sent[:max(len(hits), 1)], ids(hits)); diff != "" {
		t.Errorf("the newest hits (-want +got):\n%s", diff)
	}
	if cut := len(hits) < manyLong; cut != receipt.Missing().Older {
		t.Errorf("of %d hits %d were returned, and %+v are said to be missing", manyLong, len(hits), receipt.Missing())
	}
}

func longContexts(t *testing.T, n *network) {
	bob, channel, sent := shouts(t, n)
	bob.starts(t, "s", "q", "needle")
	const hit = manyLong / 2
	shown := ids(must(t, bob, flow.SearchMessageContext, flow.SearchMessageContextInput{
		ID: "s", ChannelID: channel, MessageID: sent[hit], Before: hit, After: hit,
	}))
	place := slices.Index(shown, sent[hit])
	if place < 1 || place > len(shown)-2 {
		t.Fatalf("of %d messages the hit is number %d, want neighbours on both sides", len(shown), place+1)
	}
	if diff := cmp.Diff(sent[hit-place:][:len(shown)], shown); diff != "" {
		t.Errorf("the messages around the hit (-want +got):\n%s", diff)
	}
}
