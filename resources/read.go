package resources

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// The most that a document shows. A cut is announced in it, with the way to the rest.
const (
	maxMembers  = 200
	maxListed   = 200
	newestShown = 20 // messages of a channel
	aroundShown = 5  // messages before and after one
	eventsShown = 100
)

// read answers resources/read: a file as it is, all else as a document. The library matches templates in no fixed order, and its
// variables are not unescaped as the address is; so the URI is read anew.
func (r *Resources) read(ctx context.Context, in mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
	uri := in.Params.URI
	a, err := parse(uri)
	if err != nil {
		return nil, refusal{err}
	}
	if a.kind == atAttachment {
		return r.readFile(ctx, uri, a)
	}
	document, err := r.document(ctx, a)
	if err != nil {
		return nil, refuse(uri, err)
	}
	text, err := flow.EncodeVisibly(document)
	if err != nil {
		return nil, refuse(uri, err)
	}
	return []mcp.ResourceContents{mcp.TextResourceContents{
		URI: uri, MIMEType: mimeJSON, Text: string(text), Meta: map[string]any{MetaForeign: true},
	}}, nil
}

const mimeJSON = "application/json"

// document is what an address leads to, ready to be written as JSON.
func (r *Resources) document(ctx context.Context, a address) (any, error) {
	switch a.kind {
	case atMe:
		return r.readMe(ctx)
	case atInbox:
		return r.readInbox(ctx)
	case atOrg:
		return r.readOrg(ctx, a.ref)
	case atAccount:
		return r.readAccount(ctx, a.ref)
	case atChannel:
		return r.readChannel(ctx, a.ref)
	case atMessages:
		return r.readMessages(ctx, a)
	case atMessage:
		return r.readMessage(ctx, a)
	case atEvents:
		return r.readEvents(ctx, a.after)
	}
	return nil, fmt.Errorf("an address of kind %d has no document", a.kind)
}

func (r *Resources) readMe(ctx context.Context) (any, error) {
	identity, err := r.client.Identity(ctx)
	if err != nil {
		return nil, err
	}
	orgs, err := r.dir.Orgs(ctx)
	if err != nil {
		return nil, err
	}
	channels, names, err := r.channels(ctx)
	if err != nil {
		return nil, err
	}
	v := accountView{
		ID: identity.AccountID, Username: names.Account(identity.AccountID),
		Teams: []teamView{}, Settings: r.settings,
	}
	if backend := identity.Backend; backend.Name != "" {
		v.Backend = backend.Name + " " + backend.Version
	}
	for _, org := range orgs {
		v.Teams = append(v.Teams, teamOf(org, channels))
	}
	return v, nil
}

func teamOf(org flow.Org, channels []flow.Channel) teamView {
	v := teamView{ID: org.ID, Name: org.Name, State: org.State, URI: flow.Link{Org: org.ID}.String()}
	for _, c := range channels {
		if c.OrgID == org.ID {
			v.Channels++
		}
	}
	return v
}

func (r *Resources) readOrg(ctx context.Context, ref string) (any, error) {
	org, err := r.dir.FindOrg(ctx, ref)
	if err != nil {
		return nil, err
	}
	channels, names, err := r.channels(ctx)
	if err != nil {
		return nil, err
	}
	members, err := flow.EnumerateOrgMembers.Call(ctx, r.client, flow.EnumerateOrgMembersInput{OrgID: org.ID})
	if err != nil {
		return nil, err
	}
	v := orgView{teamView: teamOf(org, channels), Members: []memberView{}, MemberCount: len(members), List: []entryView{}}
	for _, m := range members {
		v.Members = append(v.Members, memberView{m.AccountID, names.Account(m.AccountID), m.State})
	}
	v.Members = byName(v.Members)
	for _, c := range channels {
		if c.OrgID == org.ID && len(v.List) < maxListed {
			v.List = append(v.List, entryView{ID: c.ID, Name: names.Channel(c.ID)})
		}
	}
	if len(v.Members) < v.MemberCount || len(v.List) < v.Channels {
		v.Cut = fmt.Sprintf("At most %d members and %d channels stand here. resources/list has every channel; "+
			"EnumerateOrgMembers has every member.", maxMembers, maxListed)
	}
	return v, nil
}

func (r *Resources) readAccount(ctx context.Context, ref string) (any, error) {
	peer, err := r.dir.FindAccount(ctx, ref)
	if err != nil {
		return nil, err
	}
	channels, err := r.dir.Channels(ctx)
	if err != nil {
		return nil, err
	}
	v := personView{ID: peer.AccountID, Username: peer.Username, Direct: []string{}}
	for _, c := range channels {
		if c.DirectAccountID == peer.AccountID {
			v.Direct = append(v.Direct, flow.Link{Channel: c.ID}.String())
		}
	}
	return v, nil
}

func (r *Resources) readChannel(ctx context.Context, ref string) (any, error) {
	channel, names, err := r.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	members, err := flow.EnumerateChannelMembers.Call(ctx, r.client, flow.EnumerateChannelMembersInput{ChannelID: channel.ID})
	if err != nil {
		return nil, err
	}
	unread, err := flow.GetUnreadCount.Call(ctx, r.client, flow.GetUnreadCountInput{ChannelID: channel.ID})
	if err != nil {
		return nil, err
	}
	hwm, err := flow.GetChannelReadHWM.Call(ctx, r.client, flow.GetChannelReadHWMInput{ChannelID: channel.ID})
	if err != nil {
		return nil, err
	}
	talk, err := r.talk(ctx, channel.ID, names, page{limit: newestShown})
	if err != nil {
		return nil, err
	}
	v := channelView{
		placeView: placeOf(channel, names), Purpose: channel.Purpose, Unread: unread,
		UnreadOrMore: unread >= flow.UnreadCap, ReadUpTo: hwm.MessageID,
		Members: []memberView{}, MemberCount: len(members), talkView: talk,
	}
	for _, m := range members {
		v.Members = append(v.Members, memberView{m.AccountID, names.Account(m.AccountID), m.State})
	}
	v.Members = byName(v.Members)
	if len(v.Members) < v.MemberCount {
		v.Cut = fmt.Sprintf("At most %d members stand here; EnumerateChannelMembers has every one.", maxMembers)
	}
	return v, nil
}

// byName returns the first members by name.
func byName(members []memberView) []memberView {
	slices.SortFunc(members, func(a, b memberView) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.ID), string(b.ID)))
	})
	return members[:min(len(members), maxMembers)]
}

// find returns the channel that a client means, and what things are called.
func (r *Resources) find(ctx context.Context, ref string) (flow.Channel, flow.Names, error) {
	channel, err := r.dir.FindChannel(ctx, ref)
	if err != nil {
		return channel, flow.Names{}, err
	}
	names, err := r.names(ctx)
	return channel, names, err
}

func (r *Resources) readEvents(ctx context.Context, after *flow.Cursor) (any, error) {
	events, err := flow.EnumerateEvents.Call(ctx, r.client, flow.EnumerateEventsInput{After: after, Limit: eventsShown})
	if err != nil {
		return nil, err
	}
	if events.Events == nil {
		events.Events = flow.Notifications{}
	}
	room := documentBytes
	for i, e := range events.Events {
		if room -= len(e.Data); room < 0 && i > 0 {
			events.Events, events.Next, events.More = events.Events[:i], events.Events[i-1].Seq, true
			break
		}
	}
	next := address{kind: atEvents, after: &events.Next}
	return eventsView{Events: events.Events, Next: events.Next, More: events.More, URI: next.String()}, nil
}
