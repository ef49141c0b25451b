package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// bot lets people into one team.
type bot struct {
	client *flow.Client
	team   flow.OrgID
	left   map[flow.AccountID]bool // to the owners, which is said once
}

// admitAll goes on with those whom it has begun to let in, and lets in who waits. What
// others have answered meanwhile is left alone.
func (b *bot) admitAll(ctx context.Context) error {
	begun, err := b.begun(ctx)
	if err != nil {
		return err
	}
	waiting, err := b.waiting(ctx)
	if err != nil || len(begun)+len(waiting) == 0 {
		return err
	}
	var failed error
	var unfinished []flow.AccountID
	for _, who := range begun {
		if slices.Contains(waiting, who) {
			continue
		}
		if err := b.goOn(ctx, who); err != nil {
			failed, unfinished = errors.Join(failed, err), append(unfinished, who)
		}
	}
	for _, who := range waiting {
		if err := b.note(ctx, append(slices.Clone(unfinished), who)); err != nil {
			return errors.Join(failed, err)
		}
		if err := b.admit(ctx, who); err != nil {
			failed, unfinished = errors.Join(failed, err), append(unfinished, who)
		}
	}
	return errors.Join(failed, b.note(ctx, unfinished))
}

// waiting returns who asks to be let in, but for those who are left to the owners.
func (b *bot) waiting(ctx context.Context) (all []flow.AccountID, err error) {
	requests, err := flow.EnumerateOrgJoinRequests.Call(ctx, b.client, flow.EnumerateOrgJoinRequestsInput{OrgID: b.team})
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	for _, request := range requests {
		switch {
		case request.Kind == flow.OrdinaryAccount:
			all = append(all, request.AccountID)
		case !b.left[request.AccountID]:
			b.left[request.AccountID] = true
			fmt.Println("left to the owners:", request.Kind, "account", request.AccountID)
		}
	}
	return all, nil
}

// admit makes somebody a member of the team and of its channels.
func (b *bot) admit(ctx context.Context, who flow.AccountID) error {
	_, err := flow.OrgAddMember.Call(ctx, b.client, flow.OrgAddMemberInput{
		OrgID: b.team, MemberAccountID: who, MemberState: flow.Member,
	})
	if err != nil {
		return fmt.Errorf("add %s to the team: %w", who, err)
	}
	fmt.Println("admitted", who)
	return b.addToChannels(ctx, who, false)
}

// goOn adds to the channels whom the bot has let into the team, unless that has changed.
func (b *bot) goOn(ctx context.Context, who flow.AccountID) error {
	members, err := flow.EnumerateOrgMembers.Call(ctx, b.client, flow.EnumerateOrgMembersInput{OrgID: b.team})
	if err != nil {
		return fmt.Errorf("list the members of the team: %w", err)
	}
	if !slices.ContainsFunc(members, func(m flow.OrgMember) bool { return m.AccountID == who }) {
		return nil
	}
	return b.addToChannels(ctx, who, true)
}

// addToChannels adds a member of the team to its channels; with onlyNew set to those where
// they have not been yet. A channel that fails keeps nobody out of the others.
func (b *bot) addToChannels(ctx context.Context, who flow.AccountID, onlyNew bool) error {
	channels, err := flow.EnumerateChannels.Call(ctx, b.client, flow.EnumerateChannelsInput{OrgID: b.team})
	if err != nil {
		return fmt.Errorf("list the channels of the team: %w", err)
	}
	var failed error
	for _, channel := range channels {
		if channel.Purpose == flow.DirectPurpose {
			continue
		}
		added, err := b.addTo(ctx, channel.ID, who, onlyNew)
		switch {
		case errors.Is(err, flow.Denied), errors.Is(err, flow.NotFound): // the bot is no admin here, or the channel is gone
		case err != nil:
			failed = errors.Join(failed, fmt.Errorf("add %s to %q: %w", who, channel.Name, err))
		case added:
			fmt.Printf("added %s to %q\n", who, channel.Name)
		}
	}
	return failed
}

// addTo reports whether it has added somebody to a channel.
func (b *bot) addTo(ctx context.Context, channel flow.ChannelID, who flow.AccountID, onlyNew bool) (added bool, err error) {
	if onlyNew {
		history, err := flow.EnumerateChannelMemberHistory.Call(ctx, b.client, flow.EnumerateChannelMemberHistoryInput{ChannelID: channel})
		known := slices.ContainsFunc(history, func(m flow.ChannelMember) bool { return m.AccountID == who })
		if known || err != nil {
			return false, err
		}
	}
	_, err = flow.ChannelAddMember.Call(ctx, b.client, flow.ChannelAddMemberInput{
		OrgID: b.team, ChannelID: channel, MemberAccountID: who, MemberState: flow.Member,
	})
	return err == nil, err
}

// item is the preference that holds whom the bot has begun to let into the team.
func (b *bot) item() string { return "autojoin " + string(b.team) }

func (b *bot) begun(ctx context.Context) (all []flow.AccountID, err error) {
	items, err := flow.AccountPreferences.Call(ctx, b.client, flow.AccountPreferencesInput{})
	if err != nil {
		return nil, fmt.Errorf("read whom the bot has begun to let in: %w", err)
	}
	if raw, ok := items[b.item()]; ok {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read whom the bot has begun to let in: preference %q: %w", b.item(), err)
	}
	return all, nil
}

func (b *bot) note(ctx context.Context, all []flow.AccountID) error {
	in := flow.SetAccountPreferencesInput{ClearPreferences: []string{b.item()}}
	if len(all) > 0 {
		raw, err := json.Marshal(map[string][]flow.AccountID{b.item(): all})
		if err != nil {
			return err
		}
		in = flow.SetAccountPreferencesInput{Preferences: raw}
	}
	if _, err := flow.SetAccountPreferences.Call(ctx, b.client, in); err != nil {
		return fmt.Errorf("note whom the bot has begun to let in: %w", err)
	}
	return nil
}
