package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// stateNames are what states are called in words.
var stateNames = map[flow.MemberState]string{
	flow.Owner: "owner", flow.Admin: "admin", flow.Member: "member", flow.Banned: "banned",
}

// tell says of a call that was done what its result does not: what it has changed, and what
// else there is to know of that.
func (c *call) tell(ctx context.Context, op flow.AnyOperation, raw json.RawMessage, receipt *flow.Receipt) {
	c.missing = receipt.Missing()
	if receipt.Repeated() {
		c.existed, c.note = true, "It was done by an earlier call with the same "+idempotencyKey+"."
		return
	}
	switch op {
	case flow.ChangeUsername:
		called, _ := clean(c.text("username"))
		c.note = fmt.Sprintf("Whoever starts this server has to start it with --account %s from now on: with the old name it makes another person.", called.inline())
	case flow.SetChannelReadHWM:
		c.note = c.markNote(ctx)
		c.existed = c.note != ""
	case flow.MarkMessagesDeleted:
		c.deletionNote()
	case flow.NewChannel:
		if adds := toolName(flow.ChannelAddMember.Info().Name); c.choice.on(adds) {
			c.note = "Add people with " + adds + "."
		}
	case flow.NewOrg:
		c.note = c.teamNote(ctx, raw)
	}
}

// talks reports whether the direct conversation that is asked for is known to be there.
func (c *call) talks(ctx context.Context) bool {
	channels, err := c.dir.Channels(ctx)
	return err == nil && slices.ContainsFunc(channels, func(ch flow.Channel) bool {
		return ch.OrgID == c.team.ID && ch.Purpose == flow.DirectPurpose && string(ch.DirectAccountID) == c.resolved["MemberID"]
	})
}

// made says of a channel whether it is a new one. Of other results it says nothing.
func (p *page) made(channel string) (head string, is bool) {
	switch {
	case p.op != flow.NewChannel && p.op != flow.NewDirectConversation:
		return "", false
	case p.existed:
		return channel + " is there already", true
	case p.op == flow.NewChannel:
		return "Created " + channel + "; you are its only member", true
	}
	return "Opened " + channel, true
}

// deletionNote says how many messages were gone before.
func (c *call) deletionNote() {
	refs, _ := c.args["messages"].([]any)
	switch gone := c.missing.Deleted; {
	case gone == 0:
	case gone == 1 && len(refs) > 1:
		c.note = "1 of them was deleted before."
	case gone < len(refs):
		c.note = fmt.Sprintf("%d of them were deleted before.", gone)
	case gone == 1:
		c.note, c.existed = "It was deleted before.", true
	default:
		c.note, c.existed = "All were deleted before.", true
	}
}

// markNote says when a read mark has stayed where it was, which was further on.
func (c *call) markNote(ctx context.Context) string {
	mark, err := flow.GetChannelReadHWM.Call(ctx, c.client, flow.GetChannelReadHWMInput{OrgID: c.channel.OrgID, ChannelID: c.channel.ID})
	if err != nil || mark.MessageID == c.message || mark.MessageID == "" {
		return "" // it was done, whatever the mark is now
	}
	return fmt.Sprintf("The mark stays at [%s], which is newer: marks do not move back.", c.refs.of(mark.MessageID))
}
