package flowtest

import (
	"fmt"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var events = []scenario{
	{"start at the current end", eventsStartAtTheEnd},
	{"are the notifications, page by page", eventsArePaged},
	{"are waited for", eventsAreWaitedFor},
	{"come to an end when the time is up", eventsTimeOut},
	{"are those of the account", eventsAreOwn},
	{"follow a message", eventsFollowAMessage},
	{"have limits", eventLimits},
}

// eventsAfter reads one page.
func (p *person) eventsAfter(t *testing.T, after flow.Cursor, limit, wait int) flow.EventPage {
	t.Helper()
	return must(t, p, flow.EnumerateEvents, flow.EnumerateEventsInput{After: &after, Limit: limit, WaitMilliseconds: wait})
}

// end is the cursor after everything.
func (p *person) end(t *testing.T) flow.Cursor {
	t.Helper()
	return must(t, p, flow.EnumerateEvents, flow.EnumerateEventsInput{}).Next
}

func eventsStartAtTheEnd(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	alice.send(t, general, "before")
	page := must(t, alice, flow.EnumerateEvents, flow.EnumerateEventsInput{})
	if len(page.Events) != 0 || page.More || page.Next <= 0 {
		t.Errorf("without a cursor the page is %+v, want none and the end", page)
	}
	if empty := alice.eventsAfter(t, page.Next, 0, 0); len(empty.Events) != 0 || empty.Next < page.Next || empty.More {
		t.Errorf("at the end the page is %+v", empty)
	}
	alice.send(t, general, "after")
	next := alice.eventsAfter(t, page.Next, 0, 0)
	if diff := cmp.Diff([]string{"message"}, types(t, next.Events)); diff != "" {
		t.Fatalf("events after the end (-want +got):\n%s", diff)
	}
	if got := decode(t, flow.MessageEvent, next.Events[0]).RegularMessages[0].Text; got != "after" {
		t.Errorf("the event is the message %q", got)
	}
	if next.Events[0].Seq <= page.Next || next.Next < next.Events[0].Seq {
		t.Errorf("the event at %d is between %d and %d", next.Events[0].Seq, page.Next, next.Next)
	}
	if got := raw(t, alice, "EnumerateEvents", fmt.Sprintf(`{"After":%d}`, next.Next)); parsed(t, got).(map[string]any)["events"] == nil {
		t.Errorf("no events are null: %s", got)
	}
}

// eventsArePaged: reading the log in pages of any size gives what the notifications
// gave, and may be done again.
func eventsArePaged(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	bob.news(t)
	start := bob.end(t)
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	for i := range 5 {
		alice.send(t, general, fmt.Sprint(i))
	}
	end := bob.end(t)
	want := bob.news(t)
	for _, limit := range []int{1, 2, 3, 1000} {
		var got []flow.Notification
		for after, more := start, true; more; {
			page := bob.eventsAfter(t, after, limit, 0)
			if len(page.Events) > limit || page.Next < after {
				t.Fatalf("a page of %d after %d holds %d, next %d", limit, after, len(page.Events), page.Next)
			}
			for _, e := range page.Events {
				if e.Seq <= end {
					got = append(got, e)
				}
			}
			after, more = page.Next, page.More
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d (-notifications +events):\n%s", limit, diff)
		}
	}
}

func eventsAreWaitedFor(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	cursor := bob.end(t)
	for i := range 3 {
		arrived := make(chan flow.EventPage, 1)
		failed := make(chan error, 1)
		go func() {
			page, err := flow.EnumerateEvents.Call(t.Context(), bob, flow.EnumerateEventsInput{
				After: &cursor, WaitMilliseconds: 50_000,
			})
			failed <- err
			arrived <- page
		}()
		alice.send(t, general, fmt.Sprint(i))
		if err := <-failed; err != nil {
			t.Fatalf("EnumerateEvents with a wait: %v", err)
		}
		page := <-arrived
		if len(page.Events) != 1 {
			t.Fatalf("the page that was waited for is %+v", page)
		}
		if got := decode(t, flow.MessageEvent, page.Events[0]).RegularMessages[0].Text; got != fmt.Sprint(i) {
			t.Errorf("the event is %q, want %d", got, i)
		}
		cursor = page.Next
	}
}

func eventsTimeOut(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	alice.news(t)
	end := alice.end(t)
	if page := alice.eventsAfter(t, end, 0, 20); len(page.Events) != 0 || page.More || page.Next < end {
		t.Errorf("after a wait in vain the page is %+v", page)
	}
}

func eventsAreOwn(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	start := carol.end(t)
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	alice.send(t, general, "not for carol")
	if page := carol.eventsAfter(t, start, 1000, 0); len(page.Events) != 0 {
		t.Errorf("carol's log holds %v", types(t, page.Events))
	}
	if page := bob.eventsAfter(t, start, 1000, 0); len(page.Events) == 0 {
		t.Errorf("bob's log holds nothing")
	}
}

// eventsFollowAMessage: what happened after a message is found by the message.
func eventsFollowAMessage(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	alice.send(t, general, "before")
	question := alice.send(t, general, "question")
	alice.send(t, general, "answer")
	page := must(t, alice, flow.EnumerateEvents, flow.EnumerateEventsInput{AfterMessage: question})
	if len(page.Events) != 1 || decode(t, flow.MessageEvent, page.Events[0]).RegularMessages[0].Text != "answer" {
		t.Errorf("after the question there are the events %v", types(t, page.Events))
	}
	if again := alice.eventsAfter(t, page.Next, 0, 0); len(again.Events) != 0 {
		t.Errorf("after the answer there are the events %v", types(t, again.Events))
	}
	refuse(t, alice, flow.EnumerateEvents, flow.EnumerateEventsInput{AfterMessage: question, After: &page.Next}, flow.Invalid)
	refuse(t, alice, flow.EnumerateEvents, flow.EnumerateEventsInput{AfterMessage: "NONE"}, flow.NotFound)
	refuse(t, bob, flow.EnumerateEvents, flow.EnumerateEventsInput{AfterMessage: question}, flow.NotFound)
}

func eventLimits(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	var zero flow.Cursor
	for _, in := range []flow.EnumerateEventsInput{
		{After: &zero, Limit: -1}, {After: &zero, Limit: 1001},
		{After: &zero, WaitMilliseconds: -1}, {After: &zero, WaitMilliseconds: 110_001},
	} {
		refuse(t, alice, flow.EnumerateEvents, in, flow.Invalid)
	}
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	start := alice.end(t)
	flood(t, alice, general, 150)
	if page := alice.eventsAfter(t, start, 0, 0); len(page.Events) != 100 || !page.More {
		t.Errorf("without a limit a page holds %d events, more %v; want 100, true", len(page.Events), page.More)
	}
}
