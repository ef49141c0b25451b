package tools

import (
	"context"
	"errors"
	"fmt"
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
		page, err := c.events(ctx, query)
		if err != nil {
			return waitOutput{}, "", err
		}
		messages, cursor, err := take(page, wanted)
		if err != nil {
			return waitOutput{}, "", err
		}
		late := !page.More && !time.Now().Before(deadline)
		if len(messages) > 0 || late {
			out, text := c.waited(ctx, messages, cursor, in.ChannelID)
			return out, text, nil
		}
		query.After, query.AfterMessage = &cursor, ""
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

// take picks the wanted messages of a page, as many as a result may hold, and returns the
// cursor behind the last event that it looked at.
func take(page flow.EventPage, wanted func(flow.Message) bool) ([]flow.Message, flow.Cursor, error) {
	var messages []flow.Message
	cursor, size := page.Next, 0
	for i, n := range page.Events {
		if n.Type != flow.MessageEvent.Type() {
			continue
		}
		change, err := flow.MessageEvent.Decode(n)
		if err != nil {
			return nil, 0, err
		}
		before := len(messages)
		for _, m := range change.RegularMessages {
			if wanted(m) {
				messages = append(messages, m)
				text, _ := clean(m.Text)
				size += min(text.shown()+len(m.OtherData), messageBytes) + 64 + 300*len(m.Attachments)
			}
		}
		if size > softBytes && before > 0 {
			return messages[:before], page.Events[i-1].Seq, nil
		}
	}
	return messages, cursor, nil
}

// waited writes the result in both forms.
func (c *call) waited(ctx context.Context, messages []flow.Message, cursor flow.Cursor, one flow.ChannelID) (waitOutput, string) {
	v := c.viewer(ctx)
	out := waitOutput{Messages: []message{}, Cursor: cursor, TimedOut: len(messages) == 0}
	each := roomFor(1)
	if len(messages) > 1 {
		each = min(messageBytes, hardBytes/len(messages))
	}
	for _, m := range messages {
		shown := v.message(ctx, m, false)
		shown.cutTo(each)
		out.Messages = append(out.Messages, shown)
	}
	out.Hidden, out.IDs = v.removed, v.ids
	var text strings.Builder
	if out.TimedOut {
		text.WriteString("Nothing new.\n")
	} else {
		fmt.Fprintf(&text, "%s.%s\n", count(len(messages), "new message"), authorsNote)
		writeTranscript(&text, out.Messages)
	}
	again := ""
	if one != "" {
		again = fmt.Sprintf(" channel=%s", v.channel(ctx, one).inline())
	}
	fmt.Fprintf(&text, "Wait on with%s after=%d.", again, cursor)
	return out, text.String()
}
