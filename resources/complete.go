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
	var refs []string
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
	matching := match(refs, argument.Value)
	return &mcp.Completion{
		Values:  matching[:min(len(matching), maxCompletions)],
		Total:   len(matching),
		HasMore: len(matching) > maxCompletions,
	}, nil
}

func (r *Resources) orgRefs(ctx context.Context) ([]string, error) {
	orgs, err := r.dir.Orgs(ctx)
	var refs references
	for _, org := range orgs {
		refs.add(string(org.ID), org.Name)
	}
	return refs.unique(), err
}

func (r *Resources) accountRefs(ctx context.Context) ([]string, error) {
	peers, err := r.dir.Peers(ctx)
	var refs references
	for _, peer := range peers {
		refs.add(string(peer.AccountID), peer.Username)
	}
	return refs.unique(), err
}

func (r *Resources) channelRefs(ctx context.Context) ([]string, error) {
	channels, names, err := r.channels(ctx)
	var refs references
	for _, c := range channels {
		name := names.Channel(c.ID)
		refs.add(string(c.ID), name, names.Org(c.OrgID)+"/"+name)
	}
	return refs.unique(), err
}

// references are the names of things of one kind, the shortest first.
type references struct {
	ids   []string
	names [][]string
}

func (r *references) add(id string, names ...string) {
	r.ids, r.names = append(r.ids, id), append(r.names, names)
}

// unique returns what leads to each thing and to no other: its shortest name that does,
// or its id.
func (r *references) unique() []string {
	times := map[string]int{}
	folded := make([][]string, len(r.names))
	for i, names := range r.names {
		for _, name := range names {
			name = flow.Fold(name)
			folded[i] = append(folded[i], name)
			times[name]++
		}
	}
	refs := make([]string, len(r.ids))
	for i, names := range r.names {
		refs[i] = r.ids[i]
		if j := slices.IndexFunc(folded[i], func(name string) bool { return times[name] == 1 && name != "" }); j >= 0 {
			refs[i] = names[j]
		}
	}
	return refs
}

// match returns the references that hold what was typed, those that begin with it first.
func match(refs []string, typed string) []string {
	typed = flow.Fold(strings.TrimPrefix(typed, "#"))
	type hit struct {
		ref, folded string
		at          int
	}
	var hits []hit
	for _, ref := range refs {
		folded := flow.Fold(ref)
		if at := strings.Index(folded, typed); at >= 0 {
			hits = append(hits, hit{ref, folded, min(at, 1)})
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.folded, b.folded))
	})
	matching := make([]string, len(hits))
	for i, h := range hits {
		matching[i] = h.ref
	}
	return matching
}
