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
	dir   *flow.Directory
	names flow.Names
	known bool
	memo  map[string]name
	exact map[name]string // identifiers of the names that do not say them
}

func (s *service) namer(ctx context.Context) *namer {
	n := &namer{dir: s.dir, memo: map[string]name{}, exact: map[name]string{}}
	names, err := s.dir.Names(ctx)
	if err != nil {
		s.log.Debug("names are missing", "error", err)
		return n
	}
	n.names, n.known = names, true
	return n
}

func (n *namer) team(ctx context.Context, id flow.OrgID) name {
	return n.name(string(id), func() (string, string) {
		called := n.names.Org(id)
		org, _ := n.dir.FindOrg(ctx, called)
		return called, string(org.ID)
	})
}

func (n *namer) channel(ctx context.Context, id flow.ChannelID) name {
	return n.name(string(id), func() (string, string) {
		called := n.names.Channel(id)
		if called == "" {
			return "", ""
		}
		called = n.names.Org(n.names.OrgOf(id)) + "/" + called
		ch, _ := n.dir.FindChannel(ctx, called)
		return called, string(ch.ID)
	})
}

func (n *namer) account(ctx context.Context, id flow.AccountID) name {
	return n.name(string(id), func() (string, string) {
		called := n.names.Account(id)
		if called == "" {
			return "", ""
		}
		peer, _ := n.dir.FindAccount(ctx, "@"+called)
		return "@" + called, string(peer.AccountID)
	})
}

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
	switch {
	case called == "":
	case removed > 0 || found != id || exactID(called) != called || unquote(called) != called:
		n.memo[id] = name(text + " (" + shown + ")")
	default:
		n.memo[id] = name(text)
		n.exact[name(text)] = id
	}
	return n.memo[id]
}
