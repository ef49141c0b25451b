//go:build unix

package examples_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/process"
)

var soakTime = flag.Duration("soak", 0, "how long TestManyBackends goes on; 0 for a fixed number of operations")

// Two people talk over one process and over two, with the same outcome.
func TestTwoAccounts(t *testing.T) {
	t.Run("two sessions of one process", func(t *testing.T) {
		newPlace(t)
		shared := &process.Supervisor{Command: []string{binary, "backend", "--until-stdin-closes"}, Own: true}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- shared.Run(ctx) }()
		converse(t, flow.NewClient(shared, flow.Setup{Username: "ana"}), flow.NewClient(shared, flow.Setup{Username: "ben"}))
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Run("two processes on one store", func(t *testing.T) {
		p := newPlace(t)
		ana, _ := p.join(t, "ana")
		ben, _ := p.join(t, "ben")
		converse(t, ana, ben)
	})
}

// converse lets ben into a team of ana's, where both write at the same time.
func converse(t *testing.T, ana, ben *flow.Client) {
	t.Helper()
	team := ask(t, ana, flow.NewOrg, flow.NewOrgInput{Name: "Design", Discoverable: true}).ID
	channel := ask(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: team, Name: "general"})
	ask(t, ben, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: team})
	for _, r := range ask(t, ana, flow.EnumerateOrgJoinRequests, flow.EnumerateOrgJoinRequestsInput{OrgID: team}) {
		ask(t, ana, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: team, MemberAccountID: r.AccountID, MemberState: flow.Member})
		ask(t, ana, flow.ChannelAddMember, flow.ChannelAddMemberInput{ChannelID: channel, MemberAccountID: r.AccountID, MemberState: flow.Member})
	}
	const each = 40
	ctx, cancel := context.WithTimeout(t.Context(), wholeTime)
	defer cancel()
	both := map[string]*flow.Client{"ana": ana, "ben": ben}
	var mu sync.Mutex
	heard := map[string][]string{}
	var all errgroup.Group
	for name, c := range both {
		all.Go(func() error {
			for i := range each {
				if _, err := flow.SendMessage.Call(ctx, c, flow.SendMessageInput{ChannelID: channel, Text: fmt.Sprint(name, " ", i)}); err != nil {
					return err
				}
			}
			return nil
		})
		all.Go(func() error {
			texts, err := listenTo(ctx, c, channel, 2*each)
			mu.Lock()
			heard[name] = texts
			mu.Unlock()
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(heard["ana"], heard["ben"]); diff != "" {
		t.Errorf("what ana and ben heard differs (-ana +ben):\n%s", diff)
	}
	slices.Sort(heard["ana"])
	if once := slices.Compact(slices.Clone(heard["ana"])); len(once) != 2*each {
		t.Errorf("of %d messages %d arrived: %q", 2*each, len(once), once)
	}
}

// listenTo returns the texts of the next messages of a channel.
func listenTo(ctx context.Context, c *flow.Client, channel flow.ChannelID, count int) (texts []string, err error) {
	for n, err := range c.Notifications(ctx) {
		if err != nil {
			return texts, err
		}
		if n.Type != flow.MessageEvent.Type() {
			continue
		}
		change, err := flow.MessageEvent.Decode(n)
		if err != nil {
			return texts, err
		}
		for _, m := range change.RegularMessages {
			if m.ChannelID == channel {
				texts = append(texts, m.Text)
			}
		}
		if len(texts) >= count {
			return texts, nil
		}
	}
	return texts, ctx.Err()
}

// Twenty programs, each with a backend process of its own, do all sorts of things at once on
// one store. Each hears every message of the common channel once, in the same order, and
// nothing fails but what must be refused.
func TestManyBackends(t *testing.T) {
	const programs = 20
	newPlace(t)
	until := time.Now().Add(*soakTime)
	actors := make([]*actor, programs)
	var starting errgroup.Group
	for i := range actors {
		client, stop := process.Connect(flow.Setup{Username: fmt.Sprint("actor ", i)}, binary, "backend", "--until-stdin-closes")
		t.Cleanup(func() {
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
		a := &actor{client: client, random: rand.New(rand.NewPCG(uint64(i), 7)), dir: t.TempDir(), ctx: t.Context()}
		actors[i] = a
		starting.Go(a.settle)
	}
	if err := starting.Wait(); err != nil {
		t.Fatal(err)
	}
	var listening, acting errgroup.Group
	for _, a := range actors {
		a.peers = actors
		listening.Go(a.listen)
		acting.Go(func() error { return a.act(until) })
	}
	if err := acting.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := actors[0].send(lastWords); err != nil {
		t.Fatal(err)
	}
	if err := listening.Wait(); err != nil {
		t.Fatal(err)
	}
	compareHeard(t, actors)
}

// lastWords is the message after which nobody listens any more.
const lastWords = "that is all"

// compareHeard finds messages that were lost, came twice or came in another order.
func compareHeard(t *testing.T, actors []*actor) {
	t.Helper()
	var sent []flow.MessageID
	for _, a := range actors {
		sent = append(sent, a.sent...)
	}
	slices.Sort(sent)
	for i, a := range actors {
		if diff := cmp.Diff(actors[0].heard, a.heard); diff != "" {
			t.Errorf("actor %d heard other messages than the first (-first +it):\n%s", i, diff)
		}
		if heard := slices.Sorted(slices.Values(a.heard)); !slices.Equal(sent, heard) {
			t.Errorf("actor %d heard %d of %d messages (-sent +heard):\n%s", i, len(heard), len(sent), cmp.Diff(sent, heard))
		}
	}
	t.Logf("%d messages in the common channel, heard by %d programs", len(sent), len(actors))
}

// actor is a program that does all sorts of things.
type actor struct {
	ctx    context.Context
	client *flow.Client
	random *rand.Rand
	dir    string
	peers  []*actor

	me      flow.Identity
	team    flow.OrgID     // of which it is the owner
	channel flow.ChannelID // in that team

	sent  []flow.MessageID // to the common channel
	heard []flow.MessageID // there
}

// settle makes the account and its own team.
func (a *actor) settle() (err error) {
	if a.me, err = a.client.Identity(a.ctx); err != nil {
		return err
	}
	team, err := flow.NewOrg.Call(a.ctx, a.client, flow.NewOrgInput{Name: a.me.Username + "'s", Discoverable: true})
	if err != nil {
		return err
	}
	a.team = team.ID
	a.channel, err = flow.NewChannel.Call(a.ctx, a.client, flow.NewChannelInput{OrgID: a.team, Name: "own"})
	return err
}

// rounds is how often an actor does something, when no time is given.
const rounds = 40

func (a *actor) act(until time.Time) error {
	deeds := []struct {
		what string
		do   func() error
	}{
		{"send", a.talk}, {"send", a.talk}, {"read and mark", a.read}, {"search", a.search},
		{"visit", a.visit}, {"admit and ban", a.admit}, {"delete", a.remove}, {"exchange a file", a.file},
	}
	for i := 0; i < rounds && *soakTime == 0 || time.Now().Before(until); i++ {
		deed := deeds[a.random.IntN(len(deeds))]
		if err := deed.do(); err != nil && !refused(err) {
			return fmt.Errorf("%s: %s: %w", a.me.Username, deed.what, err)
		}
	}
	return nil
}

// refused reports whether an error says that the state of things was against it.
func refused(err error) bool {
	return errors.Is(err, flow.NotFound) || errors.Is(err, flow.Denied) || errors.Is(err, flow.Conflict)
}

func (a *actor) talk() error {
	return a.send(fmt.Sprint("message ", len(a.sent), " of ", a.me.Username))
}

// send writes to the common channel, which is never refused.
func (a *actor) send(text string) error {
	id, err := flow.SendMessage.Call(a.ctx, a.client, flow.SendMessageInput{ChannelID: a.me.ChannelID, Text: text})
	if err != nil {
		return fmt.Errorf("not sent: %v", err) // whatever it is, it is no refusal
	}
	a.sent = append(a.sent, id)
	return nil
}

func (a *actor) read() error {
	messages, err := flow.EnumerateMessages.Call(a.ctx, a.client, flow.EnumerateMessagesInput{ChannelID: a.me.ChannelID})
	if err != nil || len(messages) == 0 {
		return err
	}
	mark := flow.SetChannelReadHWMInput{ChannelID: a.me.ChannelID, MessageID: messages[0].ID}
	if _, err := flow.SetChannelReadHWM.Call(a.ctx, a.client, mark); err != nil {
		return err
	}
	_, err = flow.GetUnreadCount.Call(a.ctx, a.client, flow.GetUnreadCountInput{ChannelID: a.me.ChannelID})
	return err
}

func (a *actor) search() error {
	found, err := flow.Search.Call(a.ctx, a.client, flow.SearchInput{Search: "message " + a.me.Username})
	for _, hit := range found {
		if err == nil && !strings.Contains(hit.Data.Text, "message") {
			return fmt.Errorf("found %q", hit.Data.Text)
		}
	}
	return err
}

// visit asks to join somebody's team and writes to the channel there, if it was let in.
func (a *actor) visit() error {
	host := a.peers[a.random.IntN(len(a.peers))]
	_, err := flow.NewOrgJoinRequest.Call(a.ctx, a.client, flow.NewOrgJoinRequestInput{OrgID: host.team})
	if err == nil || !errors.Is(err, flow.Conflict) {
		return err
	}
	_, err = flow.SendMessage.Call(a.ctx, a.client, flow.SendMessageInput{ChannelID: host.channel, Text: "a visit"})
	return err
}

// admit lets in who asks, and puts a guest out again.
func (a *actor) admit() error {
	requests, err := flow.EnumerateOrgJoinRequests.Call(a.ctx, a.client, flow.EnumerateOrgJoinRequestsInput{OrgID: a.team})
	if err != nil {
		return err
	}
	for i, r := range requests {
		_, err := flow.OrgAddMember.Call(a.ctx, a.client, flow.OrgAddMemberInput{OrgID: a.team, MemberAccountID: r.AccountID, MemberState: flow.Member})
		if err != nil {
			return err
		}
		_, err = flow.ChannelAddMember.Call(a.ctx, a.client, flow.ChannelAddMemberInput{ChannelID: a.channel, MemberAccountID: r.AccountID, MemberState: flow.Member})
		if err != nil || i%3 != 0 {
			return err
		}
		_, err = flow.NewChannelMemberState.Call(a.ctx, a.client, flow.NewChannelMemberStateInput{
			ChannelID: a.channel, MemberAccountID: r.AccountID, MemberState: flow.Banned,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a message of its own channel, which must not come back.
func (a *actor) remove() error {
	id, err := flow.SendMessage.Call(a.ctx, a.client, flow.SendMessageInput{ChannelID: a.channel, Text: "a slip"})
	if err != nil {
		return err
	}
	_, err = flow.MarkMessagesDeleted.Call(a.ctx, a.client, flow.MarkMessagesDeletedInput{
		ChannelID: a.channel, Messages: []flow.MessageRef{{MessageID: id}},
	})
	if err != nil {
		return err
	}
	left, err := flow.EnumerateMessages.Call(a.ctx, a.client, flow.EnumerateMessagesInput{ChannelID: a.channel})
	if slices.ContainsFunc(left, func(m flow.Message) bool { return m.ID == id }) {
		return errors.New("a deleted message is still there")
	}
	return err
}

// file sends a file to its own channel and fetches it back.
func (a *actor) file() error {
	path := filepath.Join(a.dir, "file.txt")
	if err := os.WriteFile(path, []byte(fmt.Sprint(a.me.Username, len(a.sent))), 0o600); err != nil {
		return err
	}
	id, err := flow.NewAttachment.Call(a.ctx, a.client, flow.NewAttachmentInput{OrgID: a.team, FilePath: path})
	if err != nil {
		return err
	}
	message, err := flow.SendMessage.Call(a.ctx, a.client, flow.SendMessageInput{
		ChannelID: a.channel, Attachments: []flow.AttachmentToSend{{ID: id}},
	})
	if err != nil {
		return err
	}
	_, err = flow.StartAttachmentDownload.Call(a.ctx, a.client, flow.StartAttachmentDownloadInput{
		AttachmentID: id, OrgID: a.team, ChannelID: a.channel, MessageID: message,
	})
	return err
}

// listen hears the common channel up to the last words.
func (a *actor) listen() error {
	ctx, cancel := context.WithTimeout(a.ctx, wholeTime+*soakTime)
	defer cancel()
	for n, err := range a.client.Notifications(ctx) {
		if err != nil {
			return err
		}
		if n.Type != flow.MessageEvent.Type() {
			continue
		}
		change, err := flow.MessageEvent.Decode(n)
		if err != nil {
			return err
		}
		for _, m := range change.RegularMessages {
			if m.ChannelID == a.me.ChannelID {
				a.heard = append(a.heard, m.ID)
			}
			if m.Text == lastWords {
				return nil
			}
		}
	}
	return fmt.Errorf("%s waited in vain for the last message", a.me.Username)
}
