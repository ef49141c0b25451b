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
	{"lets deleted messages be read to their end", longLeavings},
	{"lets the log be read to its end", longLogs},
	{"lets hits be read", longHits},
	{"shows a hit before its neighbours", longContexts},
}

// manyLong messages are too many for one answer.
const manyLong = 90

// shouts sends long messages, which a control character each makes six times as long.
func (p *person) shouts(t *testing.T, channel flow.ChannelID) (sent []flow.MessageID) {
	t.Helper()
	text := "needle " + strings.Repeat("\x01", flow.MaxText-len("needle "))
	for range manyLong {
		sent = append(sent, p.send(t, channel, text))
	}
	return sent
}

// shouts opens a channel with long messages in it. Bob is in it, whose process may have to
// ask another one.
func shouts(t *testing.T, n *network) (bob *person, channel flow.ChannelID, sent []flow.MessageID) {
	t.Helper()
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	channel = alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	return bob, channel, alice.shouts(t, channel)
}

func longHistories(t *testing.T, n *network) {
	bob, channel, sent := shouts(t, n)
	back, onwards := []flow.MessageID{}, []flow.MessageID{sent[0]}
	for filters, more := (flow.MessageFilters{}), true; more; filters.Before = back[len(back)-1] {
		page, missing := bob.page(t, channel, filters)
		if missing.Newer {
			t.Error("what is read back in time leaves out newer ones")
		}
		back, more = append(back, page...), missing.Older
	}
	slices.Reverse(back)
	for more := true; more; {
		page, missing := bob.page(t, channel, flow.MessageFilters{After: onwards[len(onwards)-1], Limit: flow.MaxMessages})
		if missing.Older {
			t.Error("what is read onwards leaves out older ones")
		}
		slices.Reverse(page)
		onwards, more = append(onwards, page...), missing.Newer
	}
	for way, read := range map[string][]flow.MessageID{"back": back, "onwards": onwards} {
		if diff := cmp.Diff(sent, read); diff != "" {
			t.Errorf("read %s as long as something is said to be missing (-want +got):\n%s", way, diff)
		}
	}
}

// page reads a part of a channel, and what is said to be missing of it.
func (p *person) page(t *testing.T, channel flow.ChannelID, filters flow.MessageFilters) ([]flow.MessageID, flow.Missing) {
	t.Helper()
	ctx, receipt := flow.WithReceipt(t.Context())
	list, err := flow.EnumerateMessages.Call(ctx, p, flow.EnumerateMessagesInput{ChannelID: channel, Filters: &filters})
	if err != nil || len(list) == 0 {
		t.Fatalf("of %+v there are %d messages, error %v", filters, len(list), err)
	}
	return ids(list), receipt.Missing()
}

func longLeavings(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	vault, _ := n.escrowAccount(t)
	alice.admits(t, org, vault, flow.Member)
	channel := alice.opens(t, org, "general")
	sent := alice.shouts(t, channel)
	must(t, alice, flow.MarkMessagesDeleted, deletes(channel, sent...))
	var read []flow.MessageID
	for filters, more := (flow.MessageFilters{}), true; more; filters.Before = read[len(read)-1] {
		ctx, receipt := flow.WithReceipt(t.Context())
		list, err := flow.EnumerateDeletedMessages.Call(ctx, vault, flow.EnumerateDeletedMessagesInput{ChannelID: channel, Filters: &filters})
		if err != nil || len(list) == 0 {
			t.Fatalf("of %+v there are %d messages, error %v", filters, len(list), err)
		}
		read, more = append(read, ids(list)...), receipt.Missing().Older
	}
	slices.Reverse(read)
	if diff := cmp.Diff(sent, read); diff != "" {
		t.Errorf("read as long as something is said to be missing (-want +got):\n%s", diff)
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
	ctx, receipt := flow.WithReceipt(t.Context())
	list, err := flow.SearchMessageContext.Call(ctx, bob, flow.SearchMessageContextInput{
		ID: "s", ChannelID: channel, MessageID: sent[hit], Before: hit, After: hit,
	})
	if err != nil {
		t.Fatal(err)
	}
	shown, missing := ids(list), receipt.Missing()
	place := slices.Index(shown, sent[hit])
	if place < 1 || place > len(shown)-2 {
		t.Fatalf("of %d messages the hit is number %d, want neighbours on both sides", len(shown), place+1)
	}
	if diff := cmp.Diff(sent[hit-place:][:len(shown)], shown); diff != "" {
		t.Errorf("the messages around the hit (-want +got):\n%s", diff)
	}
	if older, newer := shown[0] != sent[0], shown[len(shown)-1] != sent[manyLong-1]; missing != (flow.Missing{Older: older, Newer: newer}) {
		t.Errorf("around the hit older ones are left out: %t, newer ones: %t, and %+v is said to be missing", older, newer, missing)
	}
}
