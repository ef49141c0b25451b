//go:build unix

package examples_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/process"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
)

// A town is a store in which twelve people have talked in six channels, two thousand
// messages long. What they say follows from a seed; among it stand the facts that the
// tasks are about.

// kim is whom the agent works for.
const kim = "kim"

var people = []string{kim, "ana", "ben", "carla", "dmitri", "elif", "farid", "grace", "hugo", "lea", "omar", "priya"}

// nora is in the team but, unlike the others, in no channel but general.
const nora = "nora"

var channels = []string{"general", "launch", "design", "build", "support", "random"}

const (
	townMessages = 2000
	unread       = 8 // messages that kim has not read, in each channel
)

// fact is a message that a task is about, at a place between 0, the oldest, and 1. Those
// after 0.99 are unread.
type fact struct {
	channel, from, text string
	at                  float64
	file                string // name of a file that is sent with it
}

var facts = []fact{
	{"launch", "ana", "Proposal: launch on Tuesday the 10th, if the payment tests are green.", 0.50, ""},
	{"launch", "ana", "Decision: we launch on Thursday the 12th. The payment tests need two more days.", 0.62, ""},
	{"launch", "carla", "Here is the launch budget, final version.", 0.70, "budget-2026.csv"},
	{"launch", "lea", "Press notes attached, please check the quotes.", 0.75, "press-notes.txt"},
	{"design", "elif", "The logo stays blue, everybody agreed in the review. Orange is off the table.", 0.55, ""},
	{"design", "hugo", "Logo update: legal asked for the darker blue, so navy it is.", 0.90, ""},
	{"support", "farid", "Outage report: logins failed from 09:10 to 09:42.", 0.80, ""},
	{"support", "grace", "Cause of the outage: an expired certificate on the login service.", 0.801, ""},
	{"support", "priya", "Question from a customer: can they export invoices as CSV? @kim do you know?", 0.997, ""},
	{"build", "dmitri", "Build 481 is broken on macOS, see the linker error.", 0.85, ""},
	{"build", "ben", "Fixed the linker error of build 481, green again.", 0.86, ""},
	{"general", kim, "The demo is on Friday at 14:00 in room 4.", 0.995, ""},
	{"general", "omar", "@kim could you send me the contract number today?", 0.998, ""},
	{"random", "hugo", "Who took my mug?", 0.999, ""},
}

// fileTexts are what the files hold.
var fileTexts = map[string]string{
	"budget-2026.csv": "item,eur\nvenue,4200\nads,9800\nsum,14000\n",
	"press-notes.txt": "Quote of Ana: we ship when it is ready.\n",
}

var (
	openings = []string{"I looked at", "Can somebody check", "Just finished", "Still waiting for", "Quick note on", "We should talk about", "Thanks for", "Started with", "I have doubts about", "Tomorrow I will do"}
	subjects = []string{"the new onboarding page", "the invoice template", "that flaky test", "the translations", "the partner list", "the release notes", "the dashboard colours", "the backup job", "the survey results", "the quarterly numbers", "the search index", "the meeting room plan"}
	endings  = []string{"and it looks good.", "before lunch, please.", "- details in the ticket.", "but it can wait until next week.", "since the customer asked twice.", "so nobody has to do it again.", "and pushed a first version.", "; opinions welcome!", "with Grace, she knows the history.", "after the standup."}
)

// small talk of one channel, which always comes out the same.
func smallTalk(random *rand.Rand) string {
	pick := func(from []string) string { return from[random.IntN(len(from))] }
	return strings.Join([]string{pick(openings), pick(subjects), pick(endings)}, " ")
}

// buildTown makes the store in dir.
func buildTown(tb testing.TB, dir string) {
	tb.Helper()
	store, err := sqlite.Open(tb.Context(), dir, sqlite.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	b := &builder{tb: tb, clients: map[string]*flow.Client{}, ids: map[string]flow.ChannelID{}, files: tb.TempDir()}
	for _, name := range append(people[:len(people):len(people)], nora) {
		b.clients[name] = flow.NewClient(onStore{store}, flow.Setup{Username: name})
		_ = b.home(name)
	}
	for i, name := range channels {
		b.open(name)
		b.talk(name, rand.New(rand.NewPCG(1, uint64(i))))
	}
	if err := store.Close(); err != nil {
		tb.Fatal(err)
	}
}

// onStore dials a store in this process.
type onStore struct{ flow.Caller }

func (s onStore) Endpoint(context.Context) (flow.Endpoint, error) {
	return flow.Endpoint{Caller: s.Caller, Generation: 1}, nil
}

type builder struct {
	tb      testing.TB
	clients map[string]*flow.Client
	ids     map[string]flow.ChannelID
	files   string
}

func (b *builder) home(name string) flow.Home {
	identity, err := b.clients[name].Identity(b.tb.Context())
	if err != nil {
		b.tb.Fatal(err)
	}
	return identity.Home
}

// open makes a channel in which all people are.
func (b *builder) open(name string) {
	home := b.home("ana")
	if name == "general" {
		b.ids[name] = home.ChannelID
		return
	}
	id := obtain(b.tb, b.clients["ana"], flow.NewChannel, flow.NewChannelInput{OrgID: home.OrgID, Name: name})
	for _, member := range people {
		state := flow.Member
		if member == kim {
			state = flow.Admin
		}
		if member != "ana" {
			obtain(b.tb, b.clients["ana"], flow.ChannelAddMember, flow.ChannelAddMemberInput{
				ChannelID: id, MemberAccountID: b.home(member).AccountID, MemberState: state,
			})
		}
	}
	b.ids[name] = id
}

// talk fills a channel, and marks for kim what she has read.
func (b *builder) talk(channel string, random *rand.Rand) {
	var own []fact
	for _, f := range facts {
		if f.channel == channel {
			own = append(own, f)
		}
	}
	count := townMessages/len(channels) - len(own)
	for i := range count {
		for len(own) > 0 && float64(i)/float64(count) >= own[0].at {
			b.say(random, own[0])
			own = own[1:]
		}
		id := b.say(random, fact{channel: channel, from: people[1+random.IntN(len(people)-1)], text: smallTalk(random)})
		if i == count-unread {
			obtain(b.tb, b.clients[kim], flow.SetChannelReadHWM, flow.SetChannelReadHWMInput{ChannelID: b.ids[channel], MessageID: id})
		}
	}
	for _, f := range own {
		b.say(random, f)
	}
}

func (b *builder) say(random *rand.Rand, f fact) flow.MessageID {
	var key [16]byte
	for i := range key {
		key[i] = byte(random.Uint32())
	}
	in := flow.SendMessageInput{ChannelID: b.ids[f.channel], Text: f.text}
	if f.file != "" {
		path := filepath.Join(b.files, f.file)
		if err := os.WriteFile(path, []byte(fileTexts[f.file]), 0o600); err != nil {
			b.tb.Fatal(err)
		}
		id := obtain(b.tb, b.clients[f.from], flow.NewAttachment, flow.NewAttachmentInput{OrgID: b.home(f.from).OrgID, FilePath: path})
		in.Attachments = []flow.AttachmentToSend{{ID: id}}
	}
	// The key becomes the id of the message, so that it is the same each time.
	return obtain(b.tb, b.clients[f.from].Keyed(flow.RequestID(uuid.UUID(key).String())), flow.SendMessage, in)
}

// obtain does what has to succeed.
func obtain[In, Out any](tb testing.TB, c flow.Caller, op *flow.Operation[In, Out], in In) Out {
	tb.Helper()
	out, err := op.Call(tb.Context(), c, in)
	if err != nil {
		tb.Fatalf("%s: %v", op.Info().Name, err)
	}
	return out
}

// town is a copy of the store with its people, as the binary serves it.
type town struct {
	dir        string
	supervisor *process.Supervisor
	colleagues map[string]*flow.Client
}

// openTown copies the store in from and runs a backend on it until the test ends.
func openTown(tb testing.TB, from string) *town {
	tb.Helper()
	w := &town{dir: tb.TempDir(), colleagues: map[string]*flow.Client{}}
	if err := os.CopyFS(w.dir, os.DirFS(from)); err != nil {
		tb.Fatal(err)
	}
	w.supervisor = &process.Supervisor{
		Command: []string{binary, "backend", "--until-stdin-closes", "--data-dir", w.dir, "--log-format", "json", "0"}, Own: true,
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.supervisor.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	})
	return w
}

// as returns a client for somebody's account.
func (w *town) as(name string) *flow.Client {
	if w.colleagues[name] == nil {
		w.colleagues[name] = flow.NewClient(w.supervisor, flow.Setup{Username: name})
	}
	return w.colleagues[name]
}

// channel returns the id of a channel that somebody is in, or nothing.
func (w *town) channel(tb testing.TB, who, name string) flow.ChannelID {
	tb.Helper()
	dir := flow.NewDirectory(w.as(who))
	found, err := dir.FindChannel(tb.Context(), name)
	if err != nil {
		tb.Errorf("%s looks for the channel %s: %v", who, name, err)
	}
	return found.ID
}

// hears returns the newest messages of a channel with the names of their files, as
// somebody in it reads them.
func (w *town) hears(tb testing.TB, who, channel string) []string {
	tb.Helper()
	var texts []string
	for _, m := range obtain(tb, w.as(who), flow.EnumerateMessages, flow.EnumerateMessagesInput{
		ChannelID: w.channel(tb, who, channel), Filters: &flow.MessageFilters{Limit: 10},
	}) {
		text := m.Text
		for _, file := range m.Attachments {
			text += " + " + file.Filename
		}
		texts = append(texts, text)
	}
	return texts
}
