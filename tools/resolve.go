package tools

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// resolver turns what models call things into identifiers, for one call. What the
// parameters name first helps to find what they name next: a channel is looked for in
// the team, a message in the channel.
type resolver struct {
	*service
	team    flow.Org
	channel flow.Channel
	message flow.MessageID // the one that a parameter names, if it is only one
	roots   []string       // folders of the client, or nil when it names none
	doubted []*field       // parameters with identifiers that nobody has looked up
}

// resolve returns the parameters as the operation takes them. Errors say which
// parameter they are about.
func (r *resolver) resolve(ctx context.Context, f *form, args map[string]any) (map[string]any, error) {
	wire := map[string]any{}
	for _, p := range f.order {
		value, given := args[p.name]
		var found any
		var err error
		switch {
		case given && p.path != nil:
			found, err = r.value(ctx, p, value)
		case !given && p.implied:
			found, err = r.onlyTeam(ctx)
		default:
			continue
		}
		if err != nil {
			return nil, prefixed(p.name, err)
		}
		put(wire, p.path, found)
	}
	return wire, r.completeTeam(f, wire)
}

// completeTeam fills in the team of the channel, and refuses another one.
func (r *resolver) completeTeam(f *form, wire map[string]any) error {
	p := f.first(teamID)
	if p == nil || f.first(channelID) == nil || r.channel.OrgID == "" {
		return nil
	}
	if r.team.ID != "" && r.team.ID != r.channel.OrgID {
		return flow.Errorf(flow.Invalid, "%s: the channel belongs to another team; leave %s out", p.name, p.name)
	}
	put(wire, p.path, string(r.channel.OrgID))
	return nil
}

// put sets a member of nested objects.
func put(into map[string]any, path []string, value any) {
	for ; len(path) > 1; path = path[1:] {
		inner, ok := into[path[0]].(map[string]any)
		if !ok {
			inner = map[string]any{}
			into[path[0]] = inner
		}
		into = inner
	}
	into[path[0]] = value
}

// prefixed says which parameter an error is about, unless it is about the backend.
func prefixed(name string, err error) error {
	var e *flow.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch e.Code {
	case flow.Unavailable, flow.Unusable, flow.Uncertain, flow.UnknownSession, flow.Unsupported:
		return err
	}
	return &flow.Error{Code: e.Code, Message: name + ": " + e.Message}
}

// value resolves one parameter.
func (r *resolver) value(ctx context.Context, p *field, value any) (any, error) {
	if list, ok := value.([]any); ok && p.list {
		found := make([]any, len(list))
		for i := range list {
			var err error
			if found[i], err = r.one(ctx, p, list[i]); err != nil {
				return nil, err
			}
		}
		return found, nil
	}
	return r.one(ctx, p, value)
}

func (r *resolver) one(ctx context.Context, p *field, value any) (any, error) {
	if inner, ok := value.(map[string]any); ok && p.kind == object {
		return r.resolve(ctx, p.form, inner)
	}
	text, ok := value.(string)
	if ok && (p.local == sourceFile || p.local == targetFile) {
		return r.localPath(p, text)
	}
	if !ok || !p.kind.reference() {
		return value, nil
	}
	text = exactID(unquote(strings.TrimSpace(text)))
	if r.doubts(ctx, p.kind, text) {
		r.doubted = append(r.doubted, p)
	}
	switch p.kind {
	case teamID:
		return r.findTeam(ctx, text)
	case channelID:
		return r.findChannel(ctx, text)
	case accountID:
		return r.findAccount(ctx, text)
	case messageID:
		return r.findMessage(ctx, text)
	}
	if link, ok := flow.ParseLink(text); ok && link.Attachment != "" {
		return string(link.Attachment), nil
	}
	return text, nil
}

// withID finds the identifier at the end of a name that is shown with it, since the
// name alone would not do.
var withID = regexp.MustCompile(`(?s)^.+ \(([A-Z2-7]{52})\)$`)

func exactID(text string) string {
	if m := withID.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return text
}

// onlyTeam returns the team of an account that has one. It asks the backend, since a team
// that was made a moment ago would make the choice a guess.
func (r *resolver) onlyTeam(ctx context.Context) (string, error) {
	orgs, err := flow.EnumerateOrgs.Call(ctx, r.client, flow.EnumerateOrgsInput{})
	switch {
	case err != nil:
		return "", err
	case len(orgs) == 1:
		r.team = orgs[0]
		return string(orgs[0].ID), nil
	case len(orgs) == 0:
		return "", flow.Errorf(flow.NotFound, "you are in no team; make one with NewOrg")
	}
	const most = 8
	var all []string
	listed := orgs[:min(len(orgs), most)]
	for _, org := range listed {
		_, _ = r.dir.FindOrg(ctx, string(org.ID)) // so that the directory knows it, if it is new
	}
	names := r.namer(ctx)
	for _, org := range listed {
		all = append(all, names.team(ctx, org.ID).inline())
	}
	if len(orgs) > most {
		all = append(all, fmt.Sprintf("and %d more", len(orgs)-most))
	}
	return "", flow.Errorf(flow.Invalid, "say which team, since you are in several: %s", strings.Join(all, ", "))
}

func (r *resolver) findTeam(ctx context.Context, text string) (string, error) {
	org, err := r.dir.FindOrg(ctx, text)
	if link, ok := flow.ParseLink(text); ok && link.Org != "" {
		text = string(link.Org)
	}
	if errors.Is(err, flow.NotFound) && flow.IsID(text) {
		org, err = flow.Org{ID: flow.OrgID(text)}, nil
	}
	r.team = org
	return string(org.ID), err
}

// findChannel looks in the team first, if one is given.
func (r *resolver) findChannel(ctx context.Context, text string) (string, error) {
	if r.team.ID != "" {
		if ch, err := r.dir.FindChannelIn(ctx, r.team.ID, text); !errors.Is(err, flow.NotFound) {
			r.channel = ch
			return string(ch.ID), r.advise(ctx, text, err)
		}
	}
	ch, err := r.dir.FindChannel(ctx, text)
	if link, ok := flow.ParseLink(text); ok && link.Channel != "" {
		text = string(link.Channel)
	}
	if errors.Is(err, flow.NotFound) && flow.IsID(text) {
		ch, err = flow.Channel{ID: flow.ChannelID(text)}, nil
	}
	r.channel = ch
	return string(ch.ID), r.advise(ctx, text, err)
}

func (r *resolver) findAccount(ctx context.Context, text string) (string, error) {
	if link, ok := flow.ParseLink(text); ok && link.Account != "" {
		return string(link.Account), nil
	}
	if flow.IsID(text) {
		return text, nil
	}
	id, err := r.lookUp(ctx, text)
	return string(id), err
}

// lookUp finds an account by what it is called. It asks the backend for people who share
// no team with the own account.
func (s *service) lookUp(ctx context.Context, text string) (flow.AccountID, error) {
	peer, err := s.dir.FindAccount(ctx, text)
	if !errors.Is(err, flow.NotFound) {
		return peer.AccountID, err
	}
	stranger, failed := flow.GetPeer.Call(ctx, s.client, flow.GetPeerInput{PeerUsername: strings.TrimPrefix(text, "@")})
	if failed != nil || stranger.AccountID == "" {
		return "", s.absent(ctx, err)
	}
	return stranger.AccountID, nil
}

// absent adds to an error about a person whose name is like nobody's how people get here.
func (s *service) absent(ctx context.Context, err error) error {
	identity, failed := s.client.Identity(ctx)
	if failed != nil || identity.Backend.Name == "" || strings.HasSuffix(err.Error(), "?") {
		return err
	}
	return flow.Errorf(flow.NotFound, "%v; a host that has made no call yet is not there, until flow-mcp join makes its account", err)
}

func (r *resolver) findMessage(ctx context.Context, text string) (string, error) {
	text = strings.Trim(text, "[]")
	if link, ok := flow.ParseLink(text); ok {
		if link.Message == "" {
			return "", flow.Errorf(flow.Invalid, "this link names no message")
		}
		if err := r.follow(ctx, link); err != nil {
			return "", err
		}
		text = string(link.Message)
	}
	id := flow.MessageID(text)
	if flow.IsRef(text) {
		var err error
		if id, err = r.findShort(ctx, text); err != nil {
			return "", err
		}
	}
	r.message = id
	return string(id), nil
}

// follow makes the channel of a link to a message the one in which it is looked for. The
// channel in the link may be a name.
func (r *resolver) follow(ctx context.Context, link flow.Link) error {
	ch, err := r.dir.FindChannel(ctx, string(link.Channel))
	if errors.Is(err, flow.NotFound) && flow.IsID(string(link.Channel)) {
		ch, err = flow.Channel{ID: link.Channel}, nil
	}
	switch {
	case err != nil:
		return err
	case r.channel.ID == "":
		r.channel = ch
	case ch.ID != r.channel.ID:
		return flow.Errorf(flow.Invalid, "this link names a message of another channel")
	}
	return nil
}

// findShort looks among the messages that were shown, then among the newest of the channel.
func (r *resolver) findShort(ctx context.Context, ref string) (flow.MessageID, error) {
	id, known := r.refs.find(ref)
	if !known && r.channel.ID != "" {
		reading, _ := flow.ReadAside(ctx)
		messages, err := flow.EnumerateMessages.Call(reading, r.client, flow.EnumerateMessagesInput{
			OrgID: r.channel.OrgID, ChannelID: r.channel.ID, Filters: &flow.MessageFilters{Limit: flow.MaxMessages},
		})
		if err != nil {
			return "", err
		}
		for _, m := range messages {
			if m.ID.Ref() == ref {
				r.refs.of(m.ID)
			}
		}
		id, known = r.refs.find(ref)
	}
	switch {
	case !known:
		return "", flow.Errorf(flow.NotFound,
			"no message [%s] is among those shown lately or the newest %d of the channel; give its id", ref, flow.MaxMessages)
	case id == "":
		return "", flow.Errorf(flow.Conflict, "two messages are called [%s]; give the id", ref)
	}
	return id, nil
}
