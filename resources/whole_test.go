package resources_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestInboxLooksBehindOwnMessages(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	channel := ben.home(t).ChannelID
	h := connect(t, ana, handshake)
	ana.home(t)
	ben.send(t, channel, "@ana, look")
	for i := range 60 {
		ana.send(t, channel, fmt.Sprint(i))
	}
	inbox := h.read(t, "flow://inbox")
	letters := inbox["forYou"].([]any)
	if len(letters) != 1 || letters[0].(map[string]any)["text"] != "@ana, look" || inbox["cut"] != nil {
		t.Errorf("the inbox is %v", inbox)
	}
}

// Documents have a size; what does not fit is behind a link.
func TestLongHistory(t *testing.T) {
	h := connect(t, open(t, t.TempDir(), "ana"), handshake)
	channel := h.home(t).ChannelID
	const sent = 12
	for i := range sent {
		h.send(t, channel, fmt.Sprint(i, " ", strings.Repeat("x", 60_000)))
	}
	seen, pages := 0, 0
	for page := h.read(t, "flow://channels/general/messages"); page != nil; page = h.follow(t, page, "older") {
		seen += len(texts(page))
		pages++
	}
	if seen != sent || pages < 3 {
		t.Errorf("%d pages hold %d messages of 60 kB, want all %d on several", pages, seen, sent)
	}
}

func TestHiddenCharactersAreEscaped(t *testing.T) {
	h := connect(t, open(t, t.TempDir(), "ana"), handshake)
	h.send(t, h.home(t).ChannelID, "a\u202eb\u200bc\u200dd\ufe01e\U000E0041f\U000E0100g 👩‍👩‍👧")
	var in mcp.ReadResourceRequest
	in.Params.URI = "flow://channels/general"
	out, err := h.ReadResource(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	text := out.Contents[0].(mcp.TextResourceContents).Text
	if want := `a\u202eb\u200bc\u200dd\ufe01e\udb40\udc41f\udb40\udd00g 👩‍👩‍👧`; !strings.Contains(text, want) {
		t.Errorf("the document is %s, want %s in it", text, want)
	}
}

// TestInboxListsAtMost so many channels, and says that there are others.
func TestInboxListsAtMost(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	home, member := ben.home(t), ana.home(t).AccountID
	for i := range 205 {
		channel, err := flow.NewChannel.Call(t.Context(), ben, flow.NewChannelInput{OrgID: home.OrgID, Name: fmt.Sprint("c", i)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := flow.ChannelAddMember.Call(t.Context(), ben, flow.ChannelAddMemberInput{
			OrgID: home.OrgID, ChannelID: channel, MemberAccountID: member, MemberState: flow.Member,
		}); err != nil {
			t.Fatal(err)
		}
		ben.send(t, channel, "hello")
	}
	inbox := connect(t, ana, handshake).read(t, "flow://inbox")
	cut, _ := inbox["cut"].(string)
	if listed := len(inbox["unread"].([]any)); listed != 200 || !strings.Contains(cut, "first 200 channels") {
		t.Errorf("%d channels are listed, with the note %q", listed, cut)
	}
}
