package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// SendMessage implements [flow.Engine]. The request id of the call becomes the id of the
// message, so that sending twice under one id makes one message.
func (e *Engine) SendMessage(ctx context.Context, call flow.Call, in flow.SendMessageInput) (flow.MessageID, error) {
	return e.send(ctx, call, "SendMessage", flow.SendMessageWithNotificationInput{SendMessageInput: in})
}

// SendMessageWithNotification implements [flow.Engine]. What is sent twice alerts once.
func (e *Engine) SendMessageWithNotification(ctx context.Context, call flow.Call, in flow.SendMessageWithNotificationInput) (flow.MessageID, error) {
	if len(in.PushNotifyAccountIDs) > flow.MaxNotified {
		return "", flow.Errorf(flow.Invalid, "PushNotifyAccountIDs names %d accounts and %d are allowed", len(in.PushNotifyAccountIDs), flow.MaxNotified)
	}
	return e.send(ctx, call, "SendMessageWithNotification", in)
}

// send sends a message and alerts some members of its channel.
func (e *Engine) send(ctx context.Context, call flow.Call, method string, in flow.SendMessageWithNotificationInput) (flow.MessageID, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return "", err
	}
	other, err := checkMessage(in.SendMessageInput)
	if err != nil {
		return "", err
	}
	uid, err := requestUID(call, string(self.id))
	if err != nil {
		return "", err
	}
	if uid == nil {
		fresh := uuid.Must(uuid.NewV7())
		uid = fresh[:]
	}
	m := flow.Message{
		ID: messageID(uid), ChannelID: in.ChannelID, SenderAccountID: self.id,
		Text: in.Text, OtherData: other, Attachments: []flow.Attachment{},
	}
	deliver := func(t *tx) error { return e.deliver(ctx, t, self, method, m, in) }
	if len(in.PushNotifyAccountIDs) > 0 { // the message does not say who they were, so the ledger does
		return once(ctx, e, call, method, string(self.id), func(t *tx) (flow.MessageID, error) { return m.ID, deliver(t) })
	}
	if err := e.store.writer.do(ctx, len(in.Attachments) == 0, deliver); err != nil {
		return "", e.store.explain(err)
	}
	return m.ID, nil
}

// deliver posts a message, unless it is there already.
func (e *Engine) deliver(ctx context.Context, t *tx, self *who, method string, m flow.Message, in flow.SendMessageWithNotificationInput) error {
	ch, err := e.sender(t, self, method, in.ChannelID, in.OrgID)
	if err != nil {
		return err
	}
	m.OrgID, m.CreationTime = ch.org, t.now
	uid, _ := flow.DecodeID(string(m.ID))
	var fresh bool
	if len(in.Attachments) == 0 {
		fresh, err = t.post(ch.id, m, uid, self.account)
	} else {
		fresh, err = t.postFiles(self, ch, m, uid, in.Attachments)
	}
	switch {
	case err == nil && !fresh:
		flow.NoteRepeated(ctx)
		err = t.sameMessage(uid, ch.id, m, self.account, in)
	case err == nil:
		err = t.alert(self, ch, m, in.PushNotifyAccountIDs)
	}
	return err
}

// postFiles is post of a message that has files.
func (t *tx) postFiles(self *who, to target, m flow.Message, uid []byte, wanted []flow.AttachmentToSend) (fresh bool, err error) {
	if _, err := t.MessageByUID(t.ctx, uid); !errors.Is(err, sql.ErrNoRows) {
		return false, err // of one that is there, the files may be gone by now
	}
	files, keys, err := t.filesFor(self, to.org, wanted)
	if err != nil {
		return false, err
	}
	m.Attachments = files
	if _, err := t.post(to.id, m, uid, self.account); err != nil {
		return false, err
	}
	return true, t.attach(self, m, keys)
}

// checkMessage refuses what cannot be sent, and returns the metadata as it is kept.
func checkMessage(in flow.SendMessageInput) (other string, err error) {
	switch {
	case !utf8.ValidString(in.Text):
		return "", flow.Errorf(flow.Invalid, "Text is not valid UTF-8")
	case len(in.Text) > flow.MaxText:
		return "", flow.Errorf(flow.Invalid, "Text has %d bytes and %d are allowed; send it in parts", len(in.Text), flow.MaxText)
	case strings.TrimSpace(in.Text) == "" && len(in.Attachments) == 0:
		return "", flow.Errorf(flow.Invalid, "Text is empty or blank; a message needs a text or an attachment")
	case len(in.OtherData) > flow.MaxOtherData:
		return "", flow.Errorf(flow.Invalid, "OtherData has %d bytes and %d are allowed", len(in.OtherData), flow.MaxOtherData)
	}
	if err := checkFiles(in.Attachments); err != nil {
		return "", err
	}
	trimmed := bytes.TrimSpace(in.OtherData)
	if len(trimmed) == 0 || string(trimmed) == "null" {
		return "", nil
	}
	var compact bytes.Buffer
	if trimmed[0] != '{' || !utf8.Valid(trimmed) || json.Compact(&compact, trimmed) != nil {
		return "", flow.Errorf(flow.Invalid, "OtherData must be a JSON object or null")
	}
	return compact.String(), nil
}

// target is a channel that messages are sent to. What it says never changes.
type target struct {
	id  int64
	org flow.OrgID
}

// maxTargets bounds how many channels the writer remembers.
const maxTargets = 10_000

// sender returns the channel that an account may send to. What the session sees tells its
// state there, as long as nothing in this batch has changed a membership.
func (e *Engine) sender(t *tx, self *who, method string, id flow.ChannelID, org flow.OrgID) (target, error) {
	to, known := t.targets[id]
	if known && (org == "" || org == to.org) && len(t.changes) == 0 {
		return to, allow(method, "channel", e.store.hub.stateIn(self.view, to.id))
	}
	ch, err := channelFor(t.ctx, t.Queries, self, method, id, org)
	if err != nil {
		return to, err
	}
	if len(t.targets) >= maxTargets {
		clear(t.targets)
	}
	t.targets[id] = target{ch.ID, ch.OrgPublic}
	return t.targets[id], nil
}

// sameMessage accepts a uid that is taken when the message that has it is this one. What a
// deleted one said is not known any more. One that has alerted somebody is in the ledger,
// which has been asked when this one is to.
func (t *tx) sameMessage(uid []byte, channel int64, m flow.Message, author int64, in flow.SendMessageWithNotificationInput) error {
	row, err := t.MessageContent(t.ctx, uid)
	if err != nil {
		return err
	}
	alerted, err := t.IsRequest(t.ctx, uid)
	switch {
	case err != nil:
		return err
	case row.Channel != channel || row.Author != author || alerted || len(in.PushNotifyAccountIDs) > 0:
		return errOtherMessage
	case row.Deleted != 0:
		return nil
	case row.Body != m.Text || row.Other != m.OtherData || !slices.EqualFunc(row.Attachments, in.Attachments, isFile):
		return errOtherMessage
	}
	return nil
}

var errOtherMessage = flow.Errorf(flow.Conflict, "this RequestID was used for another message; give each message its own")

// EnumerateMessages implements [flow.Engine].
func (e *Engine) EnumerateMessages(ctx context.Context, call flow.Call, in flow.EnumerateMessagesInput) ([]flow.Message, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	ch, err := channelFor(ctx, e.store.read, self, "EnumerateMessages", in.ChannelID, in.OrgID)
	if err != nil {
		return nil, e.store.explain(err)
	}
	read, err := e.history(ctx, channel{id: ch.ID, public: in.ChannelID, orgPublic: ch.OrgPublic}, in.Filters, live(e.store.read))
	if err != nil {
		return nil, err
	}
	return read, e.store.explain(e.noteMissing(ctx, ch, in.Filters, read))
}

// pages reads the messages of a channel from either end.
type pages struct {
	newest func(context.Context, db.NewestMessagesParams) ([]db.NewestMessagesRow, error)
	oldest func(context.Context, db.OldestMessagesParams) ([]db.OldestMessagesRow, error)
}

// live are the messages that are there.
func live(q *db.Queries) pages { return pages{q.NewestMessages, q.OldestMessages} }

// maxPlace is behind every place in the log.
const maxPlace flow.Cursor = math.MaxInt64

// history reads a part of a channel, newest first.
func (e *Engine) history(ctx context.Context, ch channel, filters *flow.MessageFilters, from pages) ([]flow.Message, error) {
	var f flow.MessageFilters
	if filters != nil {
		f = *filters
	}
	if f.Limit < 0 || f.Limit > flow.MaxMessages {
		return nil, flow.Errorf(flow.Invalid, "Filters.Limit must be between 1 and %d", flow.MaxMessages)
	}
	if f.Limit == 0 {
		f.Limit = flow.MaxMessages + 1 // the last only tells whether there are more
	}
	after, before, err := e.bounds(ctx, ch.id, f)
	if err != nil {
		return nil, err
	}
	args := db.NewestMessagesParams{Channel: ch.id, After: after, Before: before, Most: int64(f.Limit)}
	messages, cut, err := from.read(ctx, args, f.After == "")
	if err != nil {
		return nil, e.store.explain(err)
	}
	flow.NoteMissing(ctx, flow.Missing{Older: cut && f.After == "", Newer: cut && f.After != ""})
	for i := range messages {
		messages[i].OrgID, messages[i].ChannelID = ch.orgPublic, ch.public
	}
	return messages, nil
}

// bounds returns the places between which lies what filters select.
func (e *Engine) bounds(ctx context.Context, channel int64, f flow.MessageFilters) (after, before flow.Cursor, err error) {
	if after, err = e.anchor(ctx, channel, "Filters.After", f.After, 0); err != nil {
		return 0, 0, err
	}
	if before, err = e.anchor(ctx, channel, "Filters.Before", f.Before, maxPlace); err != nil {
		return 0, 0, err
	}
	if f.Message == "" {
		return after, before, nil
	}
	only, err := e.anchor(ctx, channel, "Filters.Message", f.Message, 0)
	return max(after, only-1), min(before, only+1), err
}

// anchor returns the place of a message that a filter names.
func (e *Engine) anchor(ctx context.Context, channel int64, name string, id flow.MessageID, none flow.Cursor) (flow.Cursor, error) {
	if id == "" {
		return none, nil
	}
	row, err := messageIn(ctx, e.store.read, channel, id)
	if errors.Is(err, flow.NotFound) {
		return 0, flow.Errorf(flow.NotFound, "%s: %s", name, err)
	}
	return row.Seq, e.store.explain(err)
}

// messageIn returns a message of a channel, also a deleted one.
func messageIn(ctx context.Context, q *db.Queries, channel int64, id flow.MessageID) (db.MessageByUIDRow, error) {
	uid, ok := flow.DecodeID(string(id))
	if ok && len(uid) == 16 {
		row, err := q.MessageByUID(ctx, uid)
		if err == nil && row.Channel == channel {
			return row, nil
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return row, err
		}
	}
	return db.MessageByUIDRow{}, flow.Errorf(flow.NotFound, "there is no message %q in this channel", clip(string(id)))
}

// read returns messages newest first: the newest between two places, or the oldest, and
// whether it had to leave some out.
func (p pages) read(ctx context.Context, args db.NewestMessagesParams, newest bool) (list []flow.Message, cut bool, err error) {
	if newest {
		rows, err := p.newest(ctx, args)
		list, cut = page(rows)
		return list, cut, err
	}
	rows, err := p.oldest(ctx, db.OldestMessagesParams(args))
	turned := make([]db.NewestMessagesRow, len(rows))
	for i, row := range rows {
		turned[i] = db.NewestMessagesRow(row)
	}
	list, cut = page(turned)
	slices.Reverse(list)
	return list, cut, err
}

// page makes messages of rows, fewer when they are so many or so long that an answer could
// not hold them.
func page(rows []db.NewestMessagesRow) (list []flow.Message, cut bool) {
	size := 0
	for i, r := range rows {
		if i == flow.MaxMessages || size > maxPageBytes {
			return messagesOf(rows[:i]), true
		}
		size += rowSize(r)
	}
	return messagesOf(rows), false
}

func rowSize(r db.NewestMessagesRow) int { return messageSize(r.Body, r.Other, r.Attachments) }

func messagesOf(rows []db.NewestMessagesRow) []flow.Message {
	list := make([]flow.Message, len(rows))
	for i, r := range rows {
		list[i] = flow.Message{
			ID: messageID(r.Uid), SenderAccountID: r.Public, Text: r.Body,
			CreationTime: r.Created, OtherData: r.Other, Attachments: r.Attachments,
		}
	}
	return list
}

// MarkMessagesDeleted implements [flow.Engine].
func (e *Engine) MarkMessagesDeleted(ctx context.Context, call flow.Call, in flow.MarkMessagesDeletedInput) (flow.Nothing, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	if len(in.Messages) == 0 || len(in.Messages) > flow.MaxMessages {
		return flow.Nothing{}, flow.Errorf(flow.Invalid, "Messages must hold 1 to %d message ids", flow.MaxMessages)
	}
	gone := 0
	none, err := once(ctx, e, call, "MarkMessagesDeleted", string(self.id), func(t *tx) (none flow.Nothing, err error) {
		ch, err := channelFor(t.ctx, t.Queries, self, "MarkMessagesDeleted", in.ChannelID, in.OrgID)
		if err != nil {
			return none, err
		}
		doomed, err := t.chosen(self, ch, in.Messages)
		if err != nil {
			return none, err
		}
		gone = len(in.Messages) - len(doomed)
		return none, t.remove(channel{id: ch.ID, org: ch.Org, public: in.ChannelID, orgPublic: ch.OrgPublic}, doomed)
	})
	if err == nil {
		flow.NoteMissing(ctx, flow.Missing{Deleted: gone})
	}
	return none, err
}

// chosen returns those of some messages that are still there. All must be such that the
// account may delete.
func (t *tx) chosen(self *who, ch db.ChannelForRow, refs []flow.MessageRef) ([]doomed, error) {
	var list []doomed
	for _, ref := range refs {
		row, err := messageIn(t.ctx, t.Queries, ch.ID, ref.MessageID)
		if err != nil {
			return nil, err
		}
		if row.Author != self.account {
			if err := allow(deleteOthers, "channel", flow.MemberState(ch.State)); err != nil {
				return nil, amongTwo(ch.One.Valid, err)
			}
		}
		if row.Deleted == 0 {
			list = append(list, doomed{row.Seq, ref.MessageID})
		}
	}
	return list, nil
}

// clip shortens foreign text for an error message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
