package tools

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Operations take any identifier and say only that they have not found it. What was
// passed on unseen is remembered, so that the error can name the parameter.

// doubts reports whether text is passed on to the operation as an identifier without
// anybody having seen what it identifies.
func (r *resolver) doubts(ctx context.Context, k kind, text string) bool {
	link, linked := flow.ParseLink(text)
	if !linked && !flow.IsID(text) {
		return k == opaqueID || k == deviceID || k == attachmentID || k == messageID && !flow.IsRef(strings.Trim(text, "[]"))
	}
	var err error
	switch {
	case k == teamID && (!linked || link.Org != ""):
		_, err = r.dir.FindOrg(ctx, text)
	case k == channelID && (!linked || link.Channel != ""):
		_, err = r.dir.FindChannel(ctx, text)
	case k == accountID && (!linked || link.Account != ""):
		_, err = r.dir.FindAccount(ctx, text)
	default:
		return true
	}
	return errors.Is(err, flow.NotFound)
}

// whereToLook says which tool lists what a parameter can name.
var whereToLook = map[kind]struct{ does, tool string }{
	teamID:    {"list yours with", statusName},
	channelID: {"list yours with", "flow_enumerate_channels"},
	accountID: {"list people with", "flow_enumerate_peer_accounts"},
	messageID: {"read the channel with", "flow_enumerate_messages"},
	deviceID:  {"list yours with", "flow_get_devices"},
}

// blame says of what the backend has not found which parameter named it, and what to do.
// It is the first in doubt: operations look at the team before the channel, and at the
// channel before what is in it.
func (r *resolver) blame(f *form, err error) error {
	if len(r.doubted) == 0 || !errors.Is(err, flow.NotFound) {
		return err
	}
	text := f.said(inOurWords(err.Error()))
	p := slices.MinFunc(r.doubted, func(a, b *field) int { return a.kind.rank() - b.kind.rank() })
	if named, _, ok := strings.Cut(text, ": "); !ok || f.field(named) == nil {
		text = p.name + ": " + text
	}
	look, known := whereToLook[p.kind]
	if known && r.choice.on(look.tool) && !strings.Contains(text, "flow_") {
		text = strings.TrimSuffix(text, ".") + "; " + look.does + " " + look.tool
	}
	return flow.Errorf(flow.NotFound, "%s", text)
}
