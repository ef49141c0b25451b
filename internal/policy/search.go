package policy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// search looks through the open channels one by one. Hits in closed channels would fill
// the bounded result of a search in all of them, so that taking those out left too few.
func (p *passage) search(ctx context.Context, in flow.SearchInput) (json.RawMessage, error) {
	channels, err := p.atlas.open(ctx, p.past, in.OrgID)
	if err != nil {
		return nil, err
	}
	all := []flow.SearchHit{}
	for _, id := range channels {
		in.ChannelID = id
		hits, err := flow.Search.Call(ctx, p.past, in)
		if errors.Is(err, flow.NotFound) {
			continue // it has vanished meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, hits...)
	}
	slices.SortStableFunc(all, func(a, b flow.SearchHit) int { return cmp.Compare(a.Data.CreationTime, b.Data.CreationTime) })
	if most := cmp.Or(in.Limit, flow.MaxHits); len(all) > most {
		flow.NoteMissing(ctx, flow.Missing{Older: true})
		all = all[len(all)-most:]
	}
	return json.Marshal(all)
}
