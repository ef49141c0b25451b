package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

func catchUpTool() *Tool {
	return composite(Tool{
		Name: "flow_catch_up", Title: "Catch up", Group: flow.MessageGroup, Effect: flow.Reads, OpenWorld: true,
		Description: "Show others' unread messages, oldest first. Marks nothing as read.",
	}, (*call).catchUp)
}

type catchUpInput struct {
	OrgID flow.OrgID `jsonschema_description:"Only this team." json:",omitzero"`
	Limit int        `jsonschema_description:"Per channel; 20 when left out." jsonschema:"minimum=1,maximum=200" json:",omitzero"`
}

type catchUpOutput struct {
	Now      time.Time         `json:"now"`
	Channels []unread          `json:"channels"`
	Skipped  []name            `json:"not_shown,omitzero"`
	Beyond   int               `json:"not_named,omitzero"`  // channels that are not even in Skipped
	Whole    string            `json:"whole_with,omitzero"` // how to read what is cut
	Hidden   int               `json:"hidden_characters_removed,omitzero"`
	IDs      map[string]string `json:"ids,omitempty"`
}

type unread struct {
	Channel  name      `json:"channel"`
	Unread   int       `json:"unread"`
	OrMore   bool      `json:"unread_or_more,omitzero"` // counting has stopped there
	Messages []message `json:"messages"`
	More     bool      `json:"more,omitzero"`
	// Older or Newer is what to read on before, or after, when there are more.
	Older flow.MessageID `json:"older,omitzero"`
	Newer flow.MessageID `json:"newer,omitzero"`
	Link  string         `json:"link,omitzero"`

	onwards bool   // the messages are the oldest that are unread, not the newest
	rest    string // the parameter with which to read on
}

// catchUp goes through all channels until the result is full.
func (c *call) catchUp(ctx context.Context, in catchUpInput) (catchUpOutput, string, error) {
	reading, _ := flow.ReadAside(ctx) // the newest message of every channel, of which none is shown
	channels, err := c.client.Survey(reading, in.OrgID)
	if err != nil {
		return catchUpOutput{}, "", err
	}
	limit := in.Limit
	if limit == 0 {
		limit = 20
	}
	v := c.viewer(ctx)
	out, room := catchUpOutput{Now: now(), Channels: []unread{}}, v.budget(softJSON)
	for _, ch := range channels {
		if ch.UnreadCount == 0 {
			continue
		}
		if room.full() {
			out.skip(v.channel(ctx, ch.ID))
			continue
		}
		one, err := c.unread(ctx, room, ch.Channel, ch.UnreadCount, limit)
		if err != nil {
			return out, "", err
		}
		out.Channels = append(out.Channels, one)
	}
	out.Hidden, out.IDs = v.removed, v.ids
	for _, one := range out.Channels {
		if slices.ContainsFunc(one.Messages, message.isCut) {
			out.Whole = wholeWith
		}
	}
	return out, out.text(), nil
}

// Bounds of the channels that are named though they are not shown.
const (
	maxSkipped   = 50
	skippedBytes = 6_000
)

// skip names a channel that there is no room for, or counts it. A name leads to its
// channel as an identifier does.
func (o *catchUpOutput) skip(channel name) {
	if o.Beyond > 0 || len(o.Skipped) == maxSkipped || encoded(o.Skipped)+encoded(channel) > skippedBytes {
		o.Beyond++
		return
	}
	o.Skipped = append(o.Skipped, channel)
}

// Bounds of the search for what others wrote among one's own messages.
const (
	unreadPage  = 200 // messages asked for at once
	unreadPages = 20
)

// unread reads the oldest messages of others after the read mark. Where nothing was ever
// read, the newest are worth more than the oldest.
func (c *call) unread(ctx context.Context, room *budget, ch flow.Channel, n, limit int) (unread, error) {
	v := room.viewer
	one := unread{Channel: v.channel(ctx, ch.ID), Unread: n, OrMore: n >= flow.UnreadCap, Messages: []message{}, Link: flow.Link{Channel: ch.ID}.String()}
	mark, err := flow.GetChannelReadHWM.Call(ctx, c.client, flow.GetChannelReadHWMInput{OrgID: ch.OrgID, ChannelID: ch.ID})
	if err != nil {
		return one, fmt.Errorf("get the read mark: %w", err)
	}
	room.spend(len(one.head()), encoded(one)+room.encoded(one.Channel))
	v.use(one.Channel)
	one.onwards = mark.MessageID != ""
	found, reached, whole, err := c.others(ctx, ch, mark.MessageID, min(n, limit))
	if err != nil {
		return one, err
	}
	kept := found[:min(len(found), limit)] // the nearest to where the reading began
	for _, m := range kept {
		one.Messages = append(one.Messages, v.message(ctx, m, true))
	}
	if !one.onwards {
		slices.Reverse(one.Messages)
	}
	one.Messages = room.fit(one.Messages, one.onwards)
	shown := len(one.Messages)
	one.More = shown < len(found) || !whole && (shown < n || n >= flow.UnreadCap)
	one.rest = "before="
	if one.onwards {
		one.rest = "after="
	}
	if shown > 0 {
		reached = one.Messages[0].ID
		if one.onwards {
			reached = one.Messages[shown-1].ID
		}
	}
	one.rest += v.refs.of(reached)
	if shown, _ := clean(string(reached)); one.More && one.onwards {
		one.Newer = flow.MessageID(shown)
	} else if one.More {
		one.Older = flow.MessageID(shown)
	}
	return one, nil
}

// others reads from the mark on, or back from the newest message when there is no mark,
// until it has found enough messages of others, or all: then whole is true. Reached is
// the last message that it looked at.
func (c *call) others(ctx context.Context, ch flow.Channel, mark flow.MessageID, enough int) (found []flow.Message, reached flow.MessageID, whole bool, err error) {
	me, err := c.client.Identity(ctx)
	if err != nil {
		return nil, "", false, err
	}
	filters := flow.MessageFilters{After: mark, Limit: unreadPage}
	for range unreadPages {
		page, err := flow.EnumerateMessages.Call(ctx, c.client, flow.EnumerateMessagesInput{
			OrgID: ch.OrgID, ChannelID: ch.ID, Filters: &filters,
		})
		if err != nil {
			return nil, "", false, fmt.Errorf("read what is unread: %w", err)
		}
		if len(page) == 0 {
			return found, reached, true, nil
		}
		if mark != "" {
			slices.Reverse(page)
		}
		for _, m := range page {
			if m.SenderAccountID != me.AccountID {
				found = append(found, m)
			}
		}
		reached = page[len(page)-1].ID
		if len(found) >= enough {
			return found, reached, false, nil
		}
		if mark != "" {
			filters.After = reached
		} else {
			filters.Before = reached
		}
	}
	return found, reached, false, nil
}

func (one unread) head() string {
	return fmt.Sprintf("=== %s: %s unread, %d shown. %s\n", one.Channel.inline(), atMost(one.Unread, flow.UnreadCap), len(one.Messages), one.Link)
}

// left says how many messages are not shown, on which side of those that are, and how to
// read them.
func (one unread) left() string {
	side := "older"
	if one.onwards {
		side = "newer"
	}
	text := "More " + side + " ones are not shown"
	if n := one.Unread - len(one.Messages); n == 1 && !one.OrMore {
		text = "1 " + side + " one is not shown"
	} else if n > 1 && !one.OrMore {
		text = fmt.Sprintf("%d %s ones are not shown", n, side)
	}
	return fmt.Sprintf("%s: flow_enumerate_messages channel=%s, %s.\n", text, one.Channel.inline(), one.rest)
}

func (o catchUpOutput) text() string {
	it := itIs(o.Now)
	if len(o.Channels) == 0 {
		return "Nothing is unread. " + it
	}
	var out strings.Builder
	order := "oldest first"
	if len(o.Channels) > 1 {
		order = "in each " + order
	}
	fmt.Fprintf(&out, "%s with unread messages, %s. %s%s\n", count(len(o.Channels), "channel"), order, it, authorsNote)
	for _, one := range o.Channels {
		out.WriteString(one.head())
		writeTranscript(&out, one.Messages)
		for _, m := range one.Messages {
			m.Channel = one.Channel
			for _, note := range cutNotes([]message{m}, false) {
				out.WriteString(note + "\n")
			}
		}
		if one.More {
			out.WriteString(one.left())
		}
	}
	for _, skipped := range o.Skipped {
		fmt.Fprintf(&out, "=== %s: unread, not shown.\n", skipped.inline())
	}
	if o.Beyond > 0 {
		fmt.Fprintf(&out, "=== %s: unread, not named.\n", count(o.Beyond, "more channel"))
	}
	if len(o.Skipped) > 0 {
		out.WriteString("What is not shown: flow_enumerate_messages with the channel, or catch up again when the rest is marked as read.")
	}
	return strings.TrimSuffix(out.String(), "\n")
}
