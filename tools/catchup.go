package tools

import (
	"context"
	"fmt"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

func catchUpTool() (*Tool, error) {
	return composite(Tool{
		Name: "flow_catch_up", Title: "Catch up", Group: flow.MessageGroup, Effect: flow.Reads, OpenWorld: true,
		Description: "Show what is unread in all channels, or those of one team, oldest first. Marks nothing as read.",
	}, (*call).catchUp)
}

type catchUpInput struct {
	OrgID flow.OrgID `jsonschema_description:"Only this team." json:",omitzero"`
	Limit int        `jsonschema_description:"Messages of each channel; 20 when left out." jsonschema:"minimum=1,maximum=200" json:",omitzero"`
}

type catchUpOutput struct {
	Channels []unread          `json:"channels"`
	Skipped  []name            `json:"not_shown,omitzero"`
	Hidden   int               `json:"hidden_characters_removed,omitzero"`
	IDs      map[string]string `json:"ids,omitzero"`
}

type unread struct {
	Channel  name      `json:"channel"`
	Unread   int       `json:"unread"`
	Messages []message `json:"messages"`
	Link     string    `json:"link,omitzero"`
}

// catchUp goes through the channels in the order of the directory until the result is full.
func (c *call) catchUp(ctx context.Context, in catchUpInput) (catchUpOutput, string, error) {
	channels, err := c.dir.Channels(ctx)
	if err != nil {
		return catchUpOutput{}, "", err
	}
	limit := in.Limit
	if limit == 0 {
		limit = 20
	}
	v := c.viewer(ctx)
	out, size := catchUpOutput{Channels: []unread{}}, 0
	for _, ch := range channels {
		if in.OrgID != "" && ch.OrgID != in.OrgID {
			continue
		}
		n, err := flow.GetUnreadCount.Call(ctx, c.client, flow.GetUnreadCountInput{OrgID: ch.OrgID, ChannelID: ch.ID})
		if err != nil {
			return out, "", fmt.Errorf("count what is unread: %w", err)
		}
		if n == 0 {
			continue
		}
		if size > softBytes {
			out.Skipped = append(out.Skipped, v.use(v.channel(ctx, ch.ID)))
			continue
		}
		one, err := c.unread(ctx, v, ch, limit)
		if err != nil {
			return out, "", err
		}
		one.Unread = n
		for _, m := range one.Messages {
			size += m.size()
		}
		out.Channels = append(out.Channels, one)
	}
	out.Hidden, out.IDs = v.removed, v.ids
	return out, out.text(), nil
}

// unread reads the oldest messages of a channel after the read mark.
func (c *call) unread(ctx context.Context, v *viewer, ch flow.Channel, limit int) (unread, error) {
	one := unread{Channel: v.use(v.channel(ctx, ch.ID)), Messages: []message{}, Link: flow.Link{Channel: ch.ID}.String()}
	mark, err := flow.GetChannelReadHWM.Call(ctx, c.client, flow.GetChannelReadHWMInput{OrgID: ch.OrgID, ChannelID: ch.ID})
	if err != nil {
		return one, fmt.Errorf("get the read mark: %w", err)
	}
	messages, err := flow.EnumerateMessages.Call(ctx, c.client, flow.EnumerateMessagesInput{
		OrgID: ch.OrgID, ChannelID: ch.ID, Filters: &flow.MessageFilters{After: mark.MessageID, Limit: limit},
	})
	if err != nil {
		return one, fmt.Errorf("read what is unread: %w", err)
	}
	for i := len(messages) - 1; i >= 0; i-- {
		one.Messages = append(one.Messages, v.message(ctx, messages[i], true))
	}
	one.Messages = fit(one.Messages, true)
	return one, nil
}

func (o catchUpOutput) text() string {
	if len(o.Channels) == 0 {
		return "Nothing is unread."
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s with unread messages, oldest first.%s\n", count(len(o.Channels), "channel"), authorsNote)
	for _, one := range o.Channels {
		fmt.Fprintf(&out, "=== %s: %d unread, %d shown. %s\n", one.Channel.inline(), one.Unread, len(one.Messages), one.Link)
		writeTranscript(&out, one.Messages)
		if last := len(one.Messages) - 1; last >= 0 && len(one.Messages) < one.Unread {
			fmt.Fprintf(&out, "There are more: flow_enumerate_messages channel=%s, after=%s.\n", one.Channel.inline(), one.Messages[last].ref)
		}
	}
	for _, skipped := range o.Skipped {
		fmt.Fprintf(&out, "=== %s: unread, not shown.\n", skipped.inline())
	}
	return strings.TrimSuffix(out.String(), "\n")
}
