package resources

import (
	"context"

	"github.com/mark3labs/mcp-go/mcp"
)

// maxCompletions is how many values one answer may hold.
const maxCompletions = 100

// CompleteResourceArgument completes the variables of the templates by name. Names are
// what the URI then holds, where the id would do as well.
func (r *Resources) CompleteResourceArgument(
	ctx context.Context, _ string, argument mcp.CompleteArgument, _ mcp.CompleteContext,
) (*mcp.Completion, error) {
	var found []string
	var err error
	switch argument.Name {
	case "orgId":
		found, err = r.dir.CompleteOrg(ctx, argument.Value)
	case "accountId":
		found, err = r.dir.CompleteAccount(ctx, argument.Value)
	case "channelId":
		found, err = r.dir.CompleteChannel(ctx, argument.Value)
	}
	if err != nil {
		return nil, refusal{err}
	}
	return &mcp.Completion{
		Values:  append([]string{}, found[:min(len(found), maxCompletions)]...), // never null
		Total:   len(found),
		HasMore: len(found) > maxCompletions,
	}, nil
}
