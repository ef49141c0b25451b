package graph

import (
	"context"

	graphql "github.com/graph-gophers/graphql-go"

	"github.com/flow-mcp/flow-mcp/flow"
)

// message is a Message.
type message struct {
	is flow.Message
	of *request
}

// read counts messages that the engine has said.
func read(ctx context.Context, list []flow.Message) []*message {
	r, all, size := requestOf(ctx), make([]*message, len(list)), 0
	for i, m := range list {
		all[i] = &message{m, r}
		size += len(m.Text) + len(m.OtherData)
	}
	r.spend(size)
	return all
}

func (m message) cursor() string { return string(m.is.ID) }

func (m message) ID() graphql.ID     { return graphql.ID(m.is.ID) }
func (m message) Time() graphql.Time { return moment(m.is.CreationTime) }

func (m message) Channel(ctx context.Context) (*channel, error) {
	return channelOf(ctx, m.is.ChannelID)
}
func (m message) Sender(ctx context.Context) (*account, error) {
	return accountOf(ctx, m.is.SenderAccountID)
}

// Text is counted once more when it is shown: a query can ask for it under many names.
func (m message) Text() string {
	m.of.spend(len(m.is.Text))
	return m.is.Text
}

func (m message) OtherData() *string {
	m.of.spend(len(m.is.OtherData))
	if m.is.OtherData == "" {
		return nil
	}
	return &m.is.OtherData
}

func (m message) Attachments() []*attachment {
	all := make([]*attachment, len(m.is.Attachments))
	for i, a := range m.is.Attachments {
		all[i] = &attachment{a}
	}
	return all
}

// attachment is an Attachment.
type attachment struct{ is flow.Attachment }

func (a attachment) ID() graphql.ID   { return graphql.ID(a.is.ID) }
func (a attachment) Filename() string { return a.is.Filename }
func (a attachment) Size() float64    { return float64(a.is.Size) }

// part is a part of a channel's history.
type part struct {
	channel flow.ChannelID
	flow.MessageFilters
}

// messagesIn returns the messages of a part, newest first.
func messagesIn(e flow.Engine, ctx context.Context, call flow.Call, p part) ([]*message, error) {
	list, err := e.EnumerateMessages(ctx, call, flow.EnumerateMessagesInput{ChannelID: p.channel, Filters: &p.MessageFilters})
	if err != nil {
		return nil, err
	}
	return read(ctx, list), nil
}

// window are the arguments of a history, which can be read in both directions.
type window struct {
	First, Last   *int32
	After, Before *string
}

// defaultPage is how much of a history is shown when nobody says how much.
const defaultPage = 50

func (c channel) Messages(ctx context.Context, args window) (*connection[*message], error) {
	p := part{channel: c.is.ID}
	size, newer := int32(defaultPage), args.Last != nil
	switch {
	case newer && (args.First != nil || args.After != nil || args.Before == nil):
		return nil, flow.Errorf(flow.Invalid, "messages takes first with after, or last with before")
	case newer:
		size, p.After = *args.Last, flow.MessageID(*args.Before)
	case args.Before != nil:
		return nil, flow.Errorf(flow.Invalid, "before goes with last; to read back in time give first and after")
	case args.First != nil:
		size = *args.First
	}
	if args.After != nil {
		p.Before = flow.MessageID(*args.After)
	}
	if err := checkSize("the number of messages", size); err != nil {
		return nil, err
	}
	p.Limit = int(size) + 1 // one more tells whether there are more
	list, err := load(ctx, p, messagesIn)
	if err != nil {
		return nil, err
	}
	more, err := c.goesOn(ctx, list, p)
	if err != nil {
		return nil, err
	}
	page := &connection[*message]{nodes: list, hasNext: more, hasPrevious: p.Before != ""}
	switch {
	case newer: // the surplus one is the newest
		page.hasNext, page.hasPrevious = true, more
		page.nodes = list[max(len(list)-int(size), 0):]
	case len(list) > int(size):
		page.nodes = list[:size]
	}
	return page, nil
}

// longPage is what an engine tells at once for certain, in bytes. Of more it may leave out
// some, and only another question tells whether it has.
const longPage = 1 << 20

// goesOn reports whether there is more behind a part of the history.
func (c channel) goesOn(ctx context.Context, list []*message, p part) (bool, error) {
	if len(list) == p.Limit {
		return true, nil
	}
	size := 0
	for _, m := range list {
		size += len(m.is.Text) + len(m.is.OtherData)
	}
	if size < longPage {
		return false, nil
	}
	rest := part{channel: p.channel, MessageFilters: flow.MessageFilters{Limit: 1}}
	if p.After != "" {
		rest.After = list[0].is.ID
	} else {
		rest.Before = list[len(list)-1].is.ID
	}
	more, err := load(ctx, rest, messagesIn)
	return len(more) > 0, err
}
