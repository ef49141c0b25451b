package resources_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Two accounts with servers of their own: what one sends, the other's client hears of
// and reads, in both protocol eras.
func TestUpdate(t *testing.T) {
	for name, version := range map[string]string{"handshake": handshake, "modern": modern} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ben := open(t, dir, "ben")
			home := ben.home(t)
			h := connect(t, open(t, dir, "ana"), version)
			for _, uri := range []string{"flow://channels/" + string(home.ChannelID), "flow://channels/general"} {
				h.watch(t, uri)
				for i := range 3 {
					text := fmt.Sprint(uri, i)
					ben.send(t, home.ChannelID, text)
					for seen := ""; seen != text; { // an earlier update may arrive first
						h.awaitUpdate(t, uri)
						if got := texts(h.read(t, uri)); len(got) > 0 {
							seen = got[0]
						}
					}
				}
			}
		})
	}
}

// A new name is announced wherever it may stand, and who looks finds it there; the old one
// leads nowhere.
func TestRename(t *testing.T) {
	dir := t.TempDir()
	ben := open(t, dir, "ben")
	home := ben.home(t)
	ben.send(t, home.ChannelID, "hello")
	h := connect(t, open(t, dir, "ana"), handshake)
	h.read(t, "flow://accounts/ben")
	h.watch(t, "flow://channels/general")
	must(t, ben, flow.ChangeUsername, flow.ChangeUsernameInput{Username: "Benjamin"})
	for named := false; !named; { // an earlier update may arrive first
		h.awaitUpdate(t, "flow://channels/general")
		said, err := json.Marshal(h.read(t, "flow://channels/general"))
		if err != nil {
			t.Fatal(err)
		}
		named = strings.Contains(string(said), "Benjamin")
	}
	h.read(t, "flow://accounts/Benjamin")
	if code, text := h.fails(t, "resources/read", map[string]any{"uri": "flow://accounts/ben"}); code != mcp.RESOURCE_NOT_FOUND {
		t.Errorf("the old name is refused with %d (%s), want %d", code, text, mcp.RESOURCE_NOT_FOUND)
	}
}

// New and vanished channels change the list, in both eras.
func TestListChanged(t *testing.T) {
	for name, version := range map[string]string{"handshake": handshake, "modern": modern} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ben := open(t, dir, "ben")
			home := ben.home(t)
			h := connect(t, open(t, dir, "ana"), version)
			me := h.home(t).AccountID
			h.watch(t, "flow://me")
			count := len(list(t, h.Client))
			listed := func(want int) {
				t.Helper()
				for count != want {
					h.awaitChange(t)
					count = len(list(t, h.Client))
				}
			}
			id := must(t, ben, flow.NewChannel, flow.NewChannelInput{OrgID: home.OrgID, Name: "short"})
			must(t, ben, flow.ChannelAddMember, flow.ChannelAddMemberInput{ChannelID: id, MemberAccountID: me, MemberState: flow.Member})
			listed(count + 1)
			must(t, ben, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: id})
			listed(count - 1)
		})
	}
}

// audience notes what is announced to the subscribers of some URIs.
type audience struct {
	uris    []string
	updated map[string]bool
	list    bool
}

func (a *audience) Subscribed() []string { return a.uris }
func (a *audience) ResourceListChanged() { a.list = true }
func (a *audience) ResourceUpdated(uri string) {
	if slices.Contains(a.uris, uri) {
		a.updated[uri] = true
	}
}

// heard returns what was announced since the last time, in the order of the URIs.
func (a *audience) heard() (updated []string, list bool) {
	for _, uri := range a.uris {
		if a.updated[uri] {
			updated = append(updated, uri)
		}
	}
	list = a.list
	a.updated, a.list = map[string]bool{}, false
	return updated, list
}

// Each change is announced at the resources that show it, and nowhere else, under the
// names that the subscribers used.
func TestWhatChangesWhat(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	home := ben.home(t)
	me := ana.home(t).AccountID
	org := must(t, ana, flow.NewOrg, flow.NewOrgInput{Name: "Design", Discoverable: true})
	message := ben.send(t, home.ChannelID, "first")
	general, design := "flow://channels/"+string(home.ChannelID), "flow://orgs/"+string(org.ID)
	link := flow.Link{Channel: home.ChannelID, Message: message}.String()
	a := &audience{updated: map[string]bool{}, uris: []string{
		"flow://me", "flow://inbox", "flow://events", "flow://events?after=0", design, "flow://orgs/design",
		"flow://orgs/Home", general, "flow://channels/general", general + "/messages", general + "/messages?limit=5",
		"flow://channels/Home%2Fgeneral/messages", link, "flow://accounts/ben",
	}}
	ana.shown.AnnounceTo(a)
	for _, uri := range a.uris {
		if err := ana.shown.Subscribe(t.Context(), uri); err != nil {
			t.Fatal(err)
		}
	}
	events := []string{"flow://events", "flow://events?after=0"}
	channel := []string{general, "flow://channels/general"}
	history := []string{general + "/messages", general + "/messages?limit=5", "flow://channels/Home%2Fgeneral/messages"}
	team := []string{design, "flow://orgs/design"}
	inbox, account := []string{"flow://inbox"}, []string{"flow://me"}
	var colours flow.ChannelID
	for _, step := range []struct {
		what string
		do   func()
		want []string
		list bool
	}{
		{"a message", func() { ben.send(t, home.ChannelID, "second") },
			slices.Concat(inbox, events, channel, history), false},
		{"a read mark", func() {
			must(t, ana, flow.SetChannelReadHWM, flow.SetChannelReadHWMInput{ChannelID: home.ChannelID, MessageID: message})
		}, slices.Concat(inbox, events, channel, history), false},
		{"a deletion", func() {
			must(t, ben, flow.MarkMessagesDeleted, flow.MarkMessagesDeletedInput{
				ChannelID: home.ChannelID, Messages: []flow.MessageRef{{MessageID: message}},
			})
		}, slices.Concat(inbox, events, channel, history, []string{link}), false},
		{"a status", func() { must(t, ben, flow.SetProfile, flow.SetProfileInput{Item: "status", Content: "away"}) },
			slices.Concat(events, []string{"flow://accounts/ben"}), false},
		{"a profile", func() { must(t, ben, flow.SetProfile, flow.SetProfileInput{Content: `{"displayName":"B"}`}) },
			slices.Concat(events, []string{"flow://accounts/ben"}), false},
		{"a new name", func() { must(t, ben, flow.ChangeUsername, flow.ChangeUsernameInput{Username: "Benjamin"}) }, a.uris, true},
		{"a profile under the new name", func() { must(t, ben, flow.SetProfile, flow.SetProfileInput{}) },
			slices.Concat(events, []string{"flow://accounts/ben"}), false},
		{"a request", func() { must(t, ben, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: org.ID}) },
			slices.Concat(events, team), false},
		{"a new member", func() {
			must(t, ana, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: org.ID, MemberAccountID: home.AccountID, MemberState: flow.Member})
		}, slices.Concat(events, team, []string{"flow://accounts/ben"}), false},
		{"a new channel", func() {
			colours = must(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: org.ID, Name: "colours"})
		}, slices.Concat(account, inbox, events, team), true},
		{"another's coming", func() {
			must(t, ana, flow.ChannelAddMember, flow.ChannelAddMemberInput{ChannelID: colours, MemberAccountID: home.AccountID, MemberState: flow.Member})
		}, events, false},
		{"another's going", func() {
			must(t, ana, flow.NewChannelMemberState, flow.NewChannelMemberStateInput{ChannelID: colours, MemberAccountID: home.AccountID, MemberState: flow.Banned})
		}, events, false},
		{"a vanished channel", func() { must(t, ana, flow.DeleteChannel, flow.DeleteChannelInput{ChannelID: colours}) },
			slices.Concat(account, inbox, events, team), true},
		{"leaving the home", func() {
			must(t, ana, flow.NewChannelMemberState, flow.NewChannelMemberStateInput{ChannelID: home.ChannelID, MemberAccountID: me, MemberState: flow.Banned})
		}, slices.Concat(account, inbox, events, []string{"flow://orgs/Home"}, channel, history), true},
	} {
		cursor := must(t, ana, flow.EnumerateEvents, flow.EnumerateEventsInput{}).Next
		step.do()
		for _, n := range must(t, ana, flow.EnumerateEvents, flow.EnumerateEventsInput{After: &cursor}).Events {
			ana.dir.Observe(n)
			ana.shown.Observe(n)
		}
		updated, list := a.heard()
		step.want = slices.Clone(step.want)
		slices.SortFunc(step.want, func(x, y string) int { return slices.Index(a.uris, x) - slices.Index(a.uris, y) })
		if diff := cmp.Diff(step.want, updated); diff != "" || list != step.list {
			t.Errorf("%s, list changed %v, want %v (-want +got):\n%s", step.what, list, step.list, diff)
		}
	}
}

// When nobody knows what happened, everybody looks again.
func TestLookAgain(t *testing.T) {
	ana := open(t, t.TempDir(), "ana")
	general := "flow://channels/" + string(ana.home(t).ChannelID)
	a := &audience{updated: map[string]bool{}, uris: []string{"flow://inbox", general}}
	ana.shown.AnnounceTo(a)
	for i, n := range []flow.Notification{
		{Type: flow.Connected},
		{Type: flow.Connected},
		{Type: flow.MessageEvent.Type(), Seq: 1, Data: json.RawMessage(`"not as documented"`)},
	} {
		ana.shown.Observe(n)
		updated, list := a.heard()
		if diff := cmp.Diff(a.uris, updated); diff != "" {
			t.Errorf("after notification %d (-want +got):\n%s", i, diff)
		}
		if want := i == 1; list != want { // the first connection is not a gap
			t.Errorf("after notification %d the list changed: %v", i, list)
		}
	}
	ana.shown.Observe(flow.Notification{Type: "of-the-future", Data: json.RawMessage(`{}`)})
	if updated, _ := a.heard(); updated != nil {
		t.Errorf("a notification of an unknown type is announced at %v", updated)
	}
}

// What happens while the backend is replaced is announced too.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	ana, ben := open(t, dir, "ana"), open(t, dir, "ben")
	home := ben.home(t)
	h := connect(t, ana, handshake)
	uri := "flow://channels/general"
	h.watch(t, uri)
	for i := range 3 {
		text := fmt.Sprint("in gap ", i)
		ana.backend.replace(t, dir)
		ben.send(t, home.ChannelID, text)
		for seen := ""; seen != text; seen = texts(h.read(t, uri))[0] {
			h.awaitUpdate(t, uri)
		}
	}
}

func TestSubscribeRefuses(t *testing.T) {
	dir := t.TempDir()
	stranger := open(t, dir, "stranger")
	org := must(t, stranger, flow.NewOrg, flow.NewOrgInput{Name: "Secret"})
	private := must(t, stranger, flow.NewChannel, flow.NewChannelInput{OrgID: org.ID, Name: "private"})
	uris := map[string]int{
		"flow://nothing":                            mcp.RESOURCE_NOT_FOUND,
		"flow://channels/" + string(private):        mcp.RESOURCE_NOT_FOUND,
		"flow://channels/private/messages":          mcp.RESOURCE_NOT_FOUND,
		"flow://channels/general/messages?limit=no": mcp.INVALID_PARAMS,
	}
	h := connect(t, open(t, dir, "ana"), handshake)
	for uri, want := range uris {
		if code, text := h.fails(t, "resources/subscribe", map[string]any{"uri": uri}); code != want {
			t.Errorf("subscribing to %s is refused with %d (%s), want %d", uri, code, text, want)
		}
	}
	m := connect(t, open(t, dir, "ben"), modern)
	for uri := range uris {
		err := m.Listen(t.Context(), mcp.SubscriptionFilter{ResourceSubscriptions: []string{uri}})
		if err == nil {
			t.Errorf("listening to %s is not refused", uri)
		}
	}
}

// Without a backend what may be right is taken: once there is one, all look again.
func TestSubscribeWithoutBackend(t *testing.T) {
	b := &backend{}
	ana := serving(b, "ana")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	id := flow.NewID()
	for uri, want := range map[string]flow.Code{
		"flow://channels/" + id: "",
		"flow://orgs/" + id:     "",
		"flow://me":             "",
		"flow://channels/ambig": flow.Unavailable,
		"flow://nothing":        flow.NotFound,
	} {
		for _, ctx := range []context.Context{ctx, t.Context()} {
			err := ana.shown.Subscribe(ctx, uri)
			if got := flow.CodeOf(err); got != want && ctx.Err() == nil {
				t.Errorf("subscribing to %s: %v, want %q", uri, err, want)
			}
		}
	}
}

// Aliases that nobody is subscribed to any more do not pile up, and those that somebody
// is subscribed to are kept.
func TestManyAliases(t *testing.T) {
	ana := open(t, t.TempDir(), "ana")
	home := ana.home(t)
	kept := "flow://channels/general/messages?limit=500"
	a := &audience{updated: map[string]bool{}, uris: []string{kept}}
	ana.shown.AnnounceTo(a)
	subscribe := func(uri string) {
		if err := ana.shown.Subscribe(t.Context(), uri); err != nil {
			t.Fatal(err)
		}
	}
	subscribe(kept)
	for i := range 5000 {
		subscribe(fmt.Sprintf("flow://events?after=%d", i))
	}
	ana.shown.Observe(flow.MessageEvent.Make(1, flow.MessageChange{RegularMessages: []flow.Message{{ChannelID: home.ChannelID}}}))
	if updated, _ := a.heard(); !slices.Equal(updated, []string{kept}) {
		t.Errorf("announced at %v, want %s", updated, kept)
	}
}
