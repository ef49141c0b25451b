package policy_test

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/policy"
)

// gated is a client behind a gate of its own, with its notifications.
type gated struct {
	*flow.Client
	gate *policy.Gate
	next func() (flow.Notification, error, bool)
}

func gateTo(t *testing.T, backend flow.Caller, text string) *gated {
	t.Helper()
	return logged(t, backend, text, nil)
}

func logged(t *testing.T, backend flow.Caller, text string, log *slog.Logger) *gated {
	t.Helper()
	p, err := policy.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	g := &gated{gate: policy.New(p, fixed{backend}, log)}
	g.Client = flow.NewClient(g.gate, flow.Setup{Username: "ana"})
	next, stop := iter.Pull2(g.Notifications(t.Context()))
	t.Cleanup(stop)
	g.next = next
	g.hears(t, flow.Connected)
	return g
}

// hears takes notifications up to one of a type.
func (g *gated) hears(t *testing.T, want flow.NotificationType) {
	t.Helper()
	for {
		n, err, ok := g.next()
		if err != nil || !ok {
			t.Fatalf("no notification %s came: %v", want, err)
		}
		if n.Type == want {
			return
		}
	}
}

// slow is a backend behind whose back something happens while it answers.
type slow struct {
	flow.Caller
	after string // this method was done
	do    atomic.Pointer[func()]
}

func (s *slow) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	result, err := s.Caller.Call(ctx, method, params)
	if method == s.after {
		if do := s.do.Swap(nil); do != nil {
			(*do)()
		}
	}
	return result, err
}

// What was looked up before a change, and is complete only after it, is not kept.
func TestChangesWhileChannelsAreLookedUp(t *testing.T) {
	l := newLab(t)
	backend := &slow{Caller: l.store, after: "EnumeratePeerAccounts"}
	c := gateTo(t, backend, "[channels]\nread = \"@somebody else\"\n")
	direct := do(t, l.ana, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: l.org, MemberID: l.benID})
	renamed := false
	meanwhile := func() {
		do(t, l.ben, flow.ChangeUsername, flow.ChangeUsernameInput{Username: "somebody else"})
		c.hears(t, flow.ProfileEvent.Type())
		renamed = true
	}
	backend.do.Store(&meanwhile)
	read := func() error {
		_, err := flow.EnumerateMessages.Call(t.Context(), c, flow.EnumerateMessagesInput{ChannelID: direct})
		return err
	}
	_ = read() // begins before the change, so that both answers are right
	if !renamed {
		t.Fatal("nothing happened meanwhile")
	}
	if err := read(); err != nil {
		t.Errorf("reading a conversation that is opened under another name: %v", err)
	}
}

// Patterns that name nothing, or not all that they seem to, are told.
func TestRemarks(t *testing.T) {
	l := newLab(t)
	const rules = "[channels]\nread = [\"Home/*\", \"Hume/*\", \"@ben\", \"open\", \"closed\", \"flow://channels/Home%2Fopen\"]\nwrite = [\"Home/open\", \"closed\"]\n"
	remarks := func(c *gated) []string {
		do(t, c, flow.EnumerateChannels, flow.EnumerateChannelsInput{OrgID: l.org})
		return c.gate.Remarks()
	}
	var log strings.Builder
	c := logged(t, l.store, rules, slog.New(slog.NewTextHandler(&log, nil)))
	unused := []string{`"Hume/*" fits no channel at present`, `"@ben" fits no channel at present`, `"closed" fits no channel at present`}
	if diff := cmp.Diff(unused, remarks(c)); diff != "" {
		t.Errorf("of one team (-want +got):\n%s", diff)
	}

	do(t, l.ana, flow.NewDirectConversation, flow.NewDirectConversationInput{OrgID: l.org, MemberID: l.benID})
	trap := do(t, l.ben, flow.NewOrg, flow.NewOrgInput{Name: "HOME"})
	do(t, l.ben, flow.OrgAddMember, flow.OrgAddMemberInput{OrgID: trap.ID, MemberAccountID: l.id(t, l.ana), MemberState: flow.Member})
	c.hears(t, flow.OrgMemberEvent.Type())
	home, other := "flow://orgs/"+string(l.org), "flow://orgs/"+string(trap.ID)
	first := func(pattern string) string {
		return pattern + ` means the team that had the name first (` + home + `), and not the others (` + other + `); write the id of a team in place of its name`
	}
	told := []string{first(`"Home/*"`), unused[0], unused[2], first(`"flow://channels/Home%2Fopen"`), first(`"Home/open"`)}
	if diff := cmp.Diff(told, remarks(c)); diff != "" {
		t.Errorf("of a second team of the name (-want +got):\n%s", diff)
	}

	for said, want := range map[string]int{"level=WARN": 2, "fits no channel": 3, "had the name first": 3} {
		if n := strings.Count(log.String(), said); n != want {
			t.Errorf("%q is logged %d times, want %d:\n%s", said, n, want, log.String())
		}
	}

	late := gateTo(t, l.store, "[channels]\nread = [\"Home/*\", \""+string(l.org)+"/*\", \"*/open\", \"H*/open\"]\n")
	none := func(pattern string) bool {
		for _, said := range remarks(late) {
			if len(said) > len(pattern) && said[:len(pattern)] == pattern {
				return true
			}
		}
		return false
	}
	for pattern, want := range map[string]bool{`"Home/*" means no team`: true, `"H*/open" means no team`: true, `"*/open"`: false, `"` + string(l.org): false} {
		if none(pattern) != want {
			t.Errorf("%s is told: %v, in %q", pattern, !want, remarks(late))
		}
	}
	if quiet := gateTo(t, l.store, "[limits]\nmessages_per_hour = 5\n"); remarks(quiet) != nil {
		t.Errorf("a policy without patterns has remarks: %q", remarks(quiet))
	}
}
