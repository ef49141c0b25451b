package flowtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var searching = []scenario{
	{"finds parts of the text, whatever the case and accents", searchFinds},
	{"sees what has just been sent", searchIsCurrent},
	{"serves a channel as a database", searchRecords},
	{"looks for words wherever they stand", searchWords},
	{"looks for words in the names of files", searchFileNames},
	{"looks in all own channels when none is given", searchEverywhere},
	{"returns the newest hits, oldest first", searchIsCapped},
	{"has limits", searchLimits},
}

// found returns the texts that a search in one channel finds.
func found(t *testing.T, p *person, channel flow.ChannelID, text string) []string {
	t.Helper()
	var texts []string
	for _, hit := range must(t, p, flow.Search, flow.SearchInput{ChannelID: channel, Search: text}) {
		if hit.Type != "message" {
			t.Errorf("a hit has the type %q", hit.Type)
		}
		texts = append(texts, hit.Data.Text)
	}
	return texts
}

func searchFinds(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	texts := []string{
		"The launch is on Friday",
		"Café au lait, s'il vous plaît",
		"ΑΘΗΝΑ is Athens",
		"see feeds_ABC-123, not feedsXABC",
		`{"key": "value", "n": [1,2]}`,
		"100% sure_thing",
		"北京市很大",
		"ship it 🚀",
		"مرحبا بالعالم",
		"a\"quoted\" OR word*",
	}
	for _, text := range texts {
		alice.send(t, general, text)
	}
	for _, query := range []struct {
		text string
		want []int
	}{
		{"launch", []int{0}},
		{"LAUNCH", []int{0}},
		{"aunc", []int{0}},
		{"on Friday", []int{0}},
		{"Friday launch", nil}, // not a substring
		{"cafe", []int{1}},
		{"CAFÉ", []int{1}},
		{"cafe\u0301", []int{1}},
		{"plait", []int{1}},
		{"αθηνα", []int{2}},
		{"feeds_ABC-123", []int{3}},
		{"feeds_", []int{3}},
		{"feeds", []int{3}},
		{`"key": "value"`, []int{4}},
		{"[1,2]", []int{4}},
		{"100%", []int{5}},
		{"%", []int{5}},
		{"e_t", []int{5}},
		{"京市", []int{6}},
		{"大", []int{6}},
		{"🚀", []int{7}},
		{"بالعالم", []int{8}},
		{"word*", []int{9}},
		{`"quoted" OR`, []int{9}},
		{"NEAR", nil},
		{"nothing like it", nil},
		{"is", []int{0, 2}},
	} {
		var want []string
		for _, i := range query.want {
			want = append(want, texts[i])
		}
		if diff := cmp.Diff(want, found(t, alice, general, query.text)); diff != "" {
			t.Errorf("search for %q (-want +got):\n%s", query.text, diff)
		}
	}
}

func searchIsCurrent(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	for i := range 20 {
		text := fmt.Sprintf("needle-%d", i)
		id := alice.send(t, general, text)
		hits := must(t, bob, flow.Search, flow.SearchInput{OrgID: org, ChannelID: general, Search: text})
		if len(hits) == 0 || hits[len(hits)-1].Data.ID != id {
			t.Fatalf("a message that was just sent is not found: %+v", hits)
		}
		if diff := cmp.Diff(bob.messages(t, general, flow.MessageFilters{Limit: 1})[0], hits[len(hits)-1].Data); diff != "" {
			t.Fatalf("a hit is the whole message (-read +hit):\n%s", diff)
		}
	}
	id := alice.send(t, general, "a mistake")
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, id))
	if got := found(t, bob, general, "mistake"); len(got) != 0 {
		t.Errorf("a deleted message is found: %q", got)
	}
}

// searchRecords: flowbot keeps records as messages and takes the last hit as current.
func searchRecords(t *testing.T, n *network) {
	bot := n.join(t, "bot")
	org := bot.founds(t, "Team")
	database, other := bot.opens(t, org, "database"), bot.opens(t, org, "other")
	key := fmt.Sprintf("feeds_%s", other)
	if got := found(t, bot, database, key); len(got) != 0 {
		t.Errorf("an empty database holds %q", got)
	}
	var want []string
	for i := range 3 {
		record := fmt.Sprintf(`{"key": %q, "value": [%d]}`, key, i)
		bot.send(t, database, record)
		bot.send(t, database, fmt.Sprintf(`{"key": "feeds_%s", "value": "decoy"}`, database))
		want = append(want, record)
	}
	if diff := cmp.Diff(want, found(t, bot, database, key)); diff != "" {
		t.Errorf("the records of a key, oldest first (-want +got):\n%s", diff)
	}
}

// searchFileNames: words may stand in the names of a message's files, and a text in the
// body alone.
func searchFileNames(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	team := alice.founds(t, "Team")
	general := alice.opens(t, team, "general")
	in := withFiles(general, alice.registers(t, team, "Budget-2027_final.xlsx"), alice.registers(t, team, "Übersicht.pdf"))
	in.Text = "Here is what Ben asked for"
	id := must(t, alice, flow.SendMessage, in)
	alice.send(t, general, "The budget is there")
	for text, want := range map[string]int{
		"budget":                  2,
		"budget here":             1,
		"xlsx uber":               1,
		`"budget 2027"`:           1,
		`"asked for budget"`:      0,
		"Budget-2027_final.xlsx":  1,
		"final.xlsx ben friday":   0,
		`"final xlsx" ubersicht.`: 1,
	} {
		if got := must(t, alice, flow.Search, flow.SearchInput{Search: text, Words: true}); len(got) != want {
			t.Errorf("%s finds %d messages, want %d", text, len(got), want)
		}
	}
	if got := found(t, alice, general, "budget"); len(got) != 1 {
		t.Errorf("the text is in %q", got)
	}
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, id))
	if got := must(t, alice, flow.Search, flow.SearchInput{Search: "ubersicht", Words: true}); len(got) != 0 {
		t.Errorf("a deleted message is found: %+v", got)
	}
}

func searchWords(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	texts := []string{"The launch is on Friday", "Friday's launches", "relaunch, Friday", "ein Café am Freitag", "我在北京工作", `a "quoted" thing`, "The **new** product (v2.0)!", "feeds_ABC-12"}
	for _, text := range texts {
		alice.send(t, general, text)
	}
	for _, query := range []struct {
		text  string
		limit int
		want  []int
	}{
		{"Friday launch", 0, []int{0, 1}},
		{"fri laun", 1, []int{1}},
		{"friday", 2, []int{1, 2}},
		{`"launch is" friday`, 0, []int{0}},
		{`"is launch"`, 0, nil},
		{"aunch", 0, nil}, // no word begins so
		{"FREITAG cafe", 0, []int{3}},
		{"工作 北京", 0, []int{4}},
		{`"quoted`, 0, []int{5}},
		{"new, product!", 0, []int{6}}, // punctuation is none of the words
		{`"the new product"`, 0, []int{6}},
		{"“new product”", 0, []int{6}},
		{"V2.0?", 0, []int{6}},
		{"feeds abc", 0, []int{7}},
		{"#feeds_abc", 0, []int{7}},
		{"launch holiday", 0, nil},
	} {
		var got, want []string
		for _, hit := range must(t, alice, flow.Search, flow.SearchInput{ChannelID: general, Search: query.text, Words: true, Limit: query.limit}) {
			got = append(got, hit.Data.Text)
		}
		for _, i := range query.want {
			want = append(want, texts[i])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("search for %q, %d hits (-want +got):\n%s", query.text, query.limit, diff)
		}
	}
	for _, limit := range []int{-1, flow.MaxHits + 1} {
		refuse(t, alice, flow.Search, flow.SearchInput{ChannelID: general, Search: "x", Limit: limit}, flow.Invalid)
	}
	var many strings.Builder
	for i := range 33 {
		fmt.Fprint(&many, "word", i, " ")
	}
	for _, wrong := range []string{`""`, "?!", " ", many.String()} {
		refuse(t, alice, flow.Search, flow.SearchInput{ChannelID: general, Search: wrong, Words: true}, flow.Invalid)
	}
	must(t, alice, flow.Search, flow.SearchInput{ChannelID: general, Search: strings.Repeat("friday ", 100), Words: true})
	if got := alice.starts(t, "s", "q", "Friday launch", "words", "true"); len(got.Results) != 1 || got.Results[0].Count != 2 {
		t.Errorf("a search that was started for words found %+v", got)
	}
	refuse(t, alice, flow.StartSearch, flow.StartSearchInput{ID: "s", URL: "q=x&words=some"}, flow.Invalid)
}

func searchEverywhere(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	first, second := alice.founds(t, "First", bob), alice.founds(t, "Second", bob)
	one, two := alice.opens(t, first, "one", bob), alice.opens(t, second, "two", bob)
	private := alice.opens(t, first, "private")
	alice.send(t, one, "treasure in one")
	alice.send(t, private, "treasure in private")
	alice.send(t, two, "treasure in two")
	if diff := cmp.Diff([]string{"treasure in one", "treasure in two"}, found(t, bob, "", "treasure")); diff != "" {
		t.Errorf("bob's channels (-want +got):\n%s", diff)
	}
	var inFirst []string
	for _, hit := range must(t, bob, flow.Search, flow.SearchInput{OrgID: first, Search: "treasure"}) {
		inFirst = append(inFirst, hit.Data.Text)
	}
	if diff := cmp.Diff([]string{"treasure in one"}, inFirst); diff != "" {
		t.Errorf("one team's channels (-want +got):\n%s", diff)
	}
	// The form in which a program searches that has no channel yet.
	params := fmt.Sprintf(`{"SessionID":%d,"OrgID":%q,"ChannelID":null,"Search":"no such thing"}`, bob.ID, first)
	if got := raw(t, bob.Caller, "Search", params); got != "[]" {
		t.Errorf("a search without a channel and hits returns %s, want []", got)
	}
	alice.bans(t, one, bob)
	if diff := cmp.Diff([]string{"treasure in two"}, found(t, bob, "", "treasure")); diff != "" {
		t.Errorf("after bob left a channel (-want +got):\n%s", diff)
	}
}

func searchIsCapped(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	flood(t, alice, general, flow.MaxHits+5)
	ctx, receipt := flow.WithReceipt(t.Context())
	hits, err := flow.Search.Call(ctx, alice, flow.SearchInput{ChannelID: general, Search: "flood"})
	if err != nil || !receipt.Missing().Older {
		t.Errorf("a search that is cut says that this is missing: %+v, %v", receipt.Missing(), err)
	}
	ctx, receipt = flow.WithReceipt(t.Context())
	if _, err := flow.Search.Call(ctx, alice, flow.SearchInput{ChannelID: general, Search: "flod"}); err != nil || receipt.Missing() != (flow.Missing{}) {
		t.Errorf("a search that has looked at all says that this is missing: %+v, %v", receipt.Missing(), err)
	}
	newest := alice.messages(t, general, flow.MessageFilters{Limit: flow.MaxHits})
	if len(hits) != flow.MaxHits {
		t.Fatalf("of %d there are %d hits, want %d", flow.MaxHits+5, len(hits), flow.MaxHits)
	}
	for i, hit := range hits {
		if want := newest[len(newest)-1-i].ID; hit.Data.ID != want {
			t.Fatalf("hit %d is %s, want %s: the newest, oldest first", i, hit.Data.ID, want)
		}
	}
}

func searchLimits(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	for _, text := range []string{"", strings.Repeat("é", 1001)} {
		refuse(t, alice, flow.Search, flow.SearchInput{ChannelID: general, Search: text}, flow.Invalid)
	}
	long := strings.Repeat("é", 1000)
	alice.send(t, general, long)
	if got := found(t, alice, general, long); len(got) != 1 {
		t.Errorf("a search for 1000 characters finds %d", len(got))
	}
	refuse(t, alice, flow.Search, flow.SearchInput{OrgID: "NONE", ChannelID: general, Search: "x"}, flow.NotFound, flow.Invalid)
}
