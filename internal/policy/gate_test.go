package policy_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
	"github.com/flow-mcp/flow-mcp/internal/policy"
)

// fixed is a backend that is always there.
type fixed struct{ flow.Caller }

func (f fixed) Endpoint(context.Context) (flow.Endpoint, error) {
	return flow.Endpoint{Caller: f.Caller, Generation: 1}, nil
}

// lab is a store with a channel that a policy opens, and one that it closes.
type lab struct {
	store      flow.Caller
	ana, ben   *flow.Client // past the gate
	org        flow.OrgID
	benID      flow.AccountID
	open, shut flow.ChannelID
	said       flow.MessageID // by ben in the closed channel
	file       flow.AttachmentID
	told       flow.MessageID // by ben in the open one
}

const secret = "the plum pudding recipe"

func do[In, Out any](t testing.TB, c flow.Caller, op *flow.Operation[In, Out], in In) Out {
	t.Helper()
	out, err := op.Call(t.Context(), c, in)
	if err != nil {
		t.Fatalf("%s: %v", op.Info().Name, err)
	}
	return out
}

func newLab(t testing.TB) *lab {
	t.Helper()
	store, err := sqlite.Open(context.Background(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	l := &lab{store: store}
	l.ana = flow.NewClient(fixed{store}, flow.Setup{Username: "ana"})
	l.ben = flow.NewClient(fixed{store}, flow.Setup{Username: "ben"})
	home, err := l.ana.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.ben.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l.org, l.benID = home.OrgID, other.AccountID
	l.open, l.told = l.channel(t, "open", "hello")
	path := filepath.Join(t.TempDir(), "plum.txt")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	l.file = do(t, l.ben, flow.NewAttachment, flow.NewAttachmentInput{OrgID: l.org, FilePath: path})
	l.shut, l.said = l.channel(t, "vault", secret, flow.AttachmentToSend{ID: l.file})
	return l
}

// channel makes a channel of ana's in which ben has said something.
func (l *lab) channel(t testing.TB, name, text string, files ...flow.AttachmentToSend) (flow.ChannelID, flow.MessageID) {
	t.Helper()
	id := do(t, l.ana, flow.NewChannel, flow.NewChannelInput{OrgID: l.org, Name: name})
	do(t, l.ana, flow.ChannelAddMember, flow.ChannelAddMemberInput{OrgID: l.org, ChannelID: id, MemberAccountID: l.benID, MemberState: flow.Member})
	return id, do(t, l.ben, flow.SendMessage, flow.SendMessageInput{OrgID: l.org, ChannelID: id, Text: text, Attachments: files})
}

// behind returns ana's client behind a gate.
func (l *lab) behind(t testing.TB, text string) *flow.Client {
	t.Helper()
	p, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return flow.NewClient(policy.New(p, fixed{l.store}, nil), flow.Setup{Username: "ana"})
}

// leaks returns what a text tells of the closed channel that the asker did not say.
func (l *lab) leaks(text string, asked ...byte) string {
	for _, hidden := range []string{string(l.shut), string(l.said), string(l.file), secret, "plum", "vault"} {
		if strings.Contains(text, hidden) && !strings.Contains(string(asked), hidden) {
			return hidden
		}
	}
	return ""
}

// fill makes parameters that reach for the closed channel wherever their types let them.
func (l *lab) fill(v reflect.Value, channel flow.ChannelID) {
	switch p := v.Addr().Interface().(type) {
	case *flow.ChannelID:
		*p = channel
		return
	case *flow.OrgID:
		*p = l.org
		return
	case *flow.MessageID:
		*p = l.said
		return
	case *flow.AttachmentID:
		*p = l.file
		return
	case *flow.AccountID:
		*p = l.benID
		return
	case *json.RawMessage:
		*p = json.RawMessage(`{}`)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("m")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		l.fill(v.Elem(), channel)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		l.fill(v.Index(0), channel)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				l.fill(v.Field(i), channel)
			}
		}
	}
}

// No operation of the catalogue, present or future, reaches a closed channel or shows it:
// not with its id, nor with the id of the open one in its place, nor with none.
func TestNoOperationReachesAClosedChannel(t *testing.T) {
	const rules = "[channels]\nread = [\"Home/open\"]\n"
	reading := newLab(t)
	for _, op := range flow.Catalogue() {
		if op.Info().Effect == flow.Protocol {
			continue
		}
		t.Run(op.Info().Name, func(t *testing.T) {
			l := reading
			if op.Info().Effect != flow.Reads {
				l = newLab(t) // it may change what the others look at
			}
			for _, channel := range []flow.ChannelID{l.shut, l.open, ""} {
				if channel != l.shut && op.Info().Effect == flow.Destroys {
					continue
				}
				guarded := l.behind(t, rules)
				in, _ := op.Types()
				params := reflect.New(in)
				l.fill(params.Elem(), channel)
				raw, err := json.Marshal(params.Interface())
				if err != nil {
					t.Fatal(err)
				}
				result, err := guarded.Call(t.Context(), op.Info().Name, raw)
				said := string(result)
				if err != nil {
					said += err.Error()
				}
				if leak := l.leaks(said, raw...); leak != "" {
					t.Errorf("%s tells %q: %s", raw, leak, said)
				}
			}
			if got := do(t, l.ana, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: l.shut}); len(got) != 1 || got[0].ID != l.said {
				t.Errorf("the closed channel holds %v", got)
			}
			if got := do(t, l.ana, flow.EnumerateChannelMembers, flow.EnumerateChannelMembersInput{ChannelID: l.shut}); len(got) != 2 {
				t.Errorf("the closed channel has the members %v", got)
			}
		})
	}
}

// The answer about a closed channel is that about one which does not exist.
func TestAClosedChannelLooksAsIfItDidNotExist(t *testing.T) {
	l := newLab(t)
	guarded := l.behind(t, "[channels]\nread = [\"Home/open\"]\n")
	for _, op := range flow.Catalogue() {
		in, _ := op.Types()
		answers := map[flow.ChannelID]string{}
		for _, channel := range []flow.ChannelID{l.shut, flow.ChannelID(flow.NewID())} {
			params := reflect.New(in)
			l.fill(params.Elem(), channel)
			raw, err := json.Marshal(params.Interface())
			if err != nil {
				t.Fatal(err)
			}
			if op.Info().Effect == flow.Protocol || !strings.Contains(string(raw), string(channel)) {
				continue
			}
			result, err := guarded.Call(t.Context(), op.Info().Name, raw)
			if err == nil {
				t.Errorf("%s %s succeeded: %s", op.Info().Name, raw, result)
				continue
			}
			answers[""] = err.Error()
			answers[channel] = err.Error()
		}
		for channel, answer := range answers {
			if answer != answers[""] {
				t.Errorf("%s on %s says %q, and elsewhere %q", op.Info().Name, channel, answer, answers[""])
			}
		}
	}
}

func TestNamesAndListsShowOpenChannelsAlone(t *testing.T) {
	l := newLab(t)
	guarded := l.behind(t, "[channels]\nread = [\"Home/open\"]\nwrite = []\n")
	dir := flow.NewDirectory(guarded)
	channels, err := dir.Channels(t.Context())
	if err != nil || len(channels) != 1 || channels[0].ID != l.open {
		t.Errorf("the directory holds %v: %v", channels, err)
	}
	if _, err := dir.FindChannel(t.Context(), "vaul"); err == nil || strings.Contains(err.Error(), "vault") {
		t.Errorf("the doubt about a name is %v", err)
	}
	for range flow.MaxHits + 1 { // so many newer hits do not hide the open one
		do(t, l.ben, flow.SendMessage, flow.SendMessageInput{ChannelID: l.shut, Text: "eee"})
	}
	hits := do(t, guarded, flow.Search, flow.SearchInput{Search: "e"})
	if len(hits) != 1 || hits[0].Data.ID != l.told {
		t.Errorf("the search found %v", hits)
	}
	page := do(t, guarded, flow.EnumerateEvents, flow.EnumerateEventsInput{After: new(flow.Cursor), Limit: 1000})
	if len(page.Events) == 0 || page.Next == 0 {
		t.Errorf("the event log is %v", page)
	}
	if raw, _ := json.Marshal(page); l.leaks(string(raw)) != "" {
		t.Errorf("the event log tells of %q", l.leaks(string(raw)))
	}
	if _, err := flow.SendMessage.Call(t.Context(), guarded, flow.SendMessageInput{ChannelID: l.open, Text: "x"}); flow.CodeOf(err) != flow.Denied {
		t.Errorf("writing to a channel that is only to be read: %v", err)
	}
	do(t, guarded, flow.SetChannelReadHWM, flow.SetChannelReadHWMInput{ChannelID: l.open, MessageID: l.told})
	if _, err := flow.NewChannel.Call(t.Context(), guarded, flow.NewChannelInput{OrgID: l.org, Name: "vault2"}); flow.CodeOf(err) != flow.Denied {
		t.Errorf("making a channel that would be closed: %v", err)
	}
}

func TestNotificationsShowOpenChannelsAlone(t *testing.T) {
	l := newLab(t)
	guarded := l.behind(t, "[channels]\nread = [\"Home/open\"]\n")
	for n, err := range guarded.Notifications(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n.Type == flow.Connected { // from here on nothing is missed
			for _, to := range []flow.ChannelID{l.shut, l.open} {
				do(t, l.ben, flow.SendMessage, flow.SendMessageInput{ChannelID: to, Text: "in " + string(to)})
			}
		}
		if leak := l.leaks(string(n.Data)); leak != "" {
			t.Fatalf("a notification tells of %q: %s", leak, n.Data)
		}
		if n.Type == flow.MessageEvent.Type() && strings.Contains(string(n.Data), "in "+string(l.open)) {
			return
		}
	}
	t.Error("the message in the open channel was not announced")
}

func TestDirectConversations(t *testing.T) {
	l := newLab(t)
	for rules, want := range map[string]bool{
		"[channels]\nwrite = [\"@ben\"]":     true,
		"[channels]\nwrite = [\"Home/@*\"]":  true,
		"[channels]\nread = [\"@ben\"]":      false,
		"[channels]\nread = [\"*\"]":         false,
		"[channels]\nread = [\"@zoe\"]":      false,
		"[limits]\nmessages_per_hour = 1000": true,
	} {
		id, err := flow.NewDirectConversation.Call(t.Context(), l.behind(t, rules), flow.NewDirectConversationInput{OrgID: l.org, MemberID: l.benID})
		if (err == nil) != want {
			t.Errorf("%s: the conversation is %q: %v", rules, id, err)
		}
	}
}

// What was made here, or seen in an open channel, can be used; any other file cannot.
func TestFilesByTheirOrigin(t *testing.T) {
	l := newLab(t)
	guarded := l.behind(t, "[channels]\nread = []\nwrite = [\"Home/open\"]\n")
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	fromBen := do(t, l.ben, flow.NewAttachment, flow.NewAttachmentInput{OrgID: l.org, FilePath: path})
	do(t, l.ben, flow.SendMessage, flow.SendMessageInput{ChannelID: l.open, Text: "file", Attachments: []flow.AttachmentToSend{{ID: fromBen}}})
	stored := func(id flow.AttachmentID) error {
		_, err := flow.StoredAttachmentPath.Call(t.Context(), guarded, flow.StoredAttachmentPathInput{OrgID: l.org, AttachmentID: id})
		return err
	}
	if err := stored(fromBen); flow.CodeOf(err) != flow.NotFound {
		t.Errorf("a file of unknown origin: %v", err)
	}
	do(t, guarded, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: l.open})
	if err := stored(fromBen); err != nil {
		t.Errorf("a file of the open channel: %v", err)
	}
	own := do(t, guarded, flow.NewAttachment, flow.NewAttachmentInput{OrgID: l.org, FilePath: path})
	do(t, guarded, flow.SendMessage, flow.SendMessageInput{ChannelID: l.open, Text: "mine", Attachments: []flow.AttachmentToSend{{ID: own}}})
	if err := stored(l.file); flow.CodeOf(err) != flow.NotFound {
		t.Errorf("a file of the closed channel: %v", err)
	}
}

func TestLimits(t *testing.T) {
	l := newLab(t)
	general := do(t, l.ana, flow.NewChannel, flow.NewChannelInput{OrgID: l.org, Name: "second"})
	send := func(c flow.Caller, to flow.ChannelID) error {
		_, err := flow.SendMessage.Call(t.Context(), c, flow.SendMessageInput{ChannelID: to, Text: "x"})
		return err
	}
	t.Run("in all", func(t *testing.T) {
		c := l.behind(t, "[limits]\nmessages_per_minute = 2")
		for range 2 {
			if err := send(c, l.open); err != nil {
				t.Fatal(err)
			}
		}
		if err := send(c, general); flow.CodeOf(err) != flow.Denied || !strings.Contains(err.Error(), "2 messages a minute") {
			t.Errorf("the third message: %v", err)
		}
	})
	t.Run("by channel", func(t *testing.T) {
		c := l.behind(t, "[limits]\nchannel_messages_per_hour = 1")
		if err := send(c, l.open); err != nil {
			t.Fatal(err)
		}
		if err := send(c, l.open); flow.CodeOf(err) != flow.Denied {
			t.Errorf("the second message: %v", err)
		}
		if err := send(c, general); err != nil {
			t.Errorf("a message to another channel: %v", err)
		}
	})
	t.Run("a repetition is free", func(t *testing.T) {
		c := l.behind(t, "[limits]\nmessages_per_minute = 1")
		for range 3 {
			if err := send(c.Keyed("same"), l.open); err != nil {
				t.Errorf("a repeated message: %v", err)
			}
		}
	})
	t.Run("what fails is free", func(t *testing.T) {
		c := l.behind(t, "[limits]\nmessages_per_minute = 1")
		if err := send(c, flow.ChannelID(flow.NewID())); err == nil {
			t.Fatal("a message to nowhere was sent")
		}
		if err := send(c, l.open); err != nil {
			t.Errorf("after a failure: %v", err)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		c := l.behind(t, "[limits]\nattachment_bytes_per_hour = 10")
		path := filepath.Join(t.TempDir(), "a.txt")
		if err := os.WriteFile(path, []byte("seven b"), 0o600); err != nil {
			t.Fatal(err)
		}
		in := flow.NewAttachmentInput{OrgID: l.org, FilePath: path}
		do(t, c, flow.NewAttachment, in)
		if _, err := flow.NewAttachment.Call(t.Context(), c, in); flow.CodeOf(err) != flow.Denied {
			t.Errorf("14 of 10 bytes: %v", err)
		}
	})
}

func TestWordsOfOthersAreRemembered(t *testing.T) {
	l := newLab(t)
	p := &policy.Policy{Confirm: []policy.Rule{policy.ForeignWords}}
	gate := policy.New(p, fixed{l.store}, nil)
	c := flow.NewClient(gate, flow.Setup{Username: "ana"})
	mine := do(t, c, flow.NewChannel, flow.NewChannelInput{OrgID: l.org, Name: "mine"})
	do(t, c, flow.SendMessage, flow.SendMessageInput{ChannelID: mine, Text: "own words"})
	do(t, c, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: mine})
	if gate.HeardBefore(flow.SendMessage, l.open) {
		t.Error("own words count as those of others")
	}
	do(t, c, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: l.open})
	if gate.HeardBefore(flow.SendMessage, l.open) || !gate.HeardBefore(flow.SendMessage, mine) {
		t.Errorf("after reading the open channel: there %v, elsewhere %v", gate.HeardBefore(flow.SendMessage, l.open), gate.HeardBefore(flow.SendMessage, mine))
	}
}
