package resources

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// maxCompletions is how many values one answer may hold.
const maxCompletions = 100

// CompleteResourceArgument completes the variables of the templates by name. Names are
// what the URI then holds, where the id would do as well.
func (r *Resources) CompleteResourceArgument(
	ctx context.Context, _ string, argument mcp.CompleteArgument, _ mcp.CompleteContext,
) (*mcp.Completion, error) {
	var refs references
	var err error
	switch argument.Name {
	case "orgId":
		refs, err = r.orgRefs(ctx)
	case "accountId":
		refs, err = r.accountRefs(ctx)
	case "channelId":
		refs, err = r.channelRefs(ctx)
	}
	if err != nil {
		return nil, refusal{err}
	}
	matching := refs.matching(argument.Value)
	return &mcp.Completion{
		Values:  matching[:min(len(matching), maxCompletions)],
		Total:   len(matching),
		HasMore: len(matching) > maxCompletions,
	}, nil
}

func (r *Resources) orgRefs(ctx context.Context) (refs references, err error) {
	orgs, err := r.dir.Orgs(ctx)
	for _, org := range orgs {
		refs.add(string(org.ID), org.Name)
	}
	return refs, err
}

func (r *Resources) accountRefs(ctx context.Context) (refs references, err error) {
	peers, err := r.dir.Peers(ctx)
	for _, peer := range peers {
		refs.add(string(peer.AccountID), peer.Username)
	}
	return refs, err
}

func (r *Resources) channelRefs(ctx context.Context) (refs references, err error) {
	channels, names, err := r.channels(ctx)
	for _, c := range channels {
		name := names.Channel(c.ID)
		refs.add(string(c.ID), name, names.Org(c.OrgID)+"/"+name)
	}
	return refs, err
}

// references are things of one kind with their names.
type references []reference

type reference struct {
	id     string
	names  []string // the shortest first
	folded []string
}

func (r *references) add(id string, names ...string) {
	one := reference{id: id, names: names}
	for _, name := range names {
		one.folded = append(one.folded, flow.Fold(name))
	}
	*r = append(*r, one)
}

// matching returns what leads to each thing whose names hold what was typed, those that
// begin with it first. That is the shortest name that no other thing has, or the id.
func (r references) matching(typed string) []string {
	typed = flow.Fold(strings.TrimPrefix(typed, "#"))
	things := map[string]int{} // of each name
	for _, one := range r {
		for _, name := range one.folded {
			things[name]++
		}
	}
	type hit struct {
		ref, order string
		at         int
	}
	var hits []hit
	for _, one := range r {
		if at := one.at(typed); at >= 0 {
			hits = append(hits, hit{one.ref(things), one.folded[0], at})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.order, b.order), strings.Compare(a.ref, b.ref))
	})
	refs := make([]string, len(hits))
	for i, h := range hits {
		refs[i] = h.ref
	}
	return refs
}

// at returns 0 when a name begins with typed, 1 when one holds it elsewhere, and else -1.
func (r reference) at(typed string) int {
	best := -1
	for _, name := range r.folded {
		switch strings.Index(name, typed) {
		case -1:
		case 0:
			return 0
		default:
			best = 1
		}
	}
	return best
}

// ref returns what leads to the thing alone. Things counts how many have each name.
func (r reference) ref(things map[string]int) string {
	for i, name := range r.folded {
		if name != "" && things[name] == 1 {
			return r.names[i]
		}
	}
	return r.id
}
