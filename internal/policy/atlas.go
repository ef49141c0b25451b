package policy

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// atlas knows for each channel of the account what may be done with it. It is drawn from
// the backend's own lists, past the gate.
type atlas struct {
	policy *Policy
	log    *slog.Logger

	mu     sync.Mutex
	last   drawing
	drawn  time.Time // zero when something has changed since
	stale  int       // rises with every change, so that what was drawn meanwhile is not kept
	teams  pins[flow.OrgID]
	people pins[flow.AccountID]
	told   map[topic]bool // what the log was told of
}

// drawing is what the channels were at one time. It is never changed.
type drawing struct {
	known   map[flow.ChannelID]verdict
	remarks []remark // on patterns that have no effect, or another one than they seem to
}

func newAtlas(p *Policy, log *slog.Logger) *atlas {
	return &atlas{policy: p, log: log, teams: pins[flow.OrgID]{}, people: pins[flow.AccountID]{}, told: map[topic]bool{}}
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
	d, err := a.with(ctx, c, id)
	return d.known[id], err
}

// open returns the channels of a team, or of all, that may be read.
func (a *atlas) open(ctx context.Context, c flow.Caller, org flow.OrgID) ([]flow.ChannelID, error) {
	d, err := a.with(ctx, c, "") // no channel has this id, so all are looked up
	if err != nil {
		return nil, err
	}
	var open []flow.ChannelID
	for id, v := range d.known {
		if v.read && (org == "" || org == v.org) {
			open = append(open, id)
		}
	}
	slices.Sort(open)
	return open, nil
}

// with returns the drawing that there is, if it is fresh and has a channel in it, or else
// a new one.
func (a *atlas) with(ctx context.Context, c flow.Caller, id flow.ChannelID) (drawing, error) {
	a.mu.Lock()
	d, stale := a.last, a.stale
	_, known := d.known[id]
	young := time.Since(a.drawn) < fresh
	a.mu.Unlock()
	if known && young {
		return d, nil
	}
	d, err := a.draw(ctx, c)
	if err != nil {
		return drawing{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stale == stale {
		a.last, a.drawn = d, time.Now()
		a.warn(d.remarks)
	}
	return d, nil
}

// remarks are those of the last drawing.
func (a *atlas) remarks() (said []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.last.remarks {
		said = append(said, r.text)
	}
	return said
}

func (a *atlas) draw(ctx context.Context, c flow.Caller) (drawing, error) {
	orgs, err := flow.EnumerateOrgs.Call(ctx, c, flow.EnumerateOrgsInput{})
	if err != nil {
		return drawing{}, err
	}
	peers, err := flow.EnumeratePeerAccounts.Call(ctx, c, flow.EnumeratePeerAccountsInput{})
	if err != nil {
		return drawing{}, err
	}
	now, known := a.pin(orgs, peers), map[flow.ChannelID]verdict{}
	var places []place
	for _, org := range orgs {
		channels, err := flow.EnumerateChannels.Call(ctx, c, flow.EnumerateChannelsInput{OrgID: org.ID})
		if err != nil {
			return drawing{}, err
		}
		for _, ch := range channels {
			at := now.channel(ch.ID, org.ID, ch.Name)
			if ch.Purpose == flow.DirectPurpose {
				at = now.direct(ch.ID, org.ID, ch.DirectAccountID)
			}
			known[ch.ID], places = a.policy.judge(at), append(places, at)
		}
	}
	return drawing{known, a.policy.remarks(now, places)}, nil
}

// future returns the place that a channel would have which does not exist yet.
func (a *atlas) future(ctx context.Context, c flow.Caller, org flow.OrgID, name string, with flow.AccountID) (place, error) {
	orgs, err := flow.EnumerateOrgs.Call(ctx, c, flow.EnumerateOrgsInput{})
	if err != nil {
		return place{}, err
	}
	peers, err := flow.EnumeratePeerAccounts.Call(ctx, c, flow.EnumeratePeerAccountsInput{})
	if err != nil {
		return place{}, err
	}
	now := a.pin(orgs, peers)
	if with != "" {
		return now.direct("", org, with), nil
	}
	return now.channel("", org, name), nil
}
