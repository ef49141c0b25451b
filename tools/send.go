package tools

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
)

// sendTool is the tool of [flow.SendMessage]. It also takes files by their paths, tells
// beforehand what it would do, and says of every call what has become of it.
func sendTool() *Tool {
	return composite(Tool{
		Name: toolName(flow.SendMessage.Info().Name), Title: "Send message", Group: flow.MessageGroup, Effect: flow.Writes, OpenWorld: true,
		op: flow.SendMessage, Description: "Send a message, with or without files, to a channel or direct conversation.",
	}, (*call).send)
}

type sendInput struct {
	OrgID     flow.OrgID     `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID flow.ChannelID `jsonschema_description:"Where to."`
	Text      string         `jsonschema_description:"Markdown, up to 65536 bytes."`
	Files     []string       `jsonschema_description:"Absolute paths, or ids of attachments." json:",omitzero" local:"attached"`
	// Files does in fewer words what Attachments does, which the operation takes.
	Attachments    []flow.AttachmentToSend `json:",omitzero" tool:"silent"`
	OtherData      json.RawMessage         `json:",omitzero" tool:"silent"`
	Notify         []flow.AccountID        `jsonschema_description:"Members to alert." json:",omitzero"`
	IdempotencyKey string                  `jsonschema_description:"Repeats with the same key are sent once." jsonschema:"maxLength=128" json:",omitzero"`
	Preview        bool                    `jsonschema_description:"Only show what would be sent, and to whom." json:",omitzero"`
}

// sendState says what has become of a message.
type sendState string

const (
	sent        sendState = "sent"
	alreadySent sendState = "already_sent" // by an earlier call with the same key
	unknown     sendState = "unknown"      // the backend went away meanwhile
	previewed   sendState = "preview"
)

type sendOutput struct {
	Channel   name       `json:"channel"`
	State     sendState  `json:"state" jsonschema:"enum=sent,enum=already_sent,enum=unknown,enum=preview"`
	MessageID safe       `json:"message_id,omitzero"`
	Key       string     `json:"idempotency_key,omitzero"` // with which to repeat what is unknown
	Text      safe       `json:"text,omitzero"`            // of a preview
	CutBytes  int        `json:"cut_bytes,omitzero"`       // of the text, which would be sent whole
	OtherData safe       `json:"other_data,omitzero"`      // of a preview
	CutData   int        `json:"other_data_cut_bytes,omitzero"`
	Hidden    int        `json:"hidden_characters,omitzero"` // in both
	People    int        `json:"people,omitzero"`            // who would read it, beside oneself
	Names     []name     `json:"names,omitzero"`             // of some of them
	Alerted   []name     `json:"notified,omitzero"`
	Files     []sentFile `json:"files,omitzero"`
	Link      string     `json:"link"`

	IDs map[string]string `json:"ids,omitempty"`

	ref string
}

// sentFile is a file of a message, and what went wrong with it.
type sentFile struct {
	ID       flow.AttachmentID `json:"id,omitzero"`
	Filename safe              `json:"filename"`
	CopyOf   safe              `json:"copy_of,omitzero"` // what it was called when it was registered
	Size     int64             `json:"size,omitzero"`
	Problem  safe              `json:"problem,omitzero"`

	path string
}

// send sends a message, or tells what it would send.
func (c *call) send(ctx context.Context, in sendInput) (sendOutput, string, error) {
	v := c.viewer(ctx)
	out := sendOutput{Channel: v.use(v.channel(ctx, in.ChannelID)), Link: flow.Link{Channel: in.ChannelID}.String()}
	if in.Text == "" && len(in.Files)+len(in.Attachments) == 0 {
		return out, "", flow.Errorf(flow.Invalid, "Text is empty; a message needs a text or files")
	}
	if len(in.Text) > flow.MaxText {
		return out, "", flow.Errorf(flow.Invalid, "Text has %d bytes and %d are allowed; send it in parts", len(in.Text), flow.MaxText)
	}
	if len(in.OtherData) > flow.MaxOtherData {
		return out, "", flow.Errorf(flow.Invalid, "OtherData has %d bytes and %d are allowed", len(in.OtherData), flow.MaxOtherData)
	}
	files, err := c.filesOf(ctx, in)
	if err != nil {
		return out, "", err
	}
	if in.Preview {
		return c.preview(ctx, v, in, files, out)
	}
	key, err := c.sendKey(ctx, in.IdempotencyKey)
	if err != nil {
		return out, "", err
	}
	return c.deliver(ctx, v, in, files, key, out)
}

// filesOf looks at the files of a message before anything of it happens.
func (c *call) filesOf(ctx context.Context, in sendInput) ([]sentFile, error) {
	var files []sentFile
	for _, a := range in.Attachments {
		files = append(files, c.registeredFile(ctx, a.ID, a.Filename))
	}
	for _, given := range in.Files {
		if id, is := attachmentIn(given); is {
			files = append(files, c.registeredFile(ctx, id, ""))
			continue
		}
		size, err := c.sizeOf(given)
		if err != nil {
			return nil, prefixed("files", err)
		}
		called, _ := clean(filepath.Base(given))
		files = append(files, sentFile{Filename: called, Size: size, path: given})
	}
	if len(files) > flow.MaxAttachments {
		return nil, flow.Errorf(flow.Invalid, "files: a message can have %d and not %d; send several messages", flow.MaxAttachments, len(files))
	}
	return files, nil
}

// registeredFile is a file that was registered before, as far as this server or the backend
// knows it.
func (c *call) registeredFile(ctx context.Context, id flow.AttachmentID, renamed string) sentFile {
	was, known := c.registered.find(id)
	called, size := was.name, was.Size
	if !known {
		is, _ := flow.DescribeAttachment.Call(ctx, c.client, flow.DescribeAttachmentInput{AttachmentID: id}) // it is nothing where nobody knows it
		called, size = is.Filename, is.Size
	}
	f := sentFile{ID: id, Size: size}
	f.Filename, _ = clean(cmp.Or(renamed, called))
	if called != "" && renamed != "" && renamed != called {
		f.CopyOf, _ = clean(called)
	}
	return f
}

// attachmentIn returns the attachment that stands in place of a path.
func attachmentIn(given string) (flow.AttachmentID, bool) {
	if link, ok := flow.ParseLink(given); ok && link.Attachment != "" {
		return link.Attachment, true
	}
	return flow.AttachmentID(given), flow.IsID(given)
}

// sizeOf returns the size of a file that may be sent.
func (c *call) sizeOf(path string) (int64, error) {
	file, err := c.folders.Open(path, c.roots)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, fmt.Errorf("look at a file to send: %w", err)
	}
	return info.Size(), nil
}

// sendKey returns the key that makes the call repeatable: one that the model can be told
// of, even if it gave none. A backend that keeps no keys has none.
func (c *call) sendKey(ctx context.Context, given string) (string, error) {
	identity, err := c.client.Identity(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case identity.Backend.Idempotent && given == "":
		return uuid.Must(uuid.NewV7()).String(), nil
	case !identity.Backend.Idempotent && given != "":
		return "", flow.Errorf(flow.Unsupported, "%s cannot be kept here: leave it out, and look before you repeat a call", idempotencyKey)
	}
	return given, nil
}

// deliver registers the files, sends the message and waits for the uploads.
func (c *call) deliver(ctx context.Context, v *viewer, in sendInput, files []sentFile, key string, out sendOutput) (sendOutput, string, error) {
	caller := flow.Caller(c.client)
	if key != "" {
		caller = c.client.Keyed(flow.RequestID(key))
	}
	up := uploads{call: c, key: key, files: files}
	if err := up.register(ctx, in); err != nil {
		return out, "", c.undelivered(out, key, err)
	}
	calling, receipt := flow.WithReceipt(ctx)
	id, err := post(calling, caller, flow.SendMessageInput{
		OrgID: in.OrgID, ChannelID: in.ChannelID, Text: in.Text, OtherData: in.OtherData, Attachments: up.toSend(in),
	}, in.Notify)
	if err != nil {
		if !errors.Is(err, flow.Uncertain) {
			up.giveUp(ctx)
		}
		return out, "", c.undelivered(out, key, c.notFound(ctx, in, err))
	}
	shown, _ := clean(string(id))
	out.State, out.MessageID, out.ref = sent, shown, v.refs.of(id)
	out.Link = flow.Link{Channel: in.ChannelID, Message: id}.String()
	// From here on nothing is an error: it would say of a message that was sent that it
	// was not, and what is said so is sent again.
	if receipt.Repeated() {
		out.State = alreadySent
		up.recall(ctx, in.ChannelID, id)
	} else {
		up.follow(ctx)
	}
	out.Files, out.IDs = up.files, v.ids
	return out, out.said(), nil
}

// notFound says in the words of this tool which of the things that were given by their
// identifiers the engine has not found.
func (c *call) notFound(ctx context.Context, in sendInput, err error) error {
	if !errors.Is(err, flow.NotFound) {
		return err
	}
	for _, id := range in.Notify {
		if strings.Contains(err.Error(), string(id)) {
			names := c.namer(ctx)
			return flow.Errorf(flow.NotFound, "notify: %s is not in %s; leave it out, or add it with ChannelAddMember",
				names.account(ctx, id).inline(), names.channel(ctx, in.ChannelID).inline())
		}
	}
	for _, given := range in.Files {
		if id, is := attachmentIn(given); is && strings.Contains(err.Error(), string(id)) {
			return flow.Errorf(flow.NotFound, "files: %q is none that you have registered and not sent; "+
				"to send a file of a message on, save it with %s and give its path", id, saveName)
		}
	}
	return err
}

// post sends a message by the operation that can alert people, if some are to be.
func post(ctx context.Context, caller flow.Caller, in flow.SendMessageInput, alert []flow.AccountID) (flow.MessageID, error) {
	if len(alert) == 0 {
		return flow.SendMessage.Call(ctx, caller, in)
	}
	return flow.SendMessageWithNotification.Call(ctx, caller, flow.SendMessageWithNotificationInput{
		SendMessageInput: in, PushNotifyAccountIDs: alert,
	})
}

// undelivered is the error of a message of which nobody knows whether it was sent, in a
// form that says how to find out; any other error is left as it is.
func (c *call) undelivered(out sendOutput, key string, err error) error {
	if !errors.Is(err, flow.Uncertain) {
		return err
	}
	out.State, out.Key = unknown, key
	text := "It is not known whether the message was sent: " + describe(err)
	if key == "" {
		text += " Read the channel before you send it again."
	} else {
		text += fmt.Sprintf(" Call again with the same arguments and %s=%s: that sends it once at most, and says what is true.", idempotencyKey, safe(key).inline())
	}
	return &told{answer: answer{text: text, structured: out}, err: err}
}

// told is an error that is a result of its own.
type told struct {
	answer
	err error
}

func (t *told) Error() string { return t.text }
func (t *told) Unwrap() error { return t.err }

// said is the text of what was done.
func (o sendOutput) said() string {
	what := "sent"
	if o.State == alreadySent {
		what = "already sent by an earlier call with the same " + idempotencyKey + ", and not again"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s. Message [%s] %s", o.Channel.inline(), what, o.ref, o.Link)
	writeFiles(&out, o.Files)
	return out.String()
}

func writeFiles(out *strings.Builder, files []sentFile) {
	for _, f := range files {
		fmt.Fprintf(out, "\n  + file %s", f.Filename.quoted())
		if f.CopyOf != "" {
			fmt.Fprintf(out, ", a copy of %s", f.CopyOf.quoted())
		}
		if f.Size > 0 {
			fmt.Fprintf(out, ", %d bytes", f.Size)
		}
		if f.ID != "" {
			fmt.Fprintf(out, ", id %s", f.ID)
		}
		if f.Problem != "" {
			fmt.Fprintf(out, ": %s", f.Problem.inline())
		}
	}
}

// namesShown is how many readers a preview names.
const namesShown = 20

// preview says what would be sent, to whom, as it is understood, and sends nothing.
func (c *call) preview(ctx context.Context, v *viewer, in sendInput, files []sentFile, out sendOutput) (sendOutput, string, error) {
	members, err := flow.EnumerateChannelMembers.Call(ctx, c.client, flow.EnumerateChannelMembersInput{ChannelID: in.ChannelID})
	if err != nil {
		return out, "", err
	}
	me, err := c.client.Identity(ctx)
	if err != nil {
		return out, "", err
	}
	members = slices.DeleteFunc(members, func(m flow.ChannelMember) bool { return m.State == flow.Banned || m.AccountID == me.AccountID })
	out.State, out.People, out.Files = previewed, len(members), files
	for _, m := range members[:min(len(members), namesShown)] {
		out.Names = append(out.Names, v.use(v.account(ctx, m.AccountID)))
	}
	readers := listed(out.Names)
	if more := out.People - len(out.Names); more > 0 {
		readers += fmt.Sprintf(" and %d more", more)
	}
	for _, id := range in.Notify {
		out.Alerted = append(out.Alerted, v.use(v.account(ctx, id)))
	}
	out.IDs = v.ids
	var text strings.Builder
	fmt.Fprintf(&text, "Nothing was sent. It would go to %s (%s), %s.", out.Channel.inline(), out.Link, others(out.People, readers))
	if len(out.Alerted) > 0 {
		fmt.Fprintf(&text, "\nAlerted: %s", listed(out.Alerted))
	}
	out.Text, out.CutBytes, out.Hidden = previewPart(&text, "Text", in.Text)
	if data, given := c.resolved["OtherData"]; given {
		raw, err := marshal(data)
		if err != nil {
			return out, "", err
		}
		var hidden int
		out.OtherData, out.CutData, hidden = previewPart(&text, "Other data", string(raw))
		out.Hidden += hidden
	}
	writeFiles(&text, files)
	return out, text.String(), nil
}

// previewPart writes what would be sent as a part of a message: the beginning of a long one.
func previewPart(out *strings.Builder, title, given string) (shown safe, left, hidden int) {
	part := strings.ToLower(title)
	shown, hidden = clean(given)
	shown, left = shown.cut(entryBytes)
	if shown != "" {
		fmt.Fprintf(out, "\n%s: %s", title, shown.block())
	}
	if left > 0 {
		fmt.Fprintf(out, "\n%d more bytes of the %s are cut here; without %s it is sent whole, as you gave it.", left, part, previewName)
	}
	if hidden > 0 {
		fmt.Fprintf(out, "\n%s in the %s would go with it.", count(hidden, "hidden character"), part)
	}
	return shown, left, hidden
}

// others says who reads a channel beside oneself.
func others(n int, readers string) string {
	switch n {
	case 0:
		return "where nobody else is"
	case 1:
		return "1 other person: " + readers
	}
	return fmt.Sprintf("%d other people: %s", n, readers)
}

func listed(names []name) string {
	var all []string
	for _, one := range names {
		all = append(all, one.inline())
	}
	return strings.Join(all, ", ")
}
