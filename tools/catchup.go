package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

func catchUpTool() *Tool {
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
	IDs      map[string]string `json:"ids,omitempty"`
}

type unread struct {
	Channel  name      `json:"channel"`
	Unread   int       `json:"unread"`
	Messages []message `json:"messages"`
	Link     string    `json:"link,omitzero"`

	onwards bool // the messages are the oldest that are unread, not the newest
}

// catchUp goes through all channels until the result is full.
func (c *call) catchUp(ctx context.Context, in catchUpInput) (catchUpOutput, string, error) {
	channels, err := c.channels(ctx, in.OrgID)
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

// channels asks the backend for the channels of one team or all, since the directory may
// not know yet of one that was made a moment ago.
func (c *call) channels(ctx context.Context, team flow.OrgID) ([]flow.Channel, error) {
	orgs, err := flow.EnumerateOrgs.Call(ctx, c.client, flow.EnumerateOrgsInput{})
	if err != nil {
		return nil, fmt.Errorf("list the teams: %w", err)
	}
	var all []flow.Channel
	for _, org := range orgs {
		if team != "" && org.ID != team {
			continue
		}
		some, err := flow.EnumerateChannels.Call(ctx, c.client, flow.EnumerateChannelsInput{OrgID: org.ID})
		if err != nil {
			return nil, fmt.Errorf("list the channels: %w", err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// unread reads the oldest messages of a channel after the read mark. Where nothing was
// ever read, the newest are worth more than the oldest.
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
	for _, m := range slices.Backward(messages) {
		one.Messages = append(one.Messages, v.message(ctx, m, true))
	}
	one.onwards = mark.MessageID != ""
	one.Messages = fit(one.Messages, one.onwards)
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
			way := "before=" + one.Messages[0].ref
			if one.onwards {
				way = "after=" + one.Messages[last].ref
			}
			fmt.Fprintf(&out, "There are more: flow_enumerate_messages channel=%s, %s.\n", one.Channel.inline(), way)
		}
	}
	for _, skipped := range o.Skipped {
		fmt.Fprintf(&out, "=== %s: unread, not shown.\n", skipped.inline())
	}
	return strings.TrimSuffix(out.String(), "\n")
}
