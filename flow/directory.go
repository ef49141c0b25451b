package flow

import (
	"context"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Directory knows the teams, channels and people of one account by name. It reads them
// when first asked and again after something has changed, which it learns from the
// notifications given to [Directory.Observe].
//
// A reference is an id, a flow:// link or a name. Names match exactly, after Unicode
// normalisation and case folding; a reference that fits nothing or several things is
// refused with the candidates.
type Directory struct {
	caller Caller
	me     func(context.Context) (Identity, error)

	mu    sync.Mutex
	view  *view // nil when it has to be read again
	stale int   // rises with every change, so that a view read meanwhile is not kept
}

// view is one reading. It is never changed, but for the strangers that are asked for later.
type view struct {
	me       AccountID
	orgs     index[OrgID, Org]
	channels index[ChannelID, Channel]
	peers    index[AccountID, Peer]

	strangers sync.Map // AccountID to what it is called
}

// NewDirectory returns the directory of a client's account.
func NewDirectory(c *Client) *Directory { return &Directory{caller: c, me: c.Identity} }

// Observe forgets what n makes obsolete.
func (d *Directory) Observe(n Notification) {
	switch n.Type {
	case ChannelSessionKeyEvent.kind, ChannelSessionKeyShareEvent.kind:
		return
	case ProfileEvent.kind:
		told, err := ProfileEvent.Decode(n)
		if err == nil && !slices.ContainsFunc(told, func(p Profile) bool { return p.Item == ProfileItem }) {
			return // no rename is told by another item
		}
	case MessageEvent.kind, HWMEvent.kind, MessageDeletionEvent.kind:
		change, err := MessageEvent.Decode(n)
		if err != nil || len(change.ChannelMessages) == 0 {
			return
		}
	}
	d.forget()
}

func (d *Directory) forget() {
	d.mu.Lock()
	d.view, d.stale = nil, d.stale+1
	d.mu.Unlock()
}

// Orgs returns the account's teams by name.
func (d *Directory) Orgs(ctx context.Context) ([]Org, error) {
	v, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	return v.orgs.all, nil
}

// Channels returns the channels of all teams, ordered by id.
func (d *Directory) Channels(ctx context.Context) ([]Channel, error) {
	v, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	return v.channels.all, nil
}

// Peers returns the people of all teams by name, the account itself included.
func (d *Directory) Peers(ctx context.Context) ([]Peer, error) {
	v, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	return v.peers.all, nil
}

// CompleteOrg returns what typed may become: for each team with a name that holds it the
// shortest text with which FindOrg finds this team alone, those first whose names begin with
// it. That is the id where no name will do.
func (d *Directory) CompleteOrg(ctx context.Context, typed string) ([]string, error) {
	v, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	return v.orgs.complete(typed), nil
}

// CompleteChannel is like [Directory.CompleteOrg].
func (d *Directory) CompleteChannel(ctx context.Context, typed string) ([]string, error) {
	v, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	return v.channels.complete(typed), nil
}

// CompleteAccount is like [Directory.CompleteOrg].
func (d *Directory) CompleteAccount(ctx context.Context, typed string) ([]string, error) {
	v, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	return v.peers.complete(typed), nil
}

// Names answers what ids are called, from one reading.
type Names struct {
	v      *view
	caller Caller
}

// Names returns the names as they are now.
func (d *Directory) Names(ctx context.Context) (Names, error) {
	v, err := d.read(ctx)
	return Names{v, d.caller}, err
}

// Org returns the name of a team, or empty text.
func (n Names) Org(id OrgID) string { return n.v.orgs.get(id).Name }

// Account returns the user name of an account, or empty text.
func (n Names) Account(id AccountID) string { return n.v.peers.get(id).Username }

// Channel returns what a channel is called: its name, or @ and the user name of the other
// party of a direct conversation. A name that only looks like the latter is shown with a #.
// It is empty for an unknown channel.
func (n Names) Channel(id ChannelID) string {
	ch := n.v.channels.get(id)
	if ch.Purpose == DirectPurpose {
		return "@" + n.Account(ch.DirectAccountID)
	}
	if posesAsPerson(ch.Name) {
		return "#" + ch.Name
	}
	return ch.Name
}

// posesAsPerson reports whether the name of an ordinary channel looks like that of a direct
// conversation. No name with an @ may lead to it, on backends that allow such names.
func posesAsPerson(channel string) bool {
	folded := Fold(channel)
	return strings.HasPrefix(folded, "@") || strings.Contains(folded, "/@")
}

// OrgOf returns the team of a channel, or the empty id.
func (n Names) OrgOf(id ChannelID) OrgID { return n.v.channels.get(id).OrgID }

// Me returns the account itself.
func (n Names) Me() AccountID { return n.v.me }

func (d *Directory) read(ctx context.Context) (*view, error) {
	d.mu.Lock()
	v, stale := d.view, d.stale
	d.mu.Unlock()
	if v != nil {
		return v, nil
	}
	v, err := d.load(ctx)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stale == stale {
		d.view = v
	}
	return v, nil
}

func (d *Directory) load(ctx context.Context) (*view, error) {
	identity, err := d.me(ctx)
	if err != nil {
		return nil, err
	}
	orgs, err := EnumerateOrgs.Call(ctx, d.caller, EnumerateOrgsInput{})
	if err != nil {
		return nil, err
	}
	var channels []Channel
	for _, org := range orgs {
		some, err := EnumerateChannels.Call(ctx, d.caller, EnumerateChannelsInput{OrgID: org.ID})
		if err != nil {
			return nil, err
		}
		channels = append(channels, some...)
	}
	peers, err := EnumeratePeerAccounts.Call(ctx, d.caller, EnumeratePeerAccountsInput{})
	if err != nil {
		return nil, err
	}
	return newView(identity.AccountID, orgs, channels, peers), nil
}

func newView(me AccountID, orgs []Org, channels []Channel, peers []Peer) *view {
	slices.SortFunc(orgs, func(a, b Org) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(channels, func(a, b Channel) int { return strings.Compare(string(a.ID), string(b.ID)) })
	slices.SortFunc(peers, func(a, b Peer) int { return strings.Compare(a.Username, b.Username) })
	v := &view{me: me}
	v.orgs = newIndex("team", orgs, func(o Org) (OrgID, []string) { return o.ID, []string{o.Name} })
	v.peers = newIndex("person", peers, func(p Peer) (AccountID, []string) {
		names := []string{"@" + p.Username, p.Username}
		if strings.HasPrefix(Fold(p.Username), "@") {
			names = names[:1] // it is the name of somebody else
		}
		return p.AccountID, names
	})
	v.peers.alias = map[string]AccountID{self: me, "@" + self: me}
	v.channels = newIndex("channel", channels, func(ch Channel) (ChannelID, []string) {
		team := v.orgs.get(ch.OrgID).Name + "/"
		name := ch.Name
		if ch.Purpose == DirectPurpose {
			name = "@" + v.peers.get(ch.DirectAccountID).Username
		}
		switch {
		case ch.Purpose == DirectPurpose && Fold(name) != "@"+self:
			return ch.ID, []string{team + name, name}
		case posesAsPerson(name):
			return ch.ID, []string{team + "#" + name, "#" + name}
		}
		return ch.ID, []string{team + ch.Name, ch.Name, "#" + ch.Name, team + "#" + ch.Name, "#" + team + ch.Name}
	})
	return v
}

// FindOrg returns the team that ref names.
func (d *Directory) FindOrg(ctx context.Context, ref string) (Org, error) {
	return find(ctx, d, ref, func(v *view, l Link) (index[OrgID, Org], OrgID) { return v.orgs, l.Org })
}

// FindChannel returns the channel that ref names: "general", "#general", "Team/general",
// "Team/#general", "@name" for a direct conversation and nothing else, an id or a link to the channel or a message in it.
// The team before the slash may be an id.
func (d *Directory) FindChannel(ctx context.Context, ref string) (Channel, error) {
	return find(ctx, d, ref, func(v *view, l Link) (index[ChannelID, Channel], ChannelID) {
		team, name, _ := strings.Cut(ref, "/")
		if org := v.orgs.get(OrgID(team)).ID; org != "" {
			return v.channelsOf(org), ChannelID(name)
		}
		return v.channels, l.Channel
	})
}

// FindChannelIn is like [Directory.FindChannel] for the channels of one team.
func (d *Directory) FindChannelIn(ctx context.Context, org OrgID, ref string) (Channel, error) {
	return find(ctx, d, ref, func(v *view, l Link) (index[ChannelID, Channel], ChannelID) {
		return v.channelsOf(org), l.Channel
	})
}

// ChannelsCalled returns all channels that ref names, of one team, or of all for the empty
// id: what there is to choose from when FindChannel reports a Conflict.
func (d *Directory) ChannelsCalled(ctx context.Context, org OrgID, ref string) ([]Channel, error) {
	v, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	channels := v.channels
	if team, name, _ := strings.Cut(ref, "/"); org == "" && v.orgs.get(OrgID(team)).ID != "" {
		org, ref = OrgID(team), name
	}
	if org != "" {
		channels = v.channelsOf(org)
	}
	return channels.called(ref), nil
}

func (v *view) channelsOf(org OrgID) index[ChannelID, Channel] {
	return v.channels.only(func(ch Channel) bool { return ch.OrgID == org })
}

// FindAccount returns the account that ref names: "ana", "@ana", "me", an id or a link.
func (d *Directory) FindAccount(ctx context.Context, ref string) (Peer, error) {
	return find(ctx, d, ref, func(v *view, l Link) (index[AccountID, Peer], AccountID) { return v.peers, l.Account })
}

// find looks twice: what is missing may have been made a moment ago.
func find[ID ~string, T any](
	ctx context.Context, d *Directory, ref string, pick func(*view, Link) (index[ID, T], ID),
) (T, error) {
	var none T
	link, _ := ParseLink(ref)
	for try := 0; ; try++ {
		v, err := d.read(ctx)
		if err != nil {
			return none, err
		}
		things, id := pick(v, link)
		if id == "" {
			id = ID(ref)
		}
		thing, err := things.find(id)
		if err == nil || try > 0 || CodeOf(err) != NotFound {
			return thing, err
		}
		d.forget()
	}
}

// Fold returns the form in which names are compared: normalised, case folded, without
// invisible characters, blanks collapsed. Names that look alike for want of a character
// that is seen are the same name.
func Fold(name string) string {
	seen := strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return -1
		}
		return r
	}, name)
	folded := norm.NFKC.String(strings.Map(foldCherokee, cases.Fold().String(norm.NFKC.String(seen))))
	return strings.Join(strings.Fields(folded), " ")
}

// foldCherokee mends [cases.Fold], which gives small Cherokee letters for capitals and
// capitals for small ones. Unicode folds them to capitals.
func foldCherokee(r rune) rune {
	if unicode.Is(unicode.Cherokee, r) {
		return unicode.ToUpper(r)
	}
	return r
}
