package tools

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/flow-mcp/flow-mcp/flow"
)

// stateNames are what states are called in words.
var stateNames = map[flow.MemberState]string{
	flow.Owner: "owner", flow.Admin: "admin", flow.Member: "member", flow.Banned: "banned",
}

// noteOn returns what else there is to know of what an operation has done, whose result
// is raw.
func (c *call) noteOn(ctx context.Context, op flow.AnyOperation, raw json.RawMessage) string {
	switch op {
	case flow.ChangeUsername:
		called, _ := clean(c.text("username"))
		return fmt.Sprintf("Whoever starts this server has to start it with --account %s from now on: with the old name it makes another person.", called.inline())
	case flow.SetChannelReadHWM:
		return c.markNote(ctx)
	case flow.NewOrg:
		return c.teamNote(ctx, raw)
	}
	return ""
}

// markNote says when a read mark has stayed where it was, which was further on.
func (c *call) markNote(ctx context.Context) string {
	mark, err := flow.GetChannelReadHWM.Call(ctx, c.client, flow.GetChannelReadHWMInput{OrgID: c.channel.OrgID, ChannelID: c.channel.ID})
	if err != nil || mark.MessageID == c.message || mark.MessageID == "" {
		return "" // it was done, whatever the mark is now
	}
	return fmt.Sprintf("The mark stays at [%s], which is newer: marks do not move back.", c.refs.of(mark.MessageID))
}
