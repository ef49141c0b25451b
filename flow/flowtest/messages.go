package flowtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var messages = []scenario{
	{"arrive whole", messagesArriveWhole},
	{"come back byte for byte", messagesKeepTheirBytes},
	{"carry metadata as text", messagesCarryOtherData},
	{"have limits", messageLimits},
	{"are read newest first, page by page", messagesArePaged},
	{"that one answer does not hold are missed", messagesAreMissed},
	{"are deleted by their author", authorsDelete},
	{"are deleted by an admin, and not by others", adminsDelete},
	{"go where they are sent", messagesHaveAPlace},
}

func messagesArriveWhole(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	id := alice.send(t, general, "hi")
	read := bob.messages(t, general, flow.MessageFilters{})
	if len(read) != 1 || read[0].CreationTime < 1_500_000_000_000 || read[0].CreationTime > 9_000_000_000_000 {
		t.Fatalf("the channel holds %+v, want one message with a time in milliseconds", read)
	}
	want := flow.Message{
		ID: id, OrgID: org, ChannelID: general, SenderAccountID: alice.id, Text: "hi",
		CreationTime: read[0].CreationTime, Attachments: []flow.Attachment{},
	}
	if diff := cmp.Diff(want, read[0]); diff != "" {
		t.Errorf("the message as read (-want +got):\n%s", diff)
	}
	for _, p := range []*person{alice, bob} {
		if diff := cmp.Diff(want, p.waitMessage(t)); diff != "" {
			t.Errorf("the message as %s was told of it (-want +got):\n%s", p.name, diff)
		}
	}
}

func messagesKeepTheirBytes(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	for _, text := range []string{
		"plain",
		" blanks at both ends ",
		"two\r\nlines\n\n",
		"caf\u00e9 and cafe\u0301",
		"👩‍👩‍👧‍👦 🇩🇪 👍🏽",
		"שלום עולם, مرحبا بالعالم",
		"\u202edetrevni\u202c \u2066isolated\u2069 \ufeff\u200b",
		"\u2028 and \u2029",
		"a\x00b\x1b[31mred\x7f",
		"**bold** `code` <script>&amp;\"quotes\" \\backslash",
		"北京市 ﷽ 𝕬𝖇𝖈",
		"{\"json\": null}",
		strings.Repeat("🦊", flow.MaxText/4),
	} {
		alice.send(t, general, text)
		if got := bob.waitMessage(t).Text; got != text {
			t.Errorf("notified of %q, sent %q", got, text)
		}
		if got := bob.texts(t, general, flow.MessageFilters{Limit: 1}); len(got) != 1 || got[0] != text {
			t.Errorf("read %q, sent %q", got, text)
		}
	}
}

func messagesCarryOtherData(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	general := alice.opens(t, alice.founds(t, "Team", bob), "general", bob)
	send := func(data json.RawMessage) flow.Message {
		must(t, alice, flow.SendMessage, flow.SendMessageInput{ChannelID: general, Text: "look", OtherData: data})
		told, read := bob.waitMessage(t), bob.messages(t, general, flow.MessageFilters{Limit: 1})
		if diff := cmp.Diff([]flow.Message{told}, read); diff != "" {
			t.Errorf("the message as told and as read (-told +read):\n%s", diff)
		}
		return told
	}
	for _, none := range []json.RawMessage{nil, json.RawMessage("null")} {
		if got := send(none).OtherData; got != "" {
			t.Errorf("without metadata (%s) otherData is %q, want empty text", none, got)
		}
	}
	data := fmt.Sprintf(`{"highlighted":[%q],"n":12345678901234567890,"עברית":"🦊"}`, bob.id)
	got := send(json.RawMessage(data)).OtherData
	if !strings.Contains(got, string(bob.id)) {
		t.Errorf("the mentioned account's id does not stand in otherData: %s", got)
	}
	if diff := cmp.Diff(parsed(t, data), parsed(t, got)); diff != "" {
		t.Errorf("otherData (-sent +got):\n%s", diff)
	}
}

// parsed reads JSON without loss in its numbers.
func parsed(t *testing.T, text string) any {
	t.Helper()
	numbers := json.NewDecoder(strings.NewReader(text))
	numbers.UseNumber()
	var value any
	if err := numbers.Decode(&value); err != nil {
		t.Fatalf("%q is not JSON: %v", text, err)
	}
	return value
}

func messageLimits(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	refused := []flow.SendMessageInput{
		{Text: ""},
		{Text: " \t\r\n\u2003"},
		{Text: strings.Repeat("x", flow.MaxText+1)},
		{Text: strings.Repeat("🦊", flow.MaxText/4) + "x"},
		{Text: "x", OtherData: json.RawMessage(`"text"`)},
		{Text: "x", OtherData: json.RawMessage(`[1]`)},
		{Text: "x", OtherData: json.RawMessage(`{"a":"` + strings.Repeat("x", flow.MaxOtherData) + `"}`)},
	}
	for _, in := range refused {
		in.ChannelID = general
		refuse(t, alice, flow.SendMessage, in, flow.Invalid)
	}
	most := flow.SendMessageInput{
		ChannelID: general, Text: strings.Repeat("x", flow.MaxText),
		OtherData: json.RawMessage(`{"a":"` + strings.Repeat("x", flow.MaxOtherData-8) + `"}`),
	}
	must(t, alice, flow.SendMessage, most)
	for _, limit := range []int{-1, flow.MaxMessages + 1} {
		refuse(t, alice, flow.EnumerateMessages, flow.EnumerateMessagesInput{
			ChannelID: general, Filters: &flow.MessageFilters{Limit: limit},
		}, flow.Invalid)
	}
	if got := alice.messages(t, general, flow.MessageFilters{}); len(got) != 1 {
		t.Errorf("refused messages were sent: the channel holds %d", len(got))
	}
}

func messagesArePaged(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	general := alice.opens(t, alice.founds(t, "Team"), "general")
	ids := map[string]flow.MessageID{}
	for i := range 9 {
		text := fmt.Sprint(i + 1)
		ids[text] = alice.send(t, general, text)
	}
	for _, page := range []struct {
		filters flow.MessageFilters
		want    string
	}{
		{flow.MessageFilters{}, "9 8 7 6 5 4 3 2 1"},
		{flow.MessageFilters{Limit: 3}, "9 8 7"},
		{flow.MessageFilters{Limit: 3, Before: ids["7"]}, "6 5 4"},
		{flow.MessageFilters{Before: ids["3"]}, "2 1"},
		{flow.MessageFilters{Before: ids["1"]}, ""},
		{flow.MessageFilters{After: ids["7"]}, "9 8"},
		{flow.MessageFilters{After: ids["9"]}, ""},
		{flow.MessageFilters{After: ids["2"], Limit: 3}, "5 4 3"},
		{flow.MessageFilters{After: ids["2"], Before: ids["6"]}, "5 4 3"},
		{flow.MessageFilters{Message: ids["1"]}, "1"},
		{flow.MessageFilters{Message: ids["9"], Limit: 3}, "9"},
		{flow.MessageFilters{Message: ids["4"], After: ids["2"]}, "4"},
		{flow.MessageFilters{Message: ids["4"], Before: ids["2"]}, ""},
	} {
		if got := strings.Join(alice.texts(t, general, page.filters), " "); got != page.want {
			t.Errorf("%+v selects %q, want %q", page.filters, got, page.want)
		}
	}
	var times []int64
	for _, m := range alice.messages(t, general, flow.MessageFilters{}) {
		times = append(times, -m.CreationTime)
	}
	if !slices.IsSorted(times) {
		t.Errorf("newest first, but the times (negated) are %v", times)
	}
	elsewhere := alice.send(t, alice.opens(t, alice.founds(t, "Other"), "elsewhere"), "x")
	for _, filters := range []flow.MessageFilters{{Before: "NONE"}, {After: "NONE"}, {Message: "NONE"}, {Before: elsewhere}, {After: elsewhere}, {Message: elsewhere}} {
		refuse(t, alice, flow.EnumerateMessages, flow.EnumerateMessagesInput{
			ChannelID: general, Filters: &filters,
		}, flow.NotFound, flow.Invalid)
	}
}

// deletes asks for messages to be deleted.
func deletes(channel flow.ChannelID, ids ...flow.MessageID) flow.MarkMessagesDeletedInput {
	in := flow.MarkMessagesDeletedInput{ChannelID: channel}
	for _, id := range ids {
		in.Messages = append(in.Messages, flow.MessageRef{MessageID: id})
	}
	return in
}

// messagesAreMissed: those beyond a limit were not asked for.
func messagesAreMissed(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	channel := alice.opens(t, alice.founds(t, "Team"), "general")
	flood(t, alice, channel, flow.MaxMessages)
	for _, f := range []flow.MessageFilters{{}, {Limit: flow.MaxMessages}, {Limit: 1}} {
		if page, missing := alice.page(t, channel, f); missing != (flow.Missing{}) {
			t.Errorf("of %+v there are %d messages, and missing is said to be %+v", f, len(page), missing)
		}
	}
	alice.send(t, channel, "one more")
	for _, f := range []flow.MessageFilters{{}, {Limit: flow.MaxMessages}} {
		page, missing := alice.page(t, channel, f)
		if len(page) != flow.MaxMessages || missing.Older != (f.Limit == 0) {
			t.Errorf("of %+v there are %d messages, and missing is said to be %+v", f, len(page), missing)
		}
	}
}

func authorsDelete(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	first, second := bob.send(t, general, "first"), bob.send(t, general, "second")
	bob.send(t, general, "third")
	must(t, bob, flow.MarkMessagesDeleted, deletes(general, first, second))
	for _, p := range []*person{alice, bob} {
		gone := await(t, p, flow.MessageDeletionEvent)
		want := []flow.MessageDeletion{{OrgID: org, ChannelID: general, MessageIDs: []flow.MessageID{first, second}}}
		if diff := cmp.Diff(want, gone); diff != "" {
			t.Errorf("the deletion as %s was told of it (-want +got):\n%s", p.name, diff)
		}
		if diff := cmp.Diff([]string{"third"}, p.texts(t, general, flow.MessageFilters{})); diff != "" {
			t.Errorf("what is left for %s (-want +got):\n%s", p.name, diff)
		}
	}
	// Programs also send whole messages.
	whole, err := json.Marshal(bob.messages(t, general, flow.MessageFilters{}))
	if err != nil {
		t.Fatal(err)
	}
	raw(t, bob, "MarkMessagesDeleted", fmt.Sprintf(`{"OrgID":%q,"ChannelID":%q,"Messages":%s}`, org, general, whole))
	if left := bob.texts(t, general, flow.MessageFilters{}); len(left) != 0 {
		t.Errorf("what is left: %q", left)
	}
}

func adminsDelete(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	general := alice.opens(t, alice.founds(t, "Team", bob, carol), "general", bob, carol)
	hers, his := alice.send(t, general, "hers"), bob.send(t, general, "his")
	refuse(t, carol, flow.MarkMessagesDeleted, deletes(general, his), flow.Denied)
	// All or nothing: bob's own message stays as well.
	refuse(t, bob, flow.MarkMessagesDeleted, deletes(general, his, hers), flow.Denied)
	if got := alice.texts(t, general, flow.MessageFilters{}); len(got) != 2 {
		t.Errorf("after refusals the channel holds %q", got)
	}
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, his))
	if diff := cmp.Diff([]string{"hers"}, bob.texts(t, general, flow.MessageFilters{})); diff != "" {
		t.Errorf("after the admin's deletion (-want +got):\n%s", diff)
	}
	refuse(t, alice, flow.MarkMessagesDeleted, deletes(general, slices.Repeat([]flow.MessageID{hers}, 1001)...), flow.Invalid)
	other := alice.opens(t, alice.founds(t, "Other"), "other")
	refuse(t, alice, flow.MarkMessagesDeleted, deletes(other, hers), flow.NotFound, flow.Invalid)
	if got := alice.texts(t, general, flow.MessageFilters{}); len(got) != 1 {
		t.Errorf("a deletion in another channel left %q", got)
	}
}

func messagesHaveAPlace(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	must(t, alice, flow.SendMessage, flow.SendMessageInput{OrgID: org, ChannelID: general, Text: "with the team"})
	refuse(t, alice, flow.SendMessage, flow.SendMessageInput{OrgID: "NONE", ChannelID: general, Text: "hi"},
		flow.NotFound, flow.Invalid)
	refuse(t, alice, flow.SendMessage, flow.SendMessageInput{OrgID: alice.founds(t, "Other"), ChannelID: general, Text: "hi"},
		flow.NotFound, flow.Invalid)
	refuse(t, alice, flow.SendMessage, flow.SendMessageInput{Text: "hi"}, flow.NotFound, flow.Invalid)
	refuse(t, alice, flow.SendMessage, flow.SendMessageInput{
		ChannelID: general, Text: "see file", Attachments: []flow.AttachmentToSend{{ID: "NONE", Filename: "x"}},
	}, flow.NotFound, flow.Invalid)
	if diff := cmp.Diff([]string{"with the team"}, alice.texts(t, general, flow.MessageFilters{})); diff != "" {
		t.Errorf("the channel (-want +got):\n%s", diff)
	}
}
