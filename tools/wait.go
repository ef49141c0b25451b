package tools

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

func waitTool() *Tool {
	return composite(Tool{
		Name: "flow_wait_for_messages", Title: "Wait for messages", Group: flow.MessageGroup, Effect: flow.Reads, OpenWorld: true,
		Description: "Wait until others write, in one channel or anywhere. " +
			"Pass the returned cursor as after next time: nothing is lost or repeated.",
	}, (*call).wait)
}

type waitInput struct {
	ChannelID      flow.ChannelID `jsonschema_description:"Only this channel." json:",omitzero"`
	After          *flow.Cursor   `jsonschema_description:"Cursor of an earlier wait." jsonschema:"minimum=0" json:",omitzero"`
	TimeoutSeconds *int           `jsonschema_description:"50 when left out." jsonschema:"minimum=0,maximum=110" json:",omitzero"`
	AfterMessage   flow.MessageID `jsonschema_description:"Or a message." json:",omitzero"`
	IncludeOwn     bool           `jsonschema_description:"Own messages too." json:",omitzero"`
}

type waitOutput struct {
	Messages []message         `json:"messages"`
	Cursor   flow.Cursor       `json:"cursor"`
	TimedOut bool              `json:"timed_out"`
	Left     int               `json:"not_shown,omitzero"`  // of what came with the last message
	Links    string            `json:"links,omitzero"`      // form of those to the messages
	Whole    string            `json:"whole_with,omitzero"` // how to read what is cut
	Hidden   int               `json:"hidden_characters_removed,omitzero"`
	IDs      map[string]string `json:"ids,omitempty"`
}

// usualWait keeps a wait below the minute after which many hosts give up on a call.
const usualWait = 50 * time.Second

// wait reads the event log of the account from the cursor on until it finds a message.
// The cursor that it returns stands behind the last event it has shown or passed over.
func (c *call) wait(ctx context.Context, in waitInput) (waitOutput, string, error) {
	timeout := usualWait
	if in.TimeoutSeconds != nil {
		timeout = time.Duration(*in.TimeoutSeconds) * time.Second
	}
	deadline := time.Now().Add(timeout)
	progressOf(ctx).lasts(timeout)
	me, err := c.client.Identity(ctx)
	if err != nil {
		return waitOutput{}, "", err
	}
	query := flow.EnumerateEventsInput{After: in.After, AfterMessage: in.AfterMessage}
	if in.After == nil && in.AfterMessage == "" {
		page, err := c.events(ctx, query)
		if err != nil {
			return waitOutput{}, "", err
		}
		query.After = &page.Next
	}
	wanted := func(m flow.Message) bool {
		return (in.ChannelID == "" || m.ChannelID == in.ChannelID) && (in.IncludeOwn || m.SenderAccountID != me.AccountID)
	}
	for {
		query.WaitMilliseconds = int(max(0, time.Until(deadline)).Milliseconds())
		reading, aside := flow.ReadAside(ctx) // most of a page may be of other channels
		page, err := c.events(reading, query)
		if err != nil {
			return waitOutput{}, "", err
		}
		v := c.viewer(ctx) // with names that are as new as the messages
		found, err := v.take(ctx, page, wanted)
		if err != nil {
			return waitOutput{}, "", err
		}
		aside.Show(found.shown)
		late := !page.More && !time.Now().Before(deadline)
		if len(found.messages) > 0 || late {
			out, text := c.waited(ctx, v, found, in.ChannelID)
			return out, text, nil
		}
		query.After, query.AfterMessage = &found.cursor, ""
		if len(page.Events) == 0 { // the backend has not waited as long as it was asked to
			if err := pause(ctx, min(impatience, time.Until(deadline))); err != nil {
				return waitOutput{}, "", err
			}
		}
	}
}

// impatience is how often a backend is asked that does not wait itself.
const impatience = 250 * time.Millisecond

// pause waits, or returns early with the reason why ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *call) events(ctx context.Context, in flow.EnumerateEventsInput) (flow.EventPage, error) {
	page, err := flow.EnumerateEvents.Call(ctx, c.client, in)
	if errors.Is(err, flow.Unsupported) {
		return page, flow.Errorf(flow.Unsupported,
			"this backend keeps no event log to wait on; call flow_enumerate_messages with after now and then instead")
	}
	return page, err
}

// arrivals are messages of the event log that a result has room for, and the cursor
// behind the last event that was looked at for them.
type arrivals struct {
	messages []message
	shown    []flow.Message // the same, before they were cut
	cursor   flow.Cursor
	left     int // of the last event, when it alone has too many
}

// take shows the wanted messages of a page as long as there is room. A cursor stands
// between events, so all messages of one are shown, and cut when they are too long.
func (v *viewer) take(ctx context.Context, page flow.EventPage, wanted func(flow.Message) bool) (arrivals, error) {
	events, err := wantedOf(page, wanted)
	if err != nil {
		return arrivals{}, err
	}
	found, room := arrivals{cursor: page.Next}, v.budget(softJSON)
	for i, event := range events {
		removed := v.removed
		shown, text := v.arrived(ctx, event.messages)
		if i == 0 {
			found.fill(room, shown, len(events) > 1)
			found.shown = event.messages
			continue
		}
		if !room.fits(shown, text) {
			v.removed, found.cursor = removed, event.before
			break
		}
		room.use(shown, text)
		found.shown = append(found.shown, event.messages...)
		for _, one := range shown {
			found.messages = append(found.messages, one.(message))
		}
	}
	return found, nil
}

// arrival is an event that brought messages, and the cursor in front of it.
type arrival struct {
	messages []flow.Message
	before   flow.Cursor
}

// wantedOf returns the events of a page that brought messages which are wanted.
func wantedOf(page flow.EventPage, wanted func(flow.Message) bool) (events []arrival, err error) {
	var before flow.Cursor
	for _, n := range page.Events {
		if n.Type == flow.MessageEvent.Type() {
			change, err := flow.MessageEvent.Decode(n)
			if err != nil {
				return nil, err
			}
			all := slices.DeleteFunc(change.RegularMessages, func(m flow.Message) bool { return !wanted(m) })
			if len(all) > 0 {
				events = append(events, arrival{all, before})
			}
		}
		before = n.Seq
	}
	return events, nil
}

// arrived shows the messages of one event.
func (v *viewer) arrived(ctx context.Context, all []flow.Message) (shown items, text string) {
	var lines strings.Builder
	for _, m := range all {
		one := v.message(ctx, m, false)
		shown = append(shown, one)
		lines.WriteString(one.lines())
	}
	return shown, lines.String()
}

// fill adds the messages of the first event, in equal parts of the room there is: less
// when others wait behind it.
func (f *arrivals) fill(room *budget, event items, others bool) {
	most := aloneBytes
	if others {
		most = softBytes + entryBytes/2
	}
	used := 0
	for i, one := range event {
		m := one.(message)
		m.cutTo(most / len(event))
		line := m.lines()
		if used += max(encoded(m), len(line)); used > most && i > 0 {
			f.left = len(event) - i
			return
		}
		room.use(m, line)
		f.messages = append(f.messages, m)
	}
}

// waited writes the result in both forms.
func (c *call) waited(ctx context.Context, v *viewer, found arrivals, one flow.ChannelID) (waitOutput, string) {
	out := waitOutput{Messages: found.messages, Cursor: found.cursor, TimedOut: len(found.messages) == 0, Left: found.left}
	out.Hidden, out.IDs = v.removed, v.ids
	if len(out.Messages) > 0 {
		out.Links = messageLinks
	}
	var text strings.Builder
	if out.TimedOut {
		out.Messages = []message{}
		text.WriteString("Nothing new.\n")
	} else {
		fmt.Fprintf(&text, "%s.%s\n", count(len(out.Messages), "new message"), authorsNote)
		writeTranscript(&text, out.Messages)
	}
	if out.Left > 0 {
		fmt.Fprintf(&text, "%d more came with the last one and are not shown; flow_catch_up shows what is unread.\n", out.Left)
	}
	for _, note := range cutNotes(out.Messages, false) {
		out.Whole = wholeWith
		text.WriteString(note + "\n")
	}
	again := ""
	if one != "" {
		again = fmt.Sprintf(" channel=%s", v.channel(ctx, one).inline())
	}
	fmt.Fprintf(&text, "Wait on with%s after=%d.", again, out.Cursor)
	return out, text.String()
}
