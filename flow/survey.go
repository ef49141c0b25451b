package flow

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
)

// surveyCalls is how many calls a survey has under way on a backend that is not ours.
const surveyCalls = 8

// Survey returns the account's channels in one team, or in all when org is empty, by team
// and name, each with its [Activity]. Our own backend says all of it in one call, as it is
// at one moment. The original has a CurrentState too, whose form nobody knows, so any
// other backend is asked about each channel, and newest messages are missing then.
func (c *Client) Survey(ctx context.Context, org OrgID) ([]ChannelState, error) {
	identity, err := c.Identity(ctx)
	if err != nil {
		return nil, err
	}
	survey := c.surveyEach
	if identity.Backend.Name != "" {
		survey = c.surveyWhole
	}
	orgs, err := survey(ctx, org)
	if err != nil {
		return nil, err
	}
	if org != "" && len(orgs) == 0 {
		return nil, Errorf(NotFound, "you are not in this team")
	}
	slices.SortFunc(orgs, func(a, b OrgState) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	var all []ChannelState
	for _, o := range orgs {
		begin := len(all)
		for _, ch := range o.Channels {
			if ch.Activity == nil {
				ch.Activity = &Activity{}
			}
			all = append(all, ch)
		}
		slices.SortFunc(all[begin:], func(a, b ChannelState) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	}
	return all, nil
}

func (c *Client) surveyWhole(ctx context.Context, org OrgID) ([]OrgState, error) {
	state, err := CurrentState.Call(ctx, c, CurrentStateInput{Stage: 1})
	if err != nil {
		return nil, fmt.Errorf("look at the channels: %w", err)
	}
	var orgs []OrgState
	for _, o := range state {
		if org == "" || org == o.ID {
			orgs = append(orgs, o)
		}
	}
	return orgs, nil
}

func (c *Client) surveyEach(ctx context.Context, org OrgID) ([]OrgState, error) {
	all, err := EnumerateOrgs.Call(ctx, c, EnumerateOrgsInput{})
	if err != nil {
		return nil, fmt.Errorf("list the teams: %w", err)
	}
	var orgs []OrgState
	for _, o := range all {
		if org != "" && org != o.ID {
			continue
		}
		channels, err := EnumerateChannels.Call(ctx, c, EnumerateChannelsInput{OrgID: o.ID})
		if err != nil {
			return nil, fmt.Errorf("list the channels: %w", err)
		}
		counted, err := c.countEach(ctx, channels)
		if err != nil {
			return nil, fmt.Errorf("count what is unread: %w", err)
		}
		orgs = append(orgs, OrgState{Org: o, Channels: counted})
	}
	return orgs, nil
}

// countEach counts what is unread, in a few channels at a time. Those that have vanished
// meanwhile are left out.
func (c *Client) countEach(ctx context.Context, channels []Channel) (map[ChannelID]ChannelState, error) {
	counts := make([]int, len(channels))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(surveyCalls)
	for i, ch := range channels {
		group.Go(func() (err error) {
			counts[i], err = GetUnreadCount.Call(ctx, c, GetUnreadCountInput{OrgID: ch.OrgID, ChannelID: ch.ID})
			if CodeOf(err) == NotFound {
				counts[i], err = -1, nil
			}
			return err
		})
	}
	err := group.Wait()
	counted := make(map[ChannelID]ChannelState, len(channels))
	for i, ch := range channels {
		if counts[i] >= 0 {
			counted[ch.ID] = ChannelState{Channel: ch, Activity: &Activity{UnreadCount: counts[i]}}
		}
	}
	return counted, err
}
