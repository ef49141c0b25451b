package flowtest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var searches = []scenario{
	{"count what is found in which channel", searchesCount},
	{"read what is found by page, newest first", searchesPage},
	{"show a hit with its neighbours", searchesShowContext},
	{"show what the account may see when it reads", searchesShowWhatMayBeSeen},
	{"belong to their session", searchesBelongToSessions},
	{"are replaced and ended", searchesEnd},
	{"refuse what cannot be searched for", searchRefusals},
}

// starts starts a search and waits until it is done.
func (p *person) starts(t *testing.T, id flow.SearchID, values ...string) flow.SearchProgress {
	t.Helper()
	query := url.Values{}
	for i := 0; i < len(values); i += 2 {
		query.Set(values[i], values[i+1])
	}
	must(t, p, flow.StartSearch, flow.StartSearchInput{ID: id, URL: query.Encode()})
	return p.polls(t, id)
}

// polls waits until a search is done.
func (p *person) polls(t *testing.T, id flow.SearchID) flow.SearchProgress {
	t.Helper()
	for begin := time.Now(); ; {
		progress := must(t, p, flow.PollSearch, flow.PollSearchInput{ID: id})
		if progress.Done {
			return progress
		}
		if time.Since(begin) > patience {
			t.Fatalf("the search %q is not done after %s", id, patience)
		}
	}
}

// hits reads hits of a search in a channel, as texts.
func (p *person) hits(t *testing.T, id flow.SearchID, channel flow.ChannelID, start, stop int) []string {
	t.Helper()
	texts := []string{}
	for _, m := range must(t, p, flow.SearchMessageResults, flow.SearchMessageResultsInput{ID: id, ChannelID: channel, Start: start, Stop: stop}) {
		texts = append(texts, m.Text)
	}
	return texts
}

func searchesCount(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	first, second := alice.founds(t, "First", bob), alice.founds(t, "Second", bob)
	one, two, three := alice.opens(t, first, "one", bob), alice.opens(t, first, "two", bob), alice.opens(t, second, "three", bob)
	private := alice.opens(t, first, "private")
	for _, channel := range []flow.ChannelID{one, one, private, three, two, one, two} {
		alice.send(t, channel, "Trésor")
		alice.send(t, channel, "decoy")
	}
	inOne, inTwo, inThree := flow.SearchCount{OrgID: first, ChannelID: one, Count: 3},
		flow.SearchCount{OrgID: first, ChannelID: two, Count: 2}, flow.SearchCount{OrgID: second, ChannelID: three, Count: 1}
	for _, c := range []struct {
		what   string
		values []string
		want   []flow.SearchCount
	}{
		{"everywhere", []string{"q", "TRESOR"}, []flow.SearchCount{inTwo, inOne, inThree}},
		{"in a team", []string{"q", "tresor", "org", string(first)}, []flow.SearchCount{inTwo, inOne}},
		{"in a channel", []string{"q", "tresor", "channel", string(three)}, []flow.SearchCount{inThree}},
		{"in a channel of a team", []string{"q", "tresor", "org", string(second), "channel", string(three)}, []flow.SearchCount{inThree}},
		{"nothing", []string{"q", "nothing like it"}, []flow.SearchCount{}},
	} {
		got := bob.starts(t, "s", c.values...)
		if diff := cmp.Diff(flow.SearchProgress{Done: true, Results: c.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
	// The form in which a program asks that has a number as handle and a whole URL.
	params := fmt.Sprintf(`{"SessionID":%d,"Id":7,"Url":"search?q=tresor&channel=%s","Options":null}`, bob.ID, three)
	if got := raw(t, bob.Caller, "StartSearch", params); got != "null" {
		t.Errorf("StartSearch returns %s, want null", got)
	}
	if got := bob.polls(t, "7"); len(got.Results) != 1 {
		t.Errorf("a search with a number as handle found %+v", got)
	}
}

func searchesPage(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	const count = flow.MaxHits + 30
	flood(t, alice, general, count)
	progress := alice.starts(t, "s", "q", "flood")
	if len(progress.Results) != 1 || progress.Results[0].Count != count {
		t.Fatalf("of %d hits these are counted: %+v", count, progress)
	}
	want := alice.messages(t, general, flow.MessageFilters{})
	var got []flow.Message
	for start := 0; start < count; start += flow.MaxSearchPage {
		got = append(got, must(t, alice, flow.SearchMessageResults, flow.SearchMessageResultsInput{
			ID: "s", OrgID: org, ChannelID: general, Start: start, Stop: start + flow.MaxSearchPage,
		})...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("all hits by page, and the channel (-want +got):\n%s", diff)
	}
	texts := alice.texts(t, general, flow.MessageFilters{Limit: 5})
	if diff := cmp.Diff(texts[2:4], alice.hits(t, "s", general, 2, 4)); diff != "" {
		t.Errorf("hits 2 and 3 (-want +got):\n%s", diff)
	}
	for _, bounds := range [][2]int{{3, 3}, {count, count + 1}} {
		if got := alice.hits(t, "s", general, bounds[0], bounds[1]); len(got) != 0 {
			t.Errorf("hits %v are %q, want none", bounds, got)
		}
	}
	for _, bounds := range [][2]int{{-1, 3}, {3, 2}, {0, flow.MaxSearchPage + 1}} {
		refuse(t, alice, flow.SearchMessageResults, flow.SearchMessageResultsInput{
			ID: "s", ChannelID: general, Start: bounds[0], Stop: bounds[1],
		}, flow.Invalid)
	}
	alice.send(t, general, "flood again")
	if got := alice.polls(t, "s"); got.Results[0].Count != count {
		t.Errorf("a search that is done goes on to count: %+v", got)
	}
}

func searchesShowContext(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general, other := alice.opens(t, org, "general"), alice.opens(t, org, "other")
	var ids []flow.MessageID
	for _, text := range []string{"one", "two", "three needle", "four", "five"} {
		ids = append(ids, alice.send(t, general, text))
		alice.send(t, other, "elsewhere")
	}
	alice.starts(t, "s", "q", "needle")
	around := func(before, after int) []string {
		texts := []string{}
		for _, m := range must(t, alice, flow.SearchMessageContext, flow.SearchMessageContextInput{
			ID: "s", ChannelID: general, MessageID: ids[2], Before: before, After: after,
		}) {
			if m.OrgID != org || m.ChannelID != general || m.SenderAccountID != alice.id {
				t.Errorf("a message of the context is %+v", m)
			}
			texts = append(texts, m.Text)
		}
		return texts
	}
	for _, c := range []struct {
		before, after int
		want          []string
	}{
		{0, 0, []string{"three needle"}},
		{1, 0, []string{"two", "three needle"}},
		{0, 1, []string{"three needle", "four"}},
		{100, 100, []string{"one", "two", "three needle", "four", "five"}},
	} {
		if diff := cmp.Diff(c.want, around(c.before, c.after)); diff != "" {
			t.Errorf("%d before and %d after (-want +got):\n%s", c.before, c.after, diff)
		}
	}
	in := flow.SearchMessageContextInput{ID: "s", ChannelID: general, MessageID: ids[2]}
	for _, bounds := range [][2]int{{-1, 0}, {0, -1}, {101, 0}, {0, 101}} {
		wrong := in
		wrong.Before, wrong.After = bounds[0], bounds[1]
		refuse(t, alice, flow.SearchMessageContext, wrong, flow.Invalid)
	}
	for _, id := range []flow.MessageID{ids[0], "NONE", ""} {
		wrong := in
		wrong.MessageID = id
		refuse(t, alice, flow.SearchMessageContext, wrong, flow.NotFound)
	}
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, ids[1], ids[2]))
	refuse(t, alice, flow.SearchMessageContext, in, flow.NotFound)
}

func searchesShowWhatMayBeSeen(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general, other := alice.opens(t, org, "general", bob), alice.opens(t, org, "other", bob)
	alice.send(t, general, "needle 1")
	gone := alice.send(t, general, "needle 2")
	alice.send(t, general, "needle 3")
	hit := alice.send(t, other, "needle elsewhere")
	bob.starts(t, "s", "q", "needle")
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, gone))
	if diff := cmp.Diff([]string{"needle 3", "needle 1"}, bob.hits(t, "s", general, 0, 10)); diff != "" {
		t.Errorf("hits when one was deleted (-want +got):\n%s", diff)
	}
	if got := bob.hits(t, "s", general, 2, 3); !slices.Equal(got, []string{"needle 1"}) {
		t.Errorf("the last hit has moved, in its place are %q", got)
	}
	alice.bans(t, other, bob)
	got := bob.polls(t, "s")
	if len(got.Results) != 1 || got.Results[0].ChannelID != general {
		t.Errorf("after bob left a channel the search counts %+v", got)
	}
	refuse(t, bob, flow.SearchMessageResults, flow.SearchMessageResultsInput{ID: "s", ChannelID: other, Stop: 10}, flow.NotFound)
	refuse(t, bob, flow.SearchMessageContext, flow.SearchMessageContextInput{ID: "s", ChannelID: other, MessageID: hit}, flow.NotFound)
}

func searchesBelongToSessions(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	alice.send(t, general, "needle")
	alice.starts(t, "s", "q", "needle")
	second := open(t, alice.Caller)
	refuse(t, second, flow.PollSearch, flow.PollSearchInput{ID: "s"}, flow.Denied)
	must(t, second, flow.StartUp, flow.StartUpInput{Username: "alice"})
	refuse(t, second, flow.PollSearch, flow.PollSearchInput{ID: "s"}, flow.NotFound)
	refuse(t, second, flow.SearchMessageResults, flow.SearchMessageResultsInput{ID: "s", ChannelID: general, Stop: 1}, flow.NotFound)
	must(t, second, flow.DestroySearch, flow.DestroySearchInput{ID: "s"})
	if got := alice.polls(t, "s"); len(got.Results) != 1 {
		t.Errorf("another session ended the search: %+v", got)
	}
}

func searchesEnd(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	alice.send(t, general, "one")
	alice.send(t, general, "two")
	alice.starts(t, "s", "q", "one")
	alice.starts(t, "s", "q", "two")
	if got := alice.hits(t, "s", general, 0, 10); !slices.Equal(got, []string{"two"}) {
		t.Errorf("the search that replaced another finds %q", got)
	}
	for range 2 {
		must(t, alice, flow.DestroySearch, flow.DestroySearchInput{ID: "s"})
	}
	refuse(t, alice, flow.PollSearch, flow.PollSearchInput{ID: "s"}, flow.NotFound)
	refuse(t, alice, flow.SearchMessageContext, flow.SearchMessageContextInput{ID: "s", ChannelID: general}, flow.NotFound)
	for i := range flow.MaxSearches {
		must(t, alice, flow.StartSearch, flow.StartSearchInput{ID: flow.SearchID(fmt.Sprint(i)), URL: "q=one"})
	}
	one := flow.StartSearchInput{ID: "more", URL: "q=one"}
	refuse(t, alice, flow.StartSearch, one, flow.Conflict)
	must(t, alice, flow.StartSearch, flow.StartSearchInput{ID: "3", URL: "q=two"})
	must(t, alice, flow.DestroySearch, flow.DestroySearchInput{ID: "5"})
	must(t, alice, flow.StartSearch, one)
}

func searchRefusals(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	for _, link := range []string{
		"", "needle", "q=", "q=%20", "q=%CC%81", "q=%zz", "q=%ff", "q=a&q=b", "q=a&limit=3", "q=" + strings.Repeat("x", 1001),
	} {
		refuse(t, alice, flow.StartSearch, flow.StartSearchInput{ID: "s", URL: link}, flow.Invalid)
	}
	for _, link := range []string{"q=a&channel=NONE", "q=a&org=NONE", "q=a&channel=" + string(general), "q=a&org=" + string(org)} {
		refuse(t, bob, flow.StartSearch, flow.StartSearchInput{ID: "s", URL: link}, flow.NotFound)
	}
	for _, id := range []flow.SearchID{"", flow.SearchID(strings.Repeat("x", 101))} {
		refuse(t, alice, flow.StartSearch, flow.StartSearchInput{ID: id, URL: "q=a"}, flow.Invalid)
	}
	refuse(t, alice, flow.PollSearch, flow.PollSearchInput{ID: "s"}, flow.NotFound)
}
