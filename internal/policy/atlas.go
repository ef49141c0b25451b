package policy

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// atlas knows for each channel of the account what may be done with it. It is drawn from
// the backend's own lists, past the gate.
type atlas struct {
	policy *Policy

	mu    sync.Mutex
	known map[flow.ChannelID]verdict
	drawn time.Time             // zero when something has changed since
	stale int                   // rises with every change, so that what was drawn meanwhile is not kept
	teams map[string]flow.OrgID // which team a name stands for, folded
}

// fresh is how long an atlas is believed: names may change without a word.
const fresh = 30 * time.Second

// forget has the atlas drawn anew when it is next looked at.
func (a *atlas) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drawn, a.stale = time.Time{}, a.stale+1
}

// look returns what may be done with a channel. What is in no list is closed, after a
// second look: it may have been made a moment ago.
func (a *atlas) look(ctx context.Context, c flow.Caller, id flow.ChannelID) (verdict, error) {
	a.mu.Lock()
	v, known := a.known[id]
	young, stale := time.Since(a.drawn) < fresh, a.stale
	a.mu.Unlock()
	if known && young {
		return v, nil
	}
	drawn, err := a.draw(ctx, c)
	if err != nil {
		return verdict{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stale == stale {
		a.known, a.drawn = drawn, time.Now()
	}
	return drawn[id], nil
}

// open returns the channels of a team, or of all, that may be read.
func (a *atlas) open(ctx context.Context, c flow.Caller, org flow.OrgID) ([]flow.ChannelID, error) {
	if _, err := a.look(ctx, c, ""); err != nil { // no channel has this id, so all are looked up
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var open []flow.ChannelID
	for id, v := range a.known {
		if v.read && (org == "" || org == v.org) {
			open = append(open, id)
		}
	}
	slices.Sort(open)
	return open, nil
}

func (a *atlas) draw(ctx context.Context, c flow.Caller) (map[flow.ChannelID]verdict, error) {
	orgs, err := flow.EnumerateOrgs.Call(ctx, c, flow.EnumerateOrgsInput{})
	if err != nil {
		return nil, err
	}
	peers, err := flow.EnumeratePeerAccounts.Call(ctx, c, flow.EnumeratePeerAccountsInput{})
	if err != nil {
		return nil, err
	}
	called := map[flow.AccountID]string{}
	for _, peer := range peers {
		called[peer.AccountID] = peer.Username
	}
	named := a.pin(orgs)
	drawn := map[flow.ChannelID]verdict{}
	for _, org := range orgs {
		channels, err := flow.EnumerateChannels.Call(ctx, c, flow.EnumerateChannelsInput{OrgID: org.ID})
		if err != nil {
			return nil, err
		}
		for _, ch := range channels {
			at := place{id: ch.ID, org: org.ID, team: named[org.ID], channel: ch.Name}
			if ch.Purpose == flow.DirectPurpose {
				at.channel, at.direct = "@"+called[ch.DirectAccountID], true
			}
			drawn[ch.ID] = a.policy.judge(at)
		}
	}
	return drawn, nil
}

// pin returns by what names the teams are known to patterns. A name stands for the team
// that had it first, as long as this server runs, and for none when there were several:
// anybody can make a team of the same name and add people to it.
func (a *atlas) pin(orgs []flow.Org) map[flow.OrgID]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.teams == nil {
		a.teams = map[string]flow.OrgID{}
	}
	count := map[string]int{}
	for _, org := range orgs {
		count[flow.Fold(org.Name)]++
	}
	named := map[flow.OrgID]string{}
	for _, org := range orgs {
		name := flow.Fold(org.Name)
		if a.teams[name] == "" && count[name] == 1 {
			a.teams[name] = org.ID
		}
		if a.teams[name] == org.ID {
			named[org.ID] = org.Name
		}
	}
	return named
}

// future returns the place that a channel would have which does not exist yet.
func (a *atlas) future(ctx context.Context, c flow.Caller, org flow.OrgID, name string, with flow.AccountID) (place, error) {
	at := place{org: org, channel: name}
	orgs, err := flow.EnumerateOrgs.Call(ctx, c, flow.EnumerateOrgsInput{})
	if err != nil {
		return at, err
	}
	at.team = a.pin(orgs)[org]
	if with != "" {
		peer, err := flow.GetPeerFromID.Call(ctx, c, flow.GetPeerFromIDInput{PeerID: with})
		if err != nil {
			return at, err
		}
		at.channel, at.direct = "@"+peer.Username, true
	}
	return at, nil
}
