package tools

import (
	"context"

	"github.com/flow-mcp/flow-mcp/flow"
)

// name is what a thing with an identifier is called: text that every parameter accepts
// for exactly this thing. It is fit to be shown, and made by [namer] only.
type name safe

// namer finds the names for one result, from one reading of the directory. Without a
// directory things are called by their identifiers.
type namer struct {
	*service
	names flow.Names
	known bool
	fresh bool // the directory was asked to read again
	memo  map[string]name
	exact map[name]string // identifiers of the names that do not say them
}

func (s *service) namer(ctx context.Context) *namer {
	n := &namer{service: s, memo: map[string]name{}, exact: map[name]string{}}
	n.read(ctx)
	return n
}

func (n *namer) read(ctx context.Context) {
	names, err := n.dir.Names(ctx)
	if err != nil {
		n.log.Debug("names are missing", "error", err)
		return
	}
	n.names, n.known = names, true
}

func (n *namer) team(ctx context.Context, id flow.OrgID) name {
	return n.name(string(id), func() (string, string) {
		called := n.names.Org(id)
		org, _ := n.dir.FindOrg(ctx, called)
		return called, string(org.ID)
	})
}

// channel knows a channel that was made a moment ago, too.
func (n *namer) channel(ctx context.Context, id flow.ChannelID) name {
	return n.name(string(id), func() (string, string) {
		if n.names.Channel(id) == "" && !n.fresh {
			n.fresh = true
			if _, err := n.dir.FindChannel(ctx, string(id)); err == nil { // it looks twice
				n.read(ctx)
			}
		}
		called := n.names.Channel(id)
		if called == "" {
			return "", ""
		}
		called = n.names.Org(n.names.OrgOf(id)) + "/" + called
		ch, _ := n.dir.FindChannel(ctx, called)
		return called, string(ch.ID)
	})
}

// account knows people who have left all common teams, too.
func (n *namer) account(ctx context.Context, id flow.AccountID) name {
	return n.name(string(id), func() (string, string) {
		called := n.names.Account(id)
		if called == "" {
			peer, err := flow.GetPeerFromID.Call(ctx, n.client, flow.GetPeerFromIDInput{PeerID: id})
			if err != nil || peer.Username == "" {
				return "", ""
			}
			called = peer.Username
		}
		found, _ := n.lookUp(ctx, "@"+called)
		return "@" + called, string(found)
	})
}

// longestShown bounds a name in a result, in bytes. Behind the beginning of a longer one
// stands the identifier.
const longestShown = 1000

// name remembers what look finds for an identifier: what the thing is called, and the
// identifier that this name leads to. Where that is another one, or the name cannot be
// shown as it is, the identifier stands behind it.
func (n *namer) name(id string, look func() (called, found string)) name {
	if known, ok := n.memo[id]; ok || id == "" {
		return known
	}
	shown, _ := clean(id)
	n.memo[id] = name(shown)
	if !n.known {
		return n.memo[id]
	}
	called, found := look()
	text, removed := clean(called)
	text, left := text.cut(longestShown)
	switch {
	case called == "":
	case left > 0:
		n.memo[id] = name(text + "... (" + shown + ")")
	case removed > 0 || found != id || exactID(called) != called || unquote(called) != called:
		n.memo[id] = name(text + " (" + shown + ")")
	default:
		n.memo[id] = name(text)
		n.exact[name(text)] = id
	}
	return n.memo[id]
}
