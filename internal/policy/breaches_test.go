package policy_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/policy"
)

func (l *lab) id(t *testing.T, c *flow.Client) flow.AccountID {
	t.Helper()
	me, err := c.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return me.AccountID
}

// What may be read may not be written to, unless the policy says so.
func TestReadingIsNotWriting(t *testing.T) {
	l := newLab(t)
	c := l.behind(t, "[channels]\nread = \"Home/open\"\n")
	do(t, c, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: l.open})
	if _, err := flow.SendMessage.Call(t.Context(), c, flow.SendMessageInput{ChannelID: l.open, Text: "x"}); !errors.Is(err, flow.Denied) {
		t.Errorf("sending says %v", err)
	}
}

// Somebody else's team of a name is another team.
func TestTeamsOfOneName(t *testing.T) {
	l := newLab(t)
	c := l.behind(t, "[channels]\nread = [\"Home/*\"]\nwrite = [\"Home/open\"]\n")
	do(t, c, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: l.open})
	org := do(t, l.ben, flow.NewOrg, flow.NewOrgInput{Name: "HOME"})
	do(t, l.ben, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: org.ID, MemberAccountID: l.id(t, l.ana), MemberState: flow.Member})
	trap := do(t, l.ben, flow.NewChannel, flow.NewChannelInput{OrgID: org.ID, Name: "open"})
	do(t, l.ben, flow.ChannelAddMember, flow.ChannelAddMemberInput{OrgID: org.ID, ChannelID: trap, MemberAccountID: l.id(t, l.ana), MemberState: flow.Member})
	if _, err := flow.SendMessage.Call(t.Context(), c, flow.SendMessageInput{ChannelID: trap, Text: "leak"}); err == nil {
		t.Error("a message went to the other team")
	}
	do(t, c, flow.SendMessage, flow.SendMessageInput{ChannelID: l.open, Text: "here"})
	later := l.behind(t, "[channels]\nread = [\"Home/*\"]\n") // it cannot know which team is meant
	if _, err := flow.EnumerateMessages.Call(t.Context(), later, flow.EnumerateMessagesInput{ChannelID: trap}); !errors.Is(err, flow.NotFound) {
		t.Errorf("reading in the other team says %v", err)
	}
}

// A name means the person who had it first, whoever takes it later.
func TestPeopleOfOneName(t *testing.T) {
	l := newLab(t)
	mal := flow.NewClient(fixed{l.store}, flow.Setup{Username: "mal"})
	malID := l.id(t, mal)
	direct := func(with flow.AccountID) flow.ChannelID {
		return do(t, l.ana, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: l.org, MemberID: with})
	}
	real, trap := direct(l.benID), direct(malID)
	c := gateTo(t, l.store, "[channels]\nread = \"@ben\"\nwrite = \"@ben\"\n")
	write := func(to flow.ChannelID) error {
		_, err := flow.SendMessage.Call(t.Context(), c, flow.SendMessageInput{OrgID: l.org, ChannelID: to, Text: "for ben"})
		return err
	}
	if err := write(real); err != nil {
		t.Fatal(err)
	}
	rename := func(who *flow.Client, name string) {
		do(t, who, flow.ChangeUsername, flow.ChangeUsernameInput{Username: name})
		c.hears(t, flow.ProfileEvent.Type())
	}
	remark := func(want string) {
		t.Helper()
		if said := strings.Join(c.gate.Remarks(), "\n"); said != want {
			t.Errorf("the remarks are %q, want %q", said, want)
		}
	}
	const byID = "; write the id of a person in place of its name"
	ben, thief := "flow://accounts/"+string(l.benID), "flow://accounts/"+string(malID)
	rename(l.ben, "benjamin")
	if err := write(real); err != nil {
		t.Errorf("to the one who was renamed: %v", err)
	}
	remark(`"@ben" means people that had the name first and are called otherwise now (` + ben + `)` + byID)
	rename(mal, "ben")
	if err := write(trap); !errors.Is(err, flow.NotFound) {
		t.Errorf("to the one who took the name: %v", err)
	}
	if err := write(real); err != nil {
		t.Errorf("to the one who had it: %v", err)
	}
	remark(`"@ben" means the person that had the name first (` + ben + `), and not the others (` + thief + `)` + byID)

	named := l.behind(t, "[channels]\nwrite = [\"flow://accounts/"+string(l.benID)+"\"]\n")
	do(t, named, flow.SendMessage, flow.SendMessageInput{OrgID: l.org, ChannelID: real, Text: "for ben"})
}

// A name that comes from several name spaces means nobody.
func TestPeopleOfTwoNameSpaces(t *testing.T) {
	l := newLab(t)
	session, err := flow.NewSession.Call(t.Context(), l.store, flow.NewSessionInput{})
	if err != nil {
		t.Fatal(err)
	}
	other := flow.Session{Caller: l.store, ID: session.SessionID}
	if _, err := flow.CreateAccount.Call(t.Context(), other, flow.CreateAccountInput{Username: "ben", ServerURI: "elsewhere", Password: "12345678"}); err != nil {
		t.Fatal(err)
	}
	id, err := flow.GetAccountID.Call(t.Context(), other, flow.AccountIDInput{})
	if err != nil {
		t.Fatal(err)
	}
	join := func() {
		do(t, l.ana, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: l.org, MemberAccountID: id, MemberState: flow.Member})
	}
	direct := func(with flow.AccountID) flow.ChannelID {
		return do(t, l.ana, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: l.org, MemberID: with})
	}
	read := func(c *flow.Client, channel flow.ChannelID) error {
		_, err := flow.EnumerateMessages.Call(t.Context(), c, flow.EnumerateMessagesInput{ChannelID: channel})
		return err
	}
	real := direct(l.benID)
	before := l.behind(t, "[channels]\nread = \"@ben\"\n")
	if err := read(before, real); err != nil {
		t.Error(err)
	}
	join()
	trap := direct(id)
	after := l.behind(t, "[channels]\nread = \"@ben\"\n")
	for name, err := range map[string]error{
		"the second": read(before, trap), "one of two": read(after, real), "the other of two": read(after, trap),
	} {
		if !errors.Is(err, flow.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := read(before, real); err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := read(l.behind(t, "[channels]\nread = \"@*\"\n"), trap); err != nil {
		t.Errorf("anybody: %v", err)
	}
}

// What others see beside channels is closed with them.
func TestNothingIsPublishedBesideChannels(t *testing.T) {
	l := newLab(t)
	c := l.behind(t, "[channels]\nread = [\"Home/open\"]\nwrite = []\n")
	for name, err := range map[string]error{
		"profile": second(flow.SetProfile.Call(t.Context(), c, flow.SetProfileInput{Item: "notes", Content: "leak"})),
		"team":    second(flow.NewOrg.Call(t.Context(), c, flow.NewOrgInput{Name: "leak"})),
		"name":    second(flow.ChangeUsername.Call(t.Context(), c, flow.ChangeUsernameInput{Username: "leak"})),
		"member":  second(flow.OrgAddMember.Call(t.Context(), c, flow.OrgAddMemberInput{OrgID: l.org, MemberAccountID: l.benID, MemberState: flow.Member})),
	} {
		if !errors.Is(err, flow.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	opened := l.behind(t, "[channels]\nwrite = []\n[account]\nwrite = true\n")
	do(t, opened, flow.SetProfile, flow.SetProfileInput{Item: "notes", Content: "said"})
}

func second[T any](_ T, err error) error { return err }

// A message that was shown can be named without its channel.
func TestMessagesThatWereShown(t *testing.T) {
	l := newLab(t)
	c := l.behind(t, "[channels]\nread = [\"Home/open\"]\n")
	if _, err := flow.EnumerateEvents.Call(t.Context(), c, flow.EnumerateEventsInput{AfterMessage: l.told}); !errors.Is(err, flow.NotFound) {
		t.Errorf("before it was shown: %v", err)
	}
	do(t, c, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: l.open})
	do(t, c, flow.EnumerateEvents, flow.EnumerateEventsInput{AfterMessage: l.told})
	if _, err := flow.EnumerateEvents.Call(t.Context(), c, flow.EnumerateEventsInput{AfterMessage: l.said}); !errors.Is(err, flow.NotFound) {
		t.Errorf("a message of a closed channel: %v", err)
	}
}

// One key for a file and for a message is two calls to a quota.
func TestOneKeyForTwoCalls(t *testing.T) {
	l := newLab(t)
	c := l.behind(t, "[limits]\nmessages_per_minute = 1\nattachment_bytes_per_hour = 1000\n")
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for i := range 3 {
		key := c.Keyed(flow.RequestID(fmt.Sprint("k", i)))
		if _, err := flow.NewAttachment.Call(t.Context(), key, flow.NewAttachmentInput{OrgID: l.org, FilePath: path}); err != nil {
			t.Fatal(err)
		}
		if _, err := flow.SendMessage.Call(t.Context(), key, flow.SendMessageInput{OrgID: l.org, ChannelID: l.open, Text: "x"}); err == nil {
			sent++
		}
	}
	if sent != 1 {
		t.Errorf("%d messages were sent, where one is allowed", sent)
	}
}

// Other people's words reach an agent in files, profiles and free JSON too, and a person
// who has agreed is not asked again about what was read before.
func TestForeignWordsOfAllKinds(t *testing.T) {
	l := newLab(t)
	do(t, l.ben, flow.SetProfile, flow.SetProfileInput{Item: "notes", Content: "obey"})
	for name, read := range map[string]func(*flow.Client){
		"graphql": func(c *flow.Client) { do(t, c, flow.GraphQL, flow.GraphQLInput{Query: "{__typename}"}) },
		"file": func(c *flow.Client) {
			do(t, c, flow.StartAttachmentDownload, flow.StartAttachmentDownloadInput{AttachmentID: l.file})
		},
		"profile": func(c *flow.Client) {
			do(t, c, flow.GetUserProfile, flow.GetUserProfileInput{AccountID: l.benID, Item: "notes"})
		},
		"messages": func(c *flow.Client) {
			do(t, c, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: l.shut})
		},
	} {
		gate := policy.New(&policy.Policy{Confirm: []policy.Rule{policy.ForeignWords}}, fixed{l.store}, nil)
		c := flow.NewClient(gate, flow.Setup{Username: "ana"})
		_ = l.id(t, c)
		if gate.HeardBefore(flow.SendMessage, l.open) {
			t.Errorf("%s: something was heard before it was read", name)
		}
		read(c)
		if !gate.HeardBefore(flow.SendMessage, l.open) {
			t.Errorf("%s: nothing was heard", name)
		}
		asked := gate.HeardUntil()
		gate.Accepted(l.open, asked)
		if gate.HeardBefore(flow.SendMessage, l.open) || !gate.HeardBefore(flow.SendMessage, "another") {
			t.Errorf("%s: a yes holds here %v, elsewhere %v", name, !gate.HeardBefore(flow.SendMessage, l.open), !gate.HeardBefore(flow.SendMessage, "another"))
		}
		read(c)
		if !gate.HeardBefore(flow.SendMessage, l.open) {
			t.Errorf("%s: a yes holds for what is read after it", name)
		}
		gate.Accepted(l.open, asked)
		if !gate.HeardBefore(flow.SendMessage, l.open) {
			t.Errorf("%s: a yes holds for what was read after the question", name)
		}
	}
}

// A call can be judged before it is done, and a person asked in between.
func TestJudging(t *testing.T) {
	l := newLab(t)
	p, err := policy.Parse([]byte("[channels]\nread = \"*\"\nwrite = \"Home/open\"\n[limits]\nmessages_per_minute = 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	gate := policy.New(p, fixed{l.store}, nil)
	c := flow.NewClient(gate, flow.Setup{Username: "ana"})
	judge := func(channel flow.ChannelID) error {
		return gate.Judge(t.Context(), c, "SendMessage", fmt.Appendf(nil, `{"ChannelID":%q,"Text":"x"}`, channel))
	}
	if err := errors.Join(judge(l.open), judge(l.open)); err != nil {
		t.Errorf("a call that is allowed: %v", err)
	}
	if err := judge(l.shut); !errors.Is(err, flow.Denied) {
		t.Errorf("a channel that may not be written to: %v", err)
	}
	before := len(do(t, l.ana, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: l.open}))
	do(t, c, flow.SendMessage, flow.SendMessageInput{ChannelID: l.open, Text: "x"})
	if err := judge(l.open); !errors.Is(err, flow.Denied) {
		t.Errorf("a quota that is used up: %v", err)
	}
	if n := len(do(t, l.ana, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: l.open})); n != before+1 {
		t.Errorf("judging has sent %d messages", n-before-1)
	}
}
