package sqlite

import (
	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// emit appends an event to the log and returns its place. T ties the data to the kind.
func emit[T any](t *tx, kind *flow.Event[T], to audience, data T) (flow.Cursor, error) {
	raw := kind.Make(0, data).Data
	t.seq++
	t.events = append(t.events, &logEvent{seq: t.seq, kind: kind.Type(), to: to, data: raw, size: len(raw) + 200})
	return t.seq, t.AddEvent(t.ctx, db.AddEventParams{
		Seq: t.seq, Kind: string(kind.Type()), Data: string(raw),
		Account: nullable(to.account), Channel: nullable(to.channel), Org: nullable(to.org), Admins: to.admins,
	})
}

// tell appends an event about an account to the log, for the account itself and for all
// who share a team with it. Who shares several sees it once.
func tell[T any](t *tx, kind *flow.Event[T], about int64, data T) (flow.Cursor, error) {
	seq, err := emit(t, kind, audience{account: about}, data)
	if err != nil {
		return seq, err
	}
	t.events[len(t.events)-1].teams, err = t.AddEventTeams(t.ctx, int64(seq), about)
	return seq, err
}

// withdraw takes an event out of the log. Its row holds the place for as long as it is the
// last one, since the log must not become shorter.
func (t *tx) withdraw(seq flow.Cursor) error {
	t.deleted = append(t.deleted, seq)
	if err := t.WithdrawEvent(t.ctx, seq); err != nil {
		return err
	}
	return t.DropWithdrawn(t.ctx, t.seq)
}

// post appends a message to the log. It reports false when a message with the same uid
// is there already; nothing has changed then.
func (t *tx) post(channel int64, m flow.Message, uid []byte, author int64) (bool, error) {
	last, err := t.ending(channel)
	if err == nil && last.Created-m.CreationTime > clockSlack.Milliseconds() {
		err = t.SetAhead(t.ctx, t.seq, channel)
	}
	if err != nil {
		return false, err
	}
	n, err := t.AddMessage(t.ctx, db.AddMessageParams{
		Seq: t.seq + 1, Channel: channel, Chseq: last.Number + 1, Uid: uid, Author: author,
		Created: m.CreationTime, Body: m.Text, Other: m.OtherData, Attachments: m.Attachments,
	})
	if err != nil || n == 0 {
		return false, err
	}
	t.seq++
	t.endings[channel] = db.LastMessageRow{Number: last.Number + 1, Created: m.CreationTime}
	t.events = append(t.events, &logEvent{
		seq: t.seq, kind: flow.MessageEvent.Type(), to: audience{channel: channel}, author: author,
		message: &m, size: len(m.Text) + len(m.OtherData) + 400*len(m.Attachments) + 800,
	})
	return true, nil
}

// ending returns the number and the date of a channel's newest message.
func (t *tx) ending(channel int64) (db.LastMessageRow, error) {
	if last, known := t.endings[channel]; known {
		return last, nil
	}
	if len(t.endings) >= maxTargets {
		clear(t.endings)
	}
	return t.LastMessage(t.ctx, channel)
}

// messageOf returns a message of the log as callers see it.
func messageOf(r db.MessagesBetweenRow) flow.Message {
	return flow.Message{
		ID: messageID(r.Uid), OrgID: r.Org, ChannelID: r.Channel, SenderAccountID: r.Author,
		Text: r.Body, CreationTime: r.Created, OtherData: r.Other, Attachments: r.Attachments,
	}
}

// messageID is the public id of a message.
func messageID(uid []byte) flow.MessageID { return flow.MessageID(flow.EncodeID(uid)) }
