package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// circle is some people who do what changes counts. The first one may do everything.
type circle struct {
	store    *store
	sessions []user
	accounts []int64          // by session
	ids      []flow.AccountID // by session, and of the guest
	guest    int64            // who has a session now and then

	visiting sync.Mutex
	mu       sync.Mutex
	channels []flow.ChannelID // the first one stays
	sent     map[flow.ChannelID][]flow.MessageID
	done     map[string]int
}

func newCircle(t *testing.T) *circle {
	s := open(t, t.TempDir())
	c := &circle{store: s, sent: map[flow.ChannelID][]flow.MessageID{}, done: map[string]int{}}
	for i, name := range []string{"ana", "ben", "ben", "cem"} {
		u := start(t, s, fmt.Sprint("member ", i), name)
		_, self, err := u.self(t.Context(), u.call)
		if err != nil {
			t.Fatal(err)
		}
		c.sessions, c.accounts, c.ids = append(c.sessions, u), append(c.accounts, self.account), append(c.ids, self.id)
	}
	id, account, err := c.visit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.ids, c.guest = append(c.ids, id), account
	c.channels = []flow.ChannelID{c.sessions[0].home.ChannelID}
	return c
}

// deed is one thing to do: by somebody, to somebody who is not the first one, in a channel.
type deed struct {
	name string
	odds int
	do   func(ctx context.Context, dice *rand.Rand, by user, to flow.AccountID, in flow.ChannelID) error
}

// visit opens a session for the guest, counts, and ends the session.
func (c *circle) visit(ctx context.Context) (flow.AccountID, int64, error) {
	const member = "guest"
	c.visiting.Lock()
	defer c.visiting.Unlock()
	defer c.store.leave(member)
	u, err := begin(ctx, c.store, member, "dan")
	if err != nil {
		return "", 0, err
	}
	_, self, err := u.self(ctx, u.call)
	if err != nil {
		return "", 0, err
	}
	return self.id, self.account, c.store.at(ctx, func(m moment) error { return c.store.differ(ctx, m, self.account) })
}

func (c *circle) deeds() []deed {
	boss := c.sessions[0]
	team := boss.home.OrgID
	return []deed{
		{"send", 40, func(ctx context.Context, _ *rand.Rand, by user, _ flow.AccountID, in flow.ChannelID) error {
			return c.send(ctx, by, in)
		}},
		{"send many", 8, func(ctx context.Context, dice *rand.Rand, by user, _ flow.AccountID, in flow.ChannelID) error {
			errs := make([]error, 20+dice.IntN(60))
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() { errs[i] = c.send(ctx, by, in) })
			}
			wg.Wait()
			return errs[0]
		}},
		{"mark", 8, func(ctx context.Context, dice *rand.Rand, by user, _ flow.AccountID, in flow.ChannelID) error {
			_, err := by.SetChannelReadHWM(ctx, by.call, flow.SetChannelReadHWMInput{ChannelID: in, MessageID: c.message(dice, in)})
			return err
		}},
		{"delete", 8, func(ctx context.Context, dice *rand.Rand, _ user, _ flow.AccountID, in flow.ChannelID) error {
			_, err := boss.MarkMessagesDeleted(ctx, boss.call, flow.MarkMessagesDeletedInput{
				ChannelID: in, Messages: []flow.MessageRef{{MessageID: c.message(dice, in)}, {MessageID: c.message(dice, in)}},
			})
			return err
		}},
		{"keep", 4, func(ctx context.Context, dice *rand.Rand, _ user, _ flow.AccountID, in flow.ChannelID) error {
			_, err := boss.SetChannelRetentionPolicy(ctx, boss.call, flow.SetChannelRetentionPolicyInput{
				ChannelID: in, MaxMessages: []int{0, 7, 70}[dice.IntN(3)],
			})
			return err
		}},
		{"leave", 5, func(ctx context.Context, _ *rand.Rand, by user, _ flow.AccountID, in flow.ChannelID) error {
			if by == boss {
				return flow.Errorf(flow.Denied, "the first one stays")
			}
			id, err := by.AccountID(ctx, by.call, flow.AccountIDInput{})
			if err == nil {
				_, err = by.NewChannelMemberState(ctx, by.call, flow.NewChannelMemberStateInput{ChannelID: in, MemberAccountID: id, MemberState: flow.Banned})
			}
			return err
		}},
		{"ban", 5, func(ctx context.Context, _ *rand.Rand, _ user, to flow.AccountID, in flow.ChannelID) error {
			_, err := boss.NewChannelMemberState(ctx, boss.call, flow.NewChannelMemberStateInput{ChannelID: in, MemberAccountID: to, MemberState: flow.Banned})
			return err
		}},
		{"add", 8, func(ctx context.Context, _ *rand.Rand, _ user, to flow.AccountID, in flow.ChannelID) error {
			_, err := boss.ChannelAddMember(ctx, boss.call, flow.ChannelAddMemberInput{ChannelID: in, MemberAccountID: to, MemberState: flow.Member})
			return err
		}},
		{"ban from the team", 3, func(ctx context.Context, _ *rand.Rand, _ user, to flow.AccountID, _ flow.ChannelID) error {
			_, err := boss.SetOrgMemberState(ctx, boss.call, flow.SetOrgMemberStateInput{OrgID: team, MemberAccountID: to, MemberState: flow.Banned})
			return err
		}},
		{"add to the team", 4, func(ctx context.Context, _ *rand.Rand, _ user, to flow.AccountID, _ flow.ChannelID) error {
			_, err := boss.OrgAddMember(ctx, boss.call, flow.OrgAddMemberInput{OrgID: team, MemberAccountID: to, MemberState: flow.Member})
			return err
		}},
		{"open a channel", 3, func(ctx context.Context, _ *rand.Rand, _ user, _ flow.AccountID, _ flow.ChannelID) error {
			id, err := boss.NewChannel(ctx, boss.call, flow.NewChannelInput{OrgID: team, Name: "another"})
			return c.opened(id, err)
		}},
		{"talk to one", 2, func(ctx context.Context, _ *rand.Rand, _ user, to flow.AccountID, _ flow.ChannelID) error {
			id, err := boss.NewDirectConversation(ctx, boss.call, flow.NewDirectConversationInput{OrgID: team, MemberID: to})
			return c.opened(id, err)
		}},
		{"delete a channel", 2, func(ctx context.Context, _ *rand.Rand, _ user, _ flow.AccountID, in flow.ChannelID) error {
			if in == boss.home.ChannelID {
				return flow.Errorf(flow.Denied, "the first one stays")
			}
			_, err := boss.DeleteChannel(ctx, boss.call, flow.DeleteChannelInput{ChannelID: in})
			return err
		}},
		{"visit", 3, func(ctx context.Context, _ *rand.Rand, _ user, _ flow.AccountID, _ flow.ChannelID) error {
			_, _, err := c.visit(ctx)
			return err
		}},
		{"forget", 3, func(_ context.Context, dice *rand.Rand, _ user, _ flow.AccountID, _ flow.ChannelID) error {
			tallies := c.store.tallies
			tallies.mu.Lock()
			defer tallies.mu.Unlock()
			r := tallies.readers[c.accounts[dice.IntN(len(c.accounts))]]
			if r == nil {
				return flow.Errorf(flow.NotFound, "it does not ask")
			}
			tallies.drop(r)
			return nil
		}},
	}
}

func (c *circle) send(ctx context.Context, by user, in flow.ChannelID) error {
	id, err := by.SendMessage(ctx, by.call, flow.SendMessageInput{ChannelID: in, Text: "x"})
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sent[in] = append(c.sent[in], id)
	}
	return err
}

// message returns one that was sent, more often a new one than an old one.
func (c *circle) message(dice *rand.Rand, in flow.ChannelID) flow.MessageID {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := c.sent[in]
	if len(sent) == 0 {
		return "none"
	}
	return sent[len(sent)-1-dice.IntN(1+dice.IntN(len(sent)))]
}

func (c *circle) opened(id flow.ChannelID, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && !slices.Contains(c.channels, id) {
		c.channels = append(c.channels, id)
	}
	return err
}

// act does something. What is not possible at the moment is refused, and changes nothing.
func (c *circle) act(ctx context.Context, dice *rand.Rand, deeds []deed) error {
	all := 0
	for _, d := range deeds {
		all += d.odds
	}
	roll, i := dice.IntN(all), 0
	for ; roll >= deeds[i].odds; i++ {
		roll -= deeds[i].odds
	}
	by, to := c.sessions[dice.IntN(len(c.sessions))], c.ids[1+dice.IntN(len(c.ids)-1)]
	c.mu.Lock()
	in := c.channels[dice.IntN(len(c.channels))]
	c.mu.Unlock()
	err := deeds[i].do(ctx, dice, by, to, in)
	switch {
	case err == nil:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.done[deeds[i].name]++
	case errors.Is(err, flow.Denied), errors.Is(err, flow.NotFound), errors.Is(err, flow.Conflict):
	default:
		return fmt.Errorf("%s: %w", deeds[i].name, err)
	}
	return nil
}

// check fails when something was never possible.
func (c *circle) check(t *testing.T, deeds []deed) {
	t.Helper()
	for _, d := range deeds {
		if c.done[d.name] == 0 {
			t.Errorf("nobody could %s", d.name)
		}
	}
}
