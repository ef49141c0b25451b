package resources

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Observe announces what a notification changes. The directory must have observed it
// before, so that whoever looks at once sees the change. Observe does not block.
func (r *Resources) Observe(n flow.Notification) {
	if n.Type == flow.Connected {
		r.observeConnected()
		return
	}
	r.mu.Lock()
	announcer, c := r.announcer, changes{me: r.me, uris: map[string]bool{}, touched: map[flow.ChannelID]time.Time{}}
	r.mu.Unlock()
	c.renamed = r.renamed
	if err := c.take(n); err != nil {
		lookAgain(announcer) // something changed, and there is no telling what
		return
	}
	r.mu.Lock()
	for channel, at := range c.touched {
		r.touch(channel, at)
	}
	for _, channel := range c.vanished {
		delete(r.touched, channel)
	}
	for _, uri := range slices.Collect(maps.Keys(c.uris)) {
		for alias := range r.aliases.of[uri] {
			c.uris[alias] = true
		}
	}
	r.mu.Unlock()
	if c.all {
		lookAgain(announcer)
	}
	c.announce(announcer)
}

// observeConnected: what happened before is not known.
func (r *Resources) observeConnected() {
	r.mu.Lock()
	announcer, relist := r.announcer, r.linked || r.relist
	r.linked, r.relist, r.learned = true, false, false
	r.shown, r.usernames = nil, map[flow.AccountID]string{}
	r.mu.Unlock()
	lookAgain(announcer)
	if relist && announcer != nil {
		announcer.ResourceListChanged()
	}
}

// lookAgain announces everything that somebody is subscribed to.
func lookAgain(to Announcer) {
	if to == nil {
		return
	}
	for _, uri := range to.Subscribed() {
		to.ResourceUpdated(uri)
	}
}

// changes are what one notification changes.
type changes struct {
	me       flow.AccountID          // empty when nobody has asked yet
	renamed  func(flow.Profile) bool // whether an account is called otherwise than was shown
	uris     map[string]bool
	all      bool // a name changed, which may stand anywhere
	list     bool // channels came or went
	touched  map[flow.ChannelID]time.Time
	vanished []flow.ChannelID
}

// effects say what each notification changes. Those that are not here change the event
// log alone.
var effects = map[flow.NotificationType]func(*changes, flow.Notification) error{
	flow.MessageEvent.Type():         effect(flow.MessageEvent, (*changes).message),
	flow.MessageDeletionEvent.Type(): effect(flow.MessageDeletionEvent, (*changes).deletions),
	flow.HWMEvent.Type():             effect(flow.HWMEvent, (*changes).marks),
	flow.ChannelEvent.Type():         effect(flow.ChannelEvent, (*changes).channels),
	flow.ChannelMemberEvent.Type():   effect(flow.ChannelMemberEvent, (*changes).channelMembers),
	flow.OrgEvent.Type():             effect(flow.OrgEvent, (*changes).orgs),
	flow.OrgMemberEvent.Type():       effect(flow.OrgMemberEvent, (*changes).orgMembers),
	flow.OrgJoinRequestEvent.Type():  effect(flow.OrgJoinRequestEvent, (*changes).joinRequests),
	flow.ProfileEvent.Type():         effect(flow.ProfileEvent, (*changes).profiles),
}

func effect[T any](event *flow.Event[T], apply func(*changes, T)) func(*changes, flow.Notification) error {
	return func(c *changes, n flow.Notification) error {
		data, err := event.Decode(n)
		if err != nil {
			return fmt.Errorf("see what changed: %w", err)
		}
		apply(c, data)
		return nil
	}
}

func (c *changes) take(n flow.Notification) error {
	if n.Seq != 0 {
		c.at(address{kind: atEvents})
	}
	if apply := effects[n.Type]; apply != nil {
		return apply(c, n)
	}
	return nil
}

func (c *changes) at(places ...address) {
	for _, a := range places {
		c.uris[a.String()] = true
	}
}

// talk is what shows a channel's messages.
func (c *changes) talk(channel flow.ChannelID) {
	c.at(address{kind: atChannel, ref: string(channel)}, address{kind: atMessages, ref: string(channel)}, address{kind: atInbox})
}

// place is what shows that a channel is there.
func (c *changes) place(channel flow.ChannelID, org flow.OrgID) {
	c.at(address{kind: atChannel, ref: string(channel)}, address{kind: atOrg, ref: string(org)}, address{kind: atMe}, address{kind: atInbox})
	c.list = true
}

func (c *changes) message(change flow.MessageChange) {
	for _, m := range change.RegularMessages {
		c.talk(m.ChannelID)
		c.touched[m.ChannelID] = time.UnixMilli(m.CreationTime)
	}
	c.channels(change.ChannelMessages)
}

func (c *changes) deletions(list []flow.MessageDeletion) {
	for _, d := range list {
		c.talk(d.ChannelID)
		for _, id := range d.MessageIDs {
			c.at(address{kind: atMessage, ref: string(d.ChannelID), message: id})
		}
	}
}

func (c *changes) marks(list []flow.HWM) {
	for _, hwm := range list {
		c.talk(hwm.ChannelID)
	}
}

func (c *changes) channels(list []flow.Channel) {
	for _, channel := range list {
		c.place(channel.ID, channel.OrgID)
	}
}

func (c *changes) channelMembers(list []flow.ChannelMember) {
	for _, m := range list {
		c.at(address{kind: atChannel, ref: string(m.ChannelID)})
		if c.gone(m.AccountID, m.State) {
			c.place(m.ChannelID, m.OrgID)
			c.at(address{kind: atMessages, ref: string(m.ChannelID)})
			c.vanished = append(c.vanished, m.ChannelID)
		}
	}
}

func (c *changes) orgs(list []flow.Org) {
	for _, org := range list {
		c.at(address{kind: atOrg, ref: string(org.ID)}, address{kind: atMe})
	}
}

func (c *changes) orgMembers(list []flow.OrgMember) {
	for _, m := range list {
		c.at(address{kind: atOrg, ref: string(m.OrgID)}, address{kind: atAccount, ref: string(m.AccountID)})
		if c.gone(m.AccountID, m.State) {
			c.at(address{kind: atMe}, address{kind: atInbox})
			c.list = true
		}
	}
}

func (c *changes) joinRequests(list []flow.OrgJoinRequest) {
	for _, request := range list {
		c.at(address{kind: atOrg, ref: string(request.OrgID)})
	}
}

// profiles: the item profile is also told of who has another name, in titles of direct
// conversations too. That others change their profiles is no reason to read everything again.
func (c *changes) profiles(list []flow.Profile) {
	for _, p := range list {
		c.at(address{kind: atAccount, ref: string(p.AccountID)})
		if p.Item == flow.ProfileItem && c.renamed(p) {
			c.all, c.list = true, true
		}
	}
}

// renamed reports whether the owner of a profile may be called otherwise than was shown,
// and remembers its name. What was shown first is what all names are compared with that
// were told of since: a later one may be new already in some places and old in others.
func (r *Resources) renamed(p flow.Profile) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, told := r.usernames[p.AccountID]
	if !told && r.shown != nil {
		before = r.shown.Account(p.AccountID)
	}
	r.usernames[p.AccountID] = p.Username
	return p.Username == "" || before != p.Username
}

// gone reports whether the account itself was put out, or may have been.
func (c *changes) gone(who flow.AccountID, state flow.MemberState) bool {
	return state == flow.Banned && (c.me == "" || c.me == who)
}

func (c *changes) announce(to Announcer) {
	if to == nil {
		return
	}
	for _, uri := range slices.Sorted(maps.Keys(c.uris)) {
		to.ResourceUpdated(uri)
	}
	if c.list {
		to.ResourceListChanged()
	}
}
