package tools

import (
	"context"
	"reflect"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// ranks are the states of members, the least first.
var ranks = []flow.MemberState{flow.Banned, flow.Member, flow.Admin, flow.Owner}

// lowers reports whether a member who is in one state loses something by getting another.
func lowers(from, to flow.MemberState) bool {
	return slices.Index(ranks, to) < slices.Index(ranks, from)
}

// addsOnly has a tool that adds members do nothing else. Nobody gets more rights than a
// member's unasked.
func addsOnly(effect flow.Effect, f *form) {
	p := f.typed(reflect.TypeFor[flow.MemberState]())
	if p == nil || effect == flow.Destroys || effect == flow.Reads {
		return
	}
	p.rules = "enum=o,enum=a,enum=m"
	p.required, p.fallback = false, string(flow.Member)
	p.description = "o owner, a admin, m member; m when left out."
	p.elsewhere = "To lower or ban: " + lowering(f) + "."
}

// lowering is the tool that takes a state away.
func lowering(f *form) string {
	if f.first(channelID) != nil {
		return toolName(flow.NewChannelMemberState.Info().Name)
	}
	return toolName(flow.SetOrgMemberState.Info().Name)
}

// takesNothing refuses to lower the state of a member by a tool that adds members. To the
// operation it would be the same, but hosts, people and the rules of consent go by what a
// tool is known to do.
func (c *call) takesNothing(ctx context.Context, t *Tool, f *form) error {
	p, who := f.typed(reflect.TypeFor[flow.MemberState]()), f.first(accountID)
	if p == nil || who == nil || t.Effect == flow.Destroys || t.Effect == flow.Reads {
		return nil
	}
	state, _ := get(c.resolved, p.path)
	wanted, _ := state.(string)
	member, _ := get(c.resolved, who.path)
	id, _ := member.(string)
	now, err := c.stateOf(ctx, flow.AccountID(id))
	if err != nil || now == "" || !lowers(now, flow.MemberState(wanted)) {
		return err
	}
	return flow.Errorf(flow.Invalid, "%s: nothing was done, since %s is in state %s and would be lowered to %s, which this tool does not do. Use %s",
		p.name, c.namer(ctx).account(ctx, flow.AccountID(id)).inline(), now, wanted, lowering(f))
}

// stateOf returns the state of a member of the channel, or else of the team, that the call
// is about. It is empty for people who are no members.
func (c *call) stateOf(ctx context.Context, id flow.AccountID) (flow.MemberState, error) {
	if c.channel.ID != "" {
		states, err := c.channelStates(ctx, c.channel.ID)
		return states[id], err
	}
	states, err := c.orgStates(ctx, c.team.ID)
	return states[id], err
}

// states are those of the members of a channel or a team.
type states map[flow.AccountID]flow.MemberState

func (s *service) channelStates(ctx context.Context, id flow.ChannelID) (states, error) {
	members, err := flow.EnumerateChannelMembers.Call(ctx, s.client, flow.EnumerateChannelMembersInput{ChannelID: id})
	all := make(states, len(members))
	for _, m := range members {
		all[m.AccountID] = m.State
	}
	return all, err
}

func (s *service) orgStates(ctx context.Context, id flow.OrgID) (states, error) {
	members, err := flow.EnumerateOrgMembers.Call(ctx, s.client, flow.EnumerateOrgMembersInput{OrgID: id})
	all := make(states, len(members))
	for _, m := range members {
		all[m.AccountID] = m.State
	}
	return all, err
}

// present counts those who are in, which the banned are not.
func (s states) present() (n int) {
	for _, state := range s {
		if state != flow.Banned {
			n++
		}
	}
	return n
}
