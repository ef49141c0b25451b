package resources

import (
	"context"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

func (r *Resources) readMessages(ctx context.Context, a address) (any, error) {
	channel, names, err := r.find(ctx, a.ref)
	if err != nil {
		return nil, err
	}
	if a.page.limit == 0 {
		a.page.limit = defaultLimit
	}
	talk, err := r.talk(ctx, channel.ID, names, a.page)
	if err != nil {
		return nil, err
	}
	return messagesView{Channel: placeOf(channel, names), talkView: talk}, nil
}

// talk reads a page of a channel. It reads one message more than is asked for, to know
// whether the page is the last.
func (r *Resources) talk(ctx context.Context, channel flow.ChannelID, names flow.Names, p page) (talkView, error) {
	messages, err := r.messages(ctx, channel, flow.MessageFilters{Before: p.before, After: p.after, Limit: p.limit + 1})
	if err != nil {
		return talkView{}, err
	}
	read := len(messages)
	messages = fit(messages, p.limit, documentBytes, p.after != "")
	more := len(messages) < read
	talk := r.show(ctx, messages, names)
	if len(messages) == 0 {
		return talk, nil
	}
	at := address{kind: atMessages, ref: string(channel)}
	if more || p.after != "" {
		at.page = page{before: messages[len(messages)-1].ID, limit: p.limit}
		talk.Older = at.String()
	}
	at.page = page{after: messages[0].ID, limit: p.limit}
	talk.Newer = at.String()
	return talk, nil
}

// documentBytes bounds the messages of one document. A page that the backend has cut to
// its own limit is longer, so that here is known of every page whether it is the last.
const documentBytes = 256 << 10

// fit returns as many messages as limit and room allow, and one at least: the newest, or
// when reading onwards the oldest.
func fit(messages []flow.Message, limit, room int, onwards bool) []flow.Message {
	kept := slices.Clone(messages)
	if onwards {
		slices.Reverse(kept)
	}
	for i, m := range kept {
		if room -= sizeOf(m); i == limit || i > 0 && room < 0 {
			kept = kept[:i]
			break
		}
	}
	if onwards {
		slices.Reverse(kept)
	}
	return kept
}

// sizeOf is about what a message takes in a document.
func sizeOf(m flow.Message) int {
	return 256 + len(m.Text) + len(m.OtherData) + 256*len(m.Attachments)
}

func (r *Resources) messages(ctx context.Context, channel flow.ChannelID, f flow.MessageFilters) ([]flow.Message, error) {
	return flow.EnumerateMessages.Call(ctx, r.client, flow.EnumerateMessagesInput{ChannelID: channel, Filters: &f})
}

// show names the authors of messages.
func (r *Resources) show(ctx context.Context, messages []flow.Message, names flow.Names) talkView {
	talk := talkView{Messages: []messageView{}, People: map[string]flow.AccountID{}}
	authors := map[flow.AccountID]string{}
	for _, m := range messages {
		name, known := authors[m.SenderAccountID]
		if !known {
			name = names.Called(ctx, m.SenderAccountID)
			authors[m.SenderAccountID] = name
			talk.People[name] = m.SenderAccountID
		}
		talk.Messages = append(talk.Messages, messageOf(m, name))
	}
	return talk
}

// message returns the id of a message that a client may name by its short reference. That
// is looked for among the newest messages of the channel.
func (r *Resources) message(ctx context.Context, channel flow.ChannelID, called flow.MessageID) (flow.MessageID, error) {
	if !flow.IsRef(string(called)) {
		return called, nil
	}
	reading, _ := flow.ReadAside(ctx)
	newest, err := r.messages(reading, channel, flow.MessageFilters{Limit: flow.MaxMessages})
	if err != nil {
		return "", err
	}
	newest = slices.DeleteFunc(newest, func(m flow.Message) bool { return m.ID.Ref() != string(called) })
	switch len(newest) {
	case 1:
		return newest[0].ID, nil
	case 0:
		return "", flow.Errorf(flow.NotFound, "no message [%s] is among the newest %d of the channel; use its id", called, flow.MaxMessages)
	}
	return "", flow.Errorf(flow.Conflict, "several messages are called [%s]; use the id", called)
}

// readMessage finds one message by its neighbours: there is no call for one alone.
func (r *Resources) readMessage(ctx context.Context, a address) (any, error) {
	channel, names, err := r.find(ctx, a.ref)
	if err != nil {
		return nil, err
	}
	if a.message, err = r.message(ctx, channel.ID, a.message); err != nil {
		return nil, err
	}
	newer, err := r.messages(ctx, channel.ID, flow.MessageFilters{After: a.message, Limit: aroundShown})
	if err != nil {
		return nil, err
	}
	filters := flow.MessageFilters{Limit: aroundShown + 1}
	if len(newer) > 0 {
		filters.Before = newer[len(newer)-1].ID
	}
	older, err := r.messages(ctx, channel.ID, filters)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(older, func(m flow.Message) bool { return m.ID == a.message })
	if i < 0 {
		return nil, flow.Errorf(flow.NotFound, "the channel has no message %s; it may have been deleted", shown(string(a.message)))
	}
	before, after := older[i+1:], append(newer, older[:i]...)
	room := (documentBytes - sizeOf(older[i])) / 2
	nearBefore, nearAfter := fit(before, aroundShown, room, false), fit(after, aroundShown, room, true)
	around := r.show(ctx, append(slices.Clone(nearAfter), nearBefore...), names)
	at := address{kind: atMessages, ref: string(channel.ID)}
	if len(nearBefore) < len(before) {
		at.page = page{before: nearBefore[len(nearBefore)-1].ID}
		around.Older = at.String()
	}
	if len(nearAfter) < len(after) {
		at.page = page{after: nearAfter[0].ID}
		around.Newer = at.String()
	}
	return oneMessageView{
		Channel:     placeOf(channel, names),
		messageView: messageOf(older[i], names.Called(ctx, older[i].SenderAccountID)),
		Around:      around,
	}, nil
}
