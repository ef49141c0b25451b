package flowtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// network is the world of one scenario.
type network struct {
	world World
	seen  *coverage
	dir   string // where machines are
}

// password is the secret of accounts that have one.
const password = "correct horse battery staple"

// machine returns the local database directory that stands for a machine.
func (n *network) machine(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(n.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// process starts a backend on a machine. The machine without a name is the usual one.
func (n *network) process(t *testing.T, machine string) flow.Caller {
	t.Helper()
	p := observed{t, n.world.Process(t), n.seen}
	var config flow.Config
	if machine != "" {
		config.FlowLocalDatabaseDir = n.machine(t, machine)
	}
	must(t, p, flow.ConfigOperation, config)
	return p
}

// open makes a session on a process.
func open(t *testing.T, process flow.Caller) flow.Session {
	t.Helper()
	made := must(t, process, flow.NewSession, flow.NewSessionInput{})
	return flow.Session{Caller: process, ID: made.SessionID}
}

// person is somebody with a started account.
type person struct {
	flow.Session
	name  string
	id    flow.AccountID
	inbox []flow.Notification // delivered, not looked at yet
	diary flow.ChannelID      // where only this person writes

	synced int // times that the session was said to have caught up
}

// join starts somebody on a machine and process of their own. The account has no password,
// which would take long to make, but the team and channel of the machine.
func (n *network) join(t *testing.T, name string) *person {
	t.Helper()
	s := open(t, n.process(t, name))
	must(t, s, flow.StartUpLocal, flow.StartUpLocalInput{Username: name})
	return started(t, s, name)
}

// register makes an account with a password, and nothing else, on the usual machine.
func (n *network) register(t *testing.T, name string) *person {
	t.Helper()
	return register(t, open(t, n.process(t, "")), name)
}

func register(t *testing.T, s flow.Session, name string) *person {
	t.Helper()
	must(t, s, flow.CreateAccount, flow.CreateAccountInput{Username: name, Password: password})
	return started(t, s, name)
}

// started is the person whose account was started on a session.
func started(t *testing.T, s flow.Session, name string) *person {
	t.Helper()
	return &person{Session: s, name: name, id: must(t, s, flow.GetAccountID, flow.AccountIDInput{})}
}

// returns starts somebody who has joined in another process of the same machine.
func (n *network) returns(t *testing.T, name string) *person {
	t.Helper()
	s := open(t, n.process(t, name))
	must(t, s, flow.StartUp, flow.StartUpInput{Username: name})
	return started(t, s, name)
}

// must does what has to succeed.
func must[In, Out any](t *testing.T, c flow.Caller, op *flow.Operation[In, Out], in In) Out {
	t.Helper()
	out, err := op.Call(t.Context(), c, in)
	if err != nil {
		t.Fatalf("%s(%+v): %v", op.Info().Name, in, err)
	}
	return out
}

// refuse does what has to be refused with one of the codes, or with any code of a
// refusal when none is given. It returns the sentence.
func refuse[In, Out any](t *testing.T, c flow.Caller, op *flow.Operation[In, Out], in In, codes ...flow.Code) string {
	t.Helper()
	out, err := op.Call(t.Context(), c, in)
	if err == nil {
		t.Fatalf("%s(%s) was done, result %+v; want a refusal", op.Info().Name, brief(in), out)
	}
	return refusal(t, op.Info().Name+"("+brief(in)+")", err, codes...)
}

// refusal checks that err tells its reader what is wrong.
func refusal(t *testing.T, what string, err error, codes ...flow.Code) string {
	t.Helper()
	if len(codes) == 0 {
		codes = []flow.Code{flow.Invalid, flow.NotFound, flow.Denied, flow.Conflict, flow.Unsupported}
	}
	if code := flow.CodeOf(err); !slices.Contains(codes, code) {
		t.Fatalf("%s failed with code %s (%v); want one of %v", what, code, err, codes)
	}
	if err.Error() == "" {
		t.Fatalf("%s failed without a word", what)
	}
	return err.Error()
}

func brief(in any) string {
	text := fmt.Sprintf("%+v", in)
	if len(text) > 200 {
		return text[:200] + "..."
	}
	return text
}

// raw does a call as JSON text, and returns the result as JSON text.
func raw(t *testing.T, c flow.Caller, method, params string) string {
	t.Helper()
	result, err := c.Call(t.Context(), method, json.RawMessage(params))
	if err != nil {
		t.Fatalf("%s(%s): %v", method, params, err)
	}
	return string(result)
}

// founds makes a team and adds others as plain members.
func (p *person) founds(t *testing.T, name string, members ...*person) flow.OrgID {
	t.Helper()
	org := must(t, p, flow.NewOrg, flow.NewOrgInput{Name: name, Discoverable: true})
	for _, m := range members {
		p.admits(t, org.ID, m, flow.Member)
	}
	return org.ID
}

// admits adds somebody to a team.
func (p *person) admits(t *testing.T, org flow.OrgID, who *person, state flow.MemberState) {
	t.Helper()
	must(t, p, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: org, MemberAccountID: who.id, MemberState: state})
}

// opens makes a channel and adds others as plain members.
func (p *person) opens(t *testing.T, org flow.OrgID, name string, members ...*person) flow.ChannelID {
	t.Helper()
	channel := must(t, p, flow.NewChannel, flow.NewChannelInput{OrgID: org, Name: name})
	for _, m := range members {
		p.invites(t, channel, m, flow.Member)
	}
	return channel
}

// invites adds somebody to a channel.
func (p *person) invites(t *testing.T, channel flow.ChannelID, who *person, state flow.MemberState) {
	t.Helper()
	must(t, p, flow.ChannelAddMember, flow.ChannelAddMemberInput{
		ChannelID: channel, MemberAccountID: who.id, MemberState: state,
	})
}

// bans puts somebody out of a channel.
func (p *person) bans(t *testing.T, channel flow.ChannelID, who *person) {
	t.Helper()
	must(t, p, flow.NewChannelMemberState, becomes(channel, who, flow.Banned))
}

// send sends a message.
func (p *person) send(t *testing.T, channel flow.ChannelID, text string) flow.MessageID {
	t.Helper()
	id := must(t, p, flow.SendMessage, flow.SendMessageInput{ChannelID: channel, Text: text})
	if id == "" {
		t.Fatalf("SendMessage returned an empty id")
	}
	return id
}

// messages reads a channel, newest first.
func (p *person) messages(t *testing.T, channel flow.ChannelID, filters flow.MessageFilters) []flow.Message {
	t.Helper()
	return must(t, p, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: channel, Filters: &filters})
}

// texts reads the bodies of a channel's messages, newest first.
func (p *person) texts(t *testing.T, channel flow.ChannelID, filters flow.MessageFilters) []string {
	t.Helper()
	var texts []string
	for _, m := range p.messages(t, channel, filters) {
		texts = append(texts, m.Text)
	}
	return texts
}

// next returns the next notification. It blocks until there is one.
func (p *person) next(t *testing.T) flow.Notification {
	t.Helper()
	for start := time.Now(); len(p.inbox) == 0; {
		p.inbox = must(t, p, flow.WaitForNotification, flow.WaitForNotificationInput{})
		if time.Since(start) > patience {
			t.Fatalf("%s waited %s for a notification in vain", p.name, patience)
		}
	}
	first := p.inbox[0]
	p.inbox = p.inbox[1:]
	if first.Type == flow.NotifyEvent.Type() && decode(t, flow.NotifyEvent, first).EventCode == flow.SyncDone {
		p.synced++
	}
	return first
}

// await returns the payload of the next notification of a type, passing over others.
func await[T any](t *testing.T, p *person, event *flow.Event[T]) T {
	t.Helper()
	for {
		if n := p.next(t); n.Type == event.Type() {
			return decode(t, event, n)
		}
	}
}

func decode[T any](t *testing.T, event *flow.Event[T], n flow.Notification) T {
	t.Helper()
	data, err := event.Decode(n)
	if err != nil {
		t.Fatalf("notification %s: %v", n.Data, err)
	}
	return data
}

// waitMessage returns the next message that arrives, diaries aside.
func (p *person) waitMessage(t *testing.T) flow.Message {
	t.Helper()
	for {
		for _, m := range await(t, p, flow.MessageEvent).RegularMessages {
			if m.ChannelID != p.diary {
				return m
			}
		}
	}
}

// news returns what was sent to p up to now: all that comes before what p then writes
// in the diary. Notify-events other than alerts are left out, since they come when they
// like.
func (p *person) news(t *testing.T) []flow.Notification {
	t.Helper()
	var before []flow.Notification
	if p.diary == "" {
		before = p.opensDiary(t)
	}
	return append(before, p.upTo(t, p.send(t, p.diary, "today"))...)
}

// opensDiary leaves what comes of making the diary out of the news.
func (p *person) opensDiary(t *testing.T) []flow.Notification {
	t.Helper()
	before := must(t, p, flow.EnumerateEvents, flow.EnumerateEventsInput{}).Next
	p.diary = p.opens(t, p.founds(t, "home of "+p.name), "diary")
	news := p.upTo(t, p.send(t, p.diary, "dear diary"))
	return slices.DeleteFunc(news, func(n flow.Notification) bool { return n.Seq > before })
}

// upTo reads notifications until the message of a diary.
func (p *person) upTo(t *testing.T, entry flow.MessageID) []flow.Notification {
	t.Helper()
	var news []flow.Notification
	for {
		n := p.next(t)
		if n.Type == flow.NotifyEvent.Type() && decode(t, flow.NotifyEvent, n).EventCode != flow.Alerted {
			continue
		}
		if n.Type == flow.MessageEvent.Type() {
			sent := decode(t, flow.MessageEvent, n).RegularMessages
			if len(sent) == 1 && sent[0].ID == entry {
				return news
			}
		}
		news = append(news, n)
	}
}

// announced returns what the news of one type held.
func announced[T any](t *testing.T, p *person, event *flow.Event[[]T]) []T {
	t.Helper()
	var all []T
	for _, n := range p.news(t) {
		if n.Type == event.Type() {
			all = append(all, decode(t, event, n)...)
		}
	}
	return all
}

// types returns what the notifications are, in order. A message notification that only
// names channels is called "message of channels".
func types(t *testing.T, news []flow.Notification) []string {
	t.Helper()
	var names []string
	for _, n := range news {
		name := string(n.Type)
		if n.Type == flow.MessageEvent.Type() && len(decode(t, flow.MessageEvent, n).RegularMessages) == 0 {
			name = "message of channels"
		}
		names = append(names, name)
	}
	return names
}
