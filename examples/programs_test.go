//go:build unix

package examples_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/process"
)

// place is a store and the programs that are run on it.
type place struct {
	store    string
	programs string // directory of the built examples
}

// newPlace builds some of the examples.
func newPlace(t *testing.T, programs ...string) place {
	t.Helper()
	p := place{t.TempDir(), t.TempDir()}
	t.Setenv("FLOW_MCP_DATA_DIR", p.store)
	for _, name := range programs {
		build := exec.Command("go", "build", "-o", filepath.Join(p.programs, name), "./"+name)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	return p
}

// running is an example that runs.
type running struct {
	*exec.Cmd
	lines *bufio.Scanner
}

// command is an example that has not been started.
func (p place) command(name string, args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(p.programs, name), append([]string{"-flow-mcp", binary}, args...)...)
}

// run starts an example.
func (p place) run(t *testing.T, name string, args ...string) *running {
	t.Helper()
	r := &running{Cmd: p.command(name, args...)}
	stdout, err := r.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Stderr = os.Stderr
	r.lines = bufio.NewScanner(stdout)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Process.Kill() })
	return r
}

// line returns what the example prints next.
func (r *running) line(t *testing.T) string {
	t.Helper()
	late := time.AfterFunc(patienceTime, func() { r.Process.Kill() })
	defer late.Stop()
	if !r.lines.Scan() {
		t.Fatalf("%s has ended, or said nothing for too long", r.Path)
	}
	return r.lines.Text()
}

// crash kills the backend of the example.
func (r *running) crash(t *testing.T) {
	t.Helper()
	ids := children(r.Process.Pid)
	if len(ids) != 1 {
		t.Fatalf("%s has the children %d, want its backend alone", r.Path, ids)
	}
	if err := kill(ids[0]); err != nil {
		t.Fatal(err)
	}
}

// interrupt ends the example as Ctrl-C does, and returns what else it said.
func (r *running) interrupt(t *testing.T) (rest []string) {
	t.Helper()
	backends := children(r.Process.Pid)
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patienceTime, func() { r.Process.Kill() })
	defer late.Stop()
	for r.lines.Scan() {
		rest = append(rest, r.lines.Text())
	}
	if err := r.Wait(); err != nil {
		t.Errorf("%s was interrupted: %v", r.Path, err)
	}
	for _, id := range backends {
		if alive(id) {
			t.Errorf("%s has left its backend behind", r.Path)
		}
	}
	return rest
}

// join returns a client with an account.
func (p place) join(t *testing.T, name string) (*flow.Client, flow.Identity) {
	t.Helper()
	client, stop := process.Connect(flow.Setup{Username: name}, binary, "backend", "--until-stdin-closes")
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	me, err := client.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return client, me
}

func ask[In, Out any](t *testing.T, c flow.Caller, op *flow.Operation[In, Out], in In) Out {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patienceTime)
	defer cancel()
	out, err := op.Call(ctx, c, in)
	if err != nil {
		t.Fatalf("%s: %v", op.Info().Name, err)
	}
	return out
}

func TestTeams(t *testing.T) {
	p := newPlace(t, "teams")
	ana, me := p.join(t, "ana")
	ask(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: me.OrgID, Name: `a "b"`})
	list := exec.Command(filepath.Join(p.programs, "teams"), "-flow-mcp", binary, "-account", "ana")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		want := []string{`"Home"`, `"a \"b\""`, `"general"`}[i]
		if !strings.HasSuffix(line, want) {
			t.Errorf("line %d is %s, want one that ends with %s", i, line, want)
		}
	}
	missing := exec.Command(filepath.Join(p.programs, "teams"), "-flow-mcp", filepath.Join(p.store, "nothing"))
	if out, err := missing.CombinedOutput(); err == nil || !strings.Contains(string(out), "teams: list teams: ") {
		t.Errorf("without a backend: %v, %s", err, out)
	}
}

// Whatever becomes of the backends of both sides, each message is printed once.
func TestListen(t *testing.T) {
	p := newPlace(t, "listen")
	ana, me := p.join(t, "ana")
	listen := p.run(t, "listen", "-account", "ben")
	var want, got []string
	send := func(text string) {
		ask(t, ana, flow.SendMessage, flow.SendMessageInput{ChannelID: me.ChannelID, Text: text})
		want = append(want, text)
	}
	hear := func() {
		line := listen.line(t)
		var at, channel, from, text string
		if _, err := fmt.Sscanf(line, "%s %q %q %q", &at, &channel, &from, &text); err != nil || channel != "general" || from != "ana" {
			t.Fatalf("ben is told %s: %v", line, err)
		}
		got = append(got, text)
	}
	waitFor(t, ana, me.OrgID, "ben")
	send("hello \x1b[31m")
	hear()
	for i := range 3 {
		send(fmt.Sprint("before ", i))
		listen.crash(t)
		send(fmt.Sprint("after ", i))
		hear()
		hear()
	}
	rest := listen.interrupt(t)
	if diff := cmp.Diff(want, got); diff != "" || len(rest) > 0 {
		t.Errorf("messages (-sent +printed):\n%s\nand then %q", diff, rest)
	}
	send("while away")
	listen = p.run(t, "listen", "-account", "ben")
	before := len(got)
	for hear(); got[len(got)-1] != "while away"; hear() {
	}
	// It may have been ended before it could acknowledge what it had printed last.
	again := got[before : len(got)-1]
	if rest := listen.interrupt(t); len(rest) > 0 || !slices.Equal(again, got[max(0, before-len(again)):before]) {
		t.Errorf("after a pause ben is told %q and %q", got[before:], rest)
	}
}

func TestEcho(t *testing.T) {
	p := newPlace(t, "echo")
	ana, me := p.join(t, "ana")
	echo := p.run(t, "echo", "-account", "parrot")
	waitFor(t, ana, me.OrgID, "parrot")
	// One message of the bot for each of ana's, the last one included.
	answers := func() (all []string) {
		for _, m := range ask(t, ana, flow.EnumerateMessages, flow.EnumerateMessagesInput{ChannelID: me.ChannelID}) {
			if m.SenderAccountID != me.AccountID {
				all = append(all, m.Text)
			}
		}
		slices.Reverse(all)
		return all
	}
	var want []string
	for i := range 4 {
		text := fmt.Sprint("polly ", i)
		ask(t, ana, flow.SendMessage, flow.SendMessageInput{ChannelID: me.ChannelID, Text: text})
		want = append(want, "echo: "+text)
		if i%2 == 1 {
			// The message before was sent when the last backend had been killed.
			until(t, ana, func() bool { return len(answers()) >= i })
			echo.crash(t)
		}
	}
	until(t, ana, func() bool { return len(answers()) >= len(want) })
	echo.interrupt(t)
	if diff := cmp.Diff(want, answers()); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestAutoJoin(t *testing.T) {
	p := newPlace(t, "autojoin")
	ana, _ := p.join(t, "ana")
	team := ask(t, ana, flow.NewOrg, flow.NewOrgInput{Name: "Open", Discoverable: true})
	ask(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: team.ID, Name: "one"})
	ask(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: team.ID, Name: "two"})
	request := flow.NewOrgJoinRequestInput{OrgID: team.ID}
	early, earlyID := p.join(t, "early")
	ask(t, early, flow.NewOrgJoinRequest, request)

	bot := p.run(t, "autojoin", "-account", "ana", "Open")
	expect := func(who flow.AccountID) {
		t.Helper()
		want := []string{"admitted " + string(who), "added " + string(who) + ` to "one"`, "added " + string(who) + ` to "two"`}
		if diff := cmp.Diff(want, []string{bot.line(t), bot.line(t), bot.line(t)}); diff != "" {
			t.Errorf("the bot says (-want +got):\n%s", diff)
		}
	}
	expect(earlyID.AccountID)
	hidden := flow.Session{Caller: early, ID: ask(t, early, flow.NewSession, flow.NewSessionInput{}).SessionID}
	ask(t, hidden, flow.CreateEscrowAccount, flow.CreateEscrowAccountInput{})
	ask(t, hidden, flow.NewOrgJoinRequest, request)
	left := "left to the owners: escrow account " + string(ask(t, hidden, flow.GetAccountID, flow.AccountIDInput{}))
	if line := bot.line(t); line != left {
		t.Errorf("the bot says %q, want %q", line, left)
	}
	bot.crash(t)
	late, lateID := p.join(t, "late")
	ask(t, late, flow.NewOrgJoinRequest, request)
	expect(lateID.AccountID)
	if rest := bot.interrupt(t); len(rest) > 0 {
		t.Errorf("the bot also says %q", rest)
	}
	for _, c := range []*flow.Client{early, late} {
		if channels := ask(t, c, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: team.ID}); len(channels) != 2 {
			t.Errorf("who was admitted sees the channels %+v", channels)
		}
	}
}

// A bot that ends when somebody is in the team and not yet in its channels adds them when it
// is back, but not where they have been meanwhile.
func TestAutoJoinEndsHalfWay(t *testing.T) {
	p := newPlace(t, "autojoin")
	ana, _ := p.join(t, "ana")
	ben, benID := p.join(t, "ben")
	team := ask(t, ana, flow.NewOrg, flow.NewOrgInput{Name: "Open", Discoverable: true})
	ask(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: team.ID, Name: "one"})
	two := ask(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: team.ID, Name: "two"})
	ask(t, ana, flow.NewChannel, flow.NewChannelInput{OrgID: team.ID, Name: "three"})
	ask(t, ben, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: team.ID})

	stuck := p.command("autojoin", "-account", "ana", "Open") // for nobody takes what it says
	stuck.Stdout = fullPipe(t)
	if err := stuck.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stuck.Process.Kill() })
	waitFor(t, ana, team.ID, "ben")
	if channels := ask(t, ben, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: team.ID}); len(channels) > 0 {
		t.Fatalf("before the bot has said that it let ben in he is in %+v", channels)
	}
	if err := stuck.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = stuck.Wait()
	for _, state := range []flow.MemberState{flow.Member, flow.Banned} {
		ask(t, ana, flow.ChannelAddMember, flow.ChannelAddMemberInput{
			OrgID: team.ID, ChannelID: two, MemberAccountID: benID.AccountID, MemberState: state,
		})
	}

	bot := p.run(t, "autojoin", "-account", "ana", "Open")
	want := []string{"added " + string(benID.AccountID) + ` to "one"`, "added " + string(benID.AccountID) + ` to "three"`}
	got := []string{bot.line(t), bot.line(t)}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the bot says (-want +got):\n%s", diff)
	}
	carl, carlID := p.join(t, "carl")
	ask(t, carl, flow.NewOrgJoinRequest, flow.NewOrgJoinRequestInput{OrgID: team.ID})
	if line := bot.line(t); line != "admitted "+string(carlID.AccountID) {
		t.Errorf("the bot says next %q", line)
	}
	for name, value := range ask(t, ana, flow.AccountPreferences, flow.AccountPreferencesInput{}) {
		if strings.Contains(string(value), string(benID.AccountID)) {
			t.Errorf("ben is not finished: %s is %s", name, value)
		}
	}
	for range 3 {
		bot.line(t)
	}
	if rest := bot.interrupt(t); len(rest) > 0 {
		t.Errorf("the bot also says %q", rest)
	}
}

// fullPipe returns a pipe that takes nothing any more.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Write(func(fd uintptr) bool {
		for {
			if _, err := syscall.Write(int(fd), make([]byte, 1)); err != nil {
				return true // it is full: Go does not wait on a pipe's own descriptor
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// waitFor waits until an account is in a team.
func waitFor(t *testing.T, c *flow.Client, team flow.OrgID, name string) {
	t.Helper()
	until(t, c, func() bool {
		peer, err := flow.GetPeer.Call(t.Context(), c, flow.GetPeerInput{PeerUsername: name})
		if err != nil {
			return false
		}
		return slices.ContainsFunc(ask(t, c, flow.EnumerateOrgMembers, flow.EnumerateOrgMembersInput{OrgID: team}),
			func(m flow.OrgMember) bool { return m.AccountID == peer.AccountID })
	})
}

// until waits until what c is told of makes a condition true.
func until(t *testing.T, c *flow.Client, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patienceTime)
	defer cancel()
	if holds() {
		return
	}
	for _, err := range c.Notifications(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if holds() {
			return
		}
	}
	t.Fatal("waited in vain")
}
