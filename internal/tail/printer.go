package tail

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/flow-mcp/flow-mcp/flow"
)

// printer writes messages. As text a message is
//
//	2026-11-26 17:20:05+01:00 Home/general @ana: the first line
//	  | every further line
//	  + file "plan.txt", 120 bytes, flow://attachments/...
//
// in local time, with how far that is from UTC, which is Z itself. Characters that a terminal acts on, or that a reader cannot see, are left
// out, names with odd characters are quoted, and no line but the first of a message begins
// with a digit. As JSON a message is one line with everything in it; there the same
// characters are escaped, so that nothing is lost.
type printer struct {
	out  io.Writer
	dir  *flow.Directory
	json bool
}

// line is a message as JSON.
type line struct {
	Cursor      flow.Cursor     `json:"cursor"`
	ID          flow.MessageID  `json:"id"`
	Time        string          `json:"time"` // RFC 3339, in UTC
	Org         string          `json:"org"`
	OrgID       flow.OrgID      `json:"orgId"`
	Channel     string          `json:"channel"`
	ChannelID   flow.ChannelID  `json:"channelId"`
	Sender      string          `json:"sender"`
	SenderID    flow.AccountID  `json:"senderId"`
	Text        string          `json:"text"`
	OtherData   json.RawMessage `json:"otherData,omitempty"`
	Attachments []file          `json:"attachments,omitempty"`
	Link        string          `json:"link"`

	at time.Time
}

type file struct {
	flow.Attachment
	Link string `json:"link"`
}

// print writes one message with a single write.
func (p *printer) print(ctx context.Context, cursor flow.Cursor, m flow.Message) error {
	l := p.line(ctx, cursor, m)
	if err := ctx.Err(); err != nil {
		return err // its names may be missing; the next run prints it
	}
	if !p.json {
		_, err := io.WriteString(p.out, l.text())
		return err
	}
	raw, err := l.encode()
	if err != nil {
		return err
	}
	_, err = p.out.Write(raw)
	return err
}

func (p *printer) line(ctx context.Context, cursor flow.Cursor, m flow.Message) line {
	at := time.UnixMilli(m.CreationTime)
	l := line{
		Cursor: cursor, ID: m.ID, at: at, Time: at.UTC().Format("2006-01-02T15:04:05.000Z07:00"),
		OrgID: m.OrgID, ChannelID: m.ChannelID, SenderID: m.SenderAccountID, Text: m.Text,
		Link: flow.Link{Channel: m.ChannelID, Message: m.ID}.String(),
	}
	if json.Valid([]byte(m.OtherData)) {
		l.OtherData = json.RawMessage(m.OtherData)
	}
	for _, a := range m.Attachments {
		l.Attachments = append(l.Attachments, file{a, flow.Link{Attachment: a.ID}.String()})
	}
	if names, err := p.dir.Names(ctx); err == nil { // without, ids have to do
		l.Org, l.Channel, l.Sender = names.Org(m.OrgID), names.CalledChannel(m.ChannelID), names.Called(ctx, m.SenderAccountID)
	}
	return l
}

// encode writes the line as JSON.
func (l line) encode() ([]byte, error) {
	raw, err := flow.EncodeVisibly(l)
	return append(raw, '\n'), err
}

// text writes the line for people.
func (l line) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s/%s %s: %s\n", l.at.Local().Format("2006-01-02 15:04:05Z07:00"), shown(l.Org, string(l.OrgID)),
		shown(l.Channel, string(l.ChannelID)), "@"+shown(l.Sender, string(l.SenderID)),
		strings.ReplaceAll(seen(l.Text), "\n", "\n  | "))
	for _, f := range l.Attachments {
		fmt.Fprintf(&out, "  + file %s, %d bytes, %s\n", strconv.Quote(seen(f.Filename)), f.Size, f.Link)
	}
	return out.String()
}

// shown is a name as a part of a line, or what stands for it. It is quoted when it could
// be taken for more than a name.
func shown(name, id string) string {
	name = seen(name)
	if name == "" {
		name = seen(id)
	}
	odd := func(r rune) bool {
		return !unicode.In(r, unicode.Letter, unicode.Mark, unicode.Number) && !strings.ContainsRune("._-@", r)
	}
	if name == "" || strings.ContainsFunc(name, odd) {
		return strconv.Quote(name)
	}
	return name
}

// seen is text without what a reader cannot see.
func seen(text string) string {
	clean, _ := flow.Clean(text)
	return clean
}
