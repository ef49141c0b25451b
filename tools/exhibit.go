package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/folders"
)

// What a reference or a path alone would not tell a person, a witness looks up.

// ownText is how much of an own message a question shows, in bytes.
const ownText = 80

// message says whose a message is, from when and how long, and how an own one begins.
func (w *witness) message(ctx context.Context, id flow.MessageID) string {
	ref := "[" + w.refs.of(id) + "]"
	reading, receipt := flow.WithReceipt(ctx)
	m, err := w.messageIn(reading, w.channel, id)
	switch {
	case err != nil:
		return ref + ", which cannot be read"
	case m.ID == "" && receipt.Missing().Deleted > 0:
		return ref + ", which is already deleted"
	case m.ID == "":
		return ref + ", which is not in the channel"
	}
	said := fmt.Sprintf("%s of %s by %s, %s", ref, second(m.CreationTime),
		quote(string(w.names.account(ctx, m.SenderAccountID))), count(utf8.RuneCountInString(m.Text), "character"))
	if n := len(m.Attachments); n > 0 {
		said += " and " + count(n, "file")
	}
	if m.SenderAccountID == w.me && m.Text != "" {
		said += ", which begins: " + quoteUpTo(m.Text, ownText)
	}
	return said
}

// together says of messages that are not told one by one how many are whose, and from when,
// so that nothing that matters hides behind what does not.
func (w *witness) together(ctx context.Context, ids []any) string {
	var found []flow.Message
	authors, others := map[flow.AccountID]bool{}, 0
	for _, id := range ids {
		text, _ := id.(string)
		m, err := w.messageIn(ctx, w.channel, flow.MessageID(text))
		if err != nil || m.ID == "" {
			continue
		}
		found = append(found, m)
		authors[m.SenderAccountID] = true
		if m.SenderAccountID != w.me {
			others++
		}
	}
	said := ""
	if len(found) > 0 {
		byTime := func(a, b flow.Message) int { return cmp.Compare(a.CreationTime, b.CreationTime) }
		said = fmt.Sprintf(", by %s, %d of them not by you, from %s to %s", count(len(authors), "author"), others,
			second(slices.MinFunc(found, byTime).CreationTime), second(slices.MaxFunc(found, byTime).CreationTime))
	}
	if n := len(ids) - len(found); n > 0 {
		said += fmt.Sprintf(", %d of which cannot be read", n)
	}
	return said
}

// second says when something was made, such as a message, in milliseconds since 1970.
func second(made int64) string {
	return instant(made).Format("2006-01-02 15:04:05 UTC")
}

// messageIn reads one message of a channel for a question, which no model reads. It is the
// zero Message when there is none.
func (s *service) messageIn(ctx context.Context, ch flow.Channel, id flow.MessageID) (flow.Message, error) {
	reading, _ := flow.ReadAside(ctx)
	found, err := flow.EnumerateMessages.Call(reading, s.client, flow.EnumerateMessagesInput{
		OrgID: ch.OrgID, ChannelID: ch.ID, Filters: &flow.MessageFilters{Message: id, Limit: 1},
	})
	for _, m := range found {
		if m.ID == id { // a backend of another make may know no such filter
			return m, err
		}
	}
	return flow.Message{}, err
}

// device names a device of the account.
func (w *witness) device(ctx context.Context, id flow.DeviceID) string {
	all, err := flow.GetDevices.Call(ctx, w.client, flow.GetDevicesInput{})
	for _, d := range all {
		if d.ID == id && err == nil {
			return fmt.Sprintf("%s (%s), made %s", quote(d.Name), quote(string(id)), instant(d.CreationTime).Format("2006-01-02"))
		}
	}
	return quote(string(id)) + ", which is not among the devices of the account"
}

// file says of a path first what the file is called and how large it is, then where it
// lies. What is sent must be what is looked at here ([call.copyOf]).
func (w *witness) file(ctx context.Context, p *field, path string) (string, error) {
	switch p.local {
	case targetFolder:
		return quote(path), nil
	case targetFile:
		return quote(filepath.Base(path)) + " in " + quote(filepath.Dir(path)), nil
	case attachedFile:
		if id, is := attachmentIn(path); is {
			return w.attachment(ctx, id), nil
		}
	}
	seen, err := w.folders.Look(ctx, path, w.roots)
	if err != nil {
		return "", err
	}
	w.bind(path, seen.Sum)
	return sighted(filepath.Base(path), seen), nil
}

// sighted describes a file that is called name where it is sent.
func sighted(name string, seen folders.Sight) string {
	said := fmt.Sprintf("%s, %d bytes, in %s", quoteAll(name), seen.Size, quote(filepath.Dir(seen.Path)))
	if real := filepath.Base(seen.Path); real != name {
		said += ", a link to " + quote(real)
	}
	return said
}

// bind makes the yes hold for the content of a file alone.
func (w *witness) bind(file string, sum folders.Sum) {
	if w.asked == nil {
		w.asked = map[string]folders.Sum{}
	}
	w.asked[file] = sum
}

// attachment says what a file was when this server registered it, whatever it shall be
// called in the message. Of others, such as those of messages and those that were
// registered before this server was started, it says what the backend knows.
func (w *witness) attachment(ctx context.Context, id flow.AttachmentID) string {
	said := "the attachment " + quote(string(id))
	if was, known := w.registered.find(id); known {
		w.bind(string(id), was.Sum)
		return said + ", a copy of " + sighted(was.name, was.Sight)
	}
	is, err := flow.DescribeAttachment.Call(ctx, w.client, flow.DescribeAttachmentInput{AttachmentID: id})
	switch {
	case errors.Is(err, flow.NotFound):
		return said + ", which is not there"
	case err != nil:
		return said + ", of which this backend does not tell what it is"
	}
	said += fmt.Sprintf(", %s, %d bytes, ", quoteAll(is.Filename), is.Size)
	if is.ChannelID == "" {
		return said + "registered on " + second(is.CreationTime) + " and not sent yet"
	}
	return said + fmt.Sprintf("a file of %s in %s", w.thing(ctx, accountID, string(is.AccountID)), w.thing(ctx, channelID, string(is.ChannelID)))
}

// document shows all of some JSON.
func (w *witness) document(value any) (string, error) {
	raw, err := marshal(value)
	if err != nil {
		return "", err
	}
	said := count(len(raw), "byte") + " of JSON"
	if w.sends {
		said += " to be sent"
	}
	return w.whole(string(raw), said), nil
}
