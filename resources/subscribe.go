package resources

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// lookTime is how long a subscription may wait for the backend.
const lookTime = 2 * time.Second

// Subscribe is asked before a client is subscribed to uri. It refuses what cannot be read,
// and remembers uri when the thing is announced under another one: a name in place of the
// id, a page of a channel's messages. It blocks for two seconds at most.
func (r *Resources) Subscribe(ctx context.Context, uri string) error {
	a, err := parse(uri)
	if err != nil {
		return refusal{err}
	}
	if a.kind == atAttachment {
		return refusal{flow.Errorf(flow.Unsupported, "%s is a file, which never changes: read it", shown(uri))}
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	canonical, err := r.canonical(ctx, a)
	if err != nil {
		return refusal{err}
	}
	if canonical := canonical.String(); canonical != uri {
		r.remember(canonical, uri)
	}
	return nil
}

// canonical returns the address under which changes of a thing are announced. When the
// backend cannot be asked, an id is taken on trust: once there is a backend, everybody is
// told to look again.
func (r *Resources) canonical(ctx context.Context, a address) (address, error) {
	a.page, a.after = page{}, nil
	id, err := r.lookUp(ctx, a)
	if _, isID := flow.DecodeID(a.ref); isID && err != nil && !final(err) {
		return a, nil
	}
	a.ref = id
	return a, err
}

// lookUp returns the id of what an address names.
func (r *Resources) lookUp(ctx context.Context, a address) (string, error) {
	switch a.kind {
	case atOrg:
		org, err := r.dir.FindOrg(ctx, a.ref)
		return string(org.ID), err
	case atAccount:
		peer, err := r.dir.FindAccount(ctx, a.ref)
		return string(peer.AccountID), err
	case atChannel, atMessages, atMessage:
		channel, _, err := r.find(ctx, a.ref)
		return string(channel.ID), err
	}
	_, err := r.names(ctx)
	return "", err
}

// remember keeps uri as another name of what is announced as canonical.
func (r *Resources) remember(canonical, uri string) {
	r.mu.Lock()
	crowded, announcer := r.aliases.crowded(), r.announcer
	r.mu.Unlock()
	var wanted []string
	if crowded && announcer != nil {
		wanted = announcer.Subscribed()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if crowded {
		r.aliases.prune(wanted)
	}
	r.aliases.add(canonical, uri)
}

// fewAliases is how many are kept before the forgotten ones are looked for.
const fewAliases = 1024

// aliases are the URIs under which clients know things, beside the canonical one. Nobody
// says when one is no longer needed, so they are pruned now and then.
type aliases struct {
	of    map[string]map[string]int // canonical URI: other URI: round in which it was added
	count int
	limit int // prune at
	round int
}

func (a *aliases) crowded() bool { return a.count >= max(a.limit, fewAliases) }

func (a *aliases) add(canonical, uri string) {
	if a.of == nil {
		a.of = map[string]map[string]int{}
	}
	others := a.of[canonical]
	if others == nil {
		others = map[string]int{}
		a.of[canonical] = others
	}
	if _, known := others[uri]; !known {
		a.count++
	}
	others[uri] = a.round
}

// prune drops what is not in wanted, a sorted list. What was added since the last time
// stays: its subscription may be on the way.
func (a *aliases) prune(wanted []string) {
	a.count = 0
	for canonical, others := range a.of {
		maps.DeleteFunc(others, func(uri string, round int) bool {
			_, found := slices.BinarySearch(wanted, uri)
			return !found && round < a.round
		})
		if len(others) == 0 {
			delete(a.of, canonical)
		}
		a.count += len(others)
	}
	a.limit = 2 * a.count
	a.round++
}
