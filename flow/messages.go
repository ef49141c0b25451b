package flow

import (
	"context"
	"encoding/json"
)

// MessageGroup holds messages.
const MessageGroup Group = "messages"

// Limits of messages.
const (
	// MaxText is the longest message text, in bytes of UTF-8.
	MaxText = 64 << 10
	// MaxOtherData is the longest client metadata of a message, in bytes of JSON.
	MaxOtherData = 64 << 10
	// MaxMessages is the most that one EnumerateMessages returns.
	MaxMessages = 1000
	// MaxPage is where one answer with messages is full, in bytes of JSON: the message with
	// which it is longer is the last.
	MaxPage = 8 << 20
	// MaxNotified is how many accounts one SendMessageWithNotification alerts.
	MaxNotified = 100
)

// Messages is the group of calls about messages.
type Messages interface {
	SendMessage(context.Context, Call, SendMessageInput) (MessageID, error)
	SendMessageWithNotification(context.Context, Call, SendMessageWithNotificationInput) (MessageID, error)
	EnumerateMessages(context.Context, Call, EnumerateMessagesInput) ([]Message, error)
	MarkMessagesDeleted(context.Context, Call, MarkMessagesDeletedInput) (Nothing, error)
}

// The rows of the group.
var (
	SendMessage = define(MessageGroup, "SendMessage", Writes,
		"Send a message to a channel or direct conversation. It reaches every member at once.", Engine.SendMessage)
	SendMessageWithNotification = define(MessageGroup, "SendMessageWithNotification", Writes,
		"Send a message and alert some of the channel's members in particular, unless they have muted its sender, channel or team.",
		Engine.SendMessageWithNotification)
	EnumerateMessages = define(MessageGroup, "EnumerateMessages", Reads,
		"Read the messages of a channel, newest first. Page back with Filters.Before.", Engine.EnumerateMessages)
	MarkMessagesDeleted = define(MessageGroup, "MarkMessagesDeleted", Destroys,
		"Delete messages of a channel for everybody: one's own, or anybody's as an owner or admin of the channel.", Engine.MarkMessagesDeleted)
)

// Message is one message. Flow: Message; orgId is proposed.
type Message struct {
	ID              MessageID    `json:"id" jsonschema_description:"Message id."`
	OrgID           OrgID        `json:"orgId" jsonschema_description:"Team."`
	ChannelID       ChannelID    `json:"channelId" jsonschema_description:"Channel."`
	SenderAccountID AccountID    `json:"senderAccountId" jsonschema_description:"Author."`
	Text            string       `json:"text" jsonschema_description:"Body, exactly as it was sent."`
	CreationTime    int64        `json:"creationTime" jsonschema_description:"When it was sent, in milliseconds since 1970 UTC."`
	OtherData       string       `json:"otherData" jsonschema_description:"The sender's metadata as JSON text; empty when there is none."`
	Attachments     []Attachment `json:"attachments" jsonschema_description:"Files, empty when there are none."`
}

// Attachment is a reference to a file inside a message. Flow: Attachment; size is proposed.
type Attachment struct {
	ID       AttachmentID `json:"id" jsonschema_description:"Attachment id."`
	Filename string       `json:"filename" jsonschema_description:"Base name of the file."`
	Size     int64        `json:"size" jsonschema_description:"Bytes." jsonschema:"minimum=0"`
}

// SendMessageInput is a message to send. Flow: SendMessage.
type SendMessageInput struct {
	OrgID       OrgID              `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID   ChannelID          `jsonschema_description:"Channel or direct conversation."`
	Text        string             `jsonschema_description:"Message body, up to 65536 bytes. Markdown is passed on as it is."`
	OtherData   json.RawMessage    `jsonschema_description:"Metadata object stored beside the text; 'highlighted' lists mentioned account ids." json:",omitzero"`
	Attachments []AttachmentToSend `jsonschema_description:"Files made with NewAttachment." json:",omitzero"`
}

// SendMessageWithNotificationInput is a message to send and whom to alert. Flow:
// SendMessageWithNotification, whose alert was a push to the mobile devices of an account.
// Here each device of the account gets a notify-event with the code [Alerted] after the
// message; source: proposed.
type SendMessageWithNotificationInput struct {
	SendMessageInput
	PushNotifyAccountIDs []AccountID `jsonschema_description:"Members of the channel to alert, at most 100. Your own account is passed over." json:",omitzero"`
}

// AttachmentToSend names a file in a message to send. Flow: objects of id and filename.
type AttachmentToSend struct {
	ID       AttachmentID `json:"id" jsonschema_description:"Attachment id."`
	Filename string       `json:"filename" jsonschema_description:"Base name; empty keeps the registered one."`
}

// EnumerateMessagesInput selects messages. Flow: EnumerateMessages, newest first.
type EnumerateMessagesInput struct {
	OrgID     OrgID           `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID ChannelID       `jsonschema_description:"Channel."`
	Filters   *MessageFilters `jsonschema_description:"Which messages; the newest ones when left out." json:",omitzero"`
}

// MessageFilters select a part of a channel's history. Flow names no keys; these are
// proposed. Without a limit the newest [MaxMessages] are returned. Long messages can make
// them fewer than the limit, since an answer is full at [MaxPage]: fewer are no sign of the
// end, which an empty answer is. Our own backends say beside a result that ended before its
// limit, or for want of one, "missing":{"older":true}, or with After "missing":{"newer":true}:
// the rest is before, or after, the last that was told.
type MessageFilters struct {
	Limit   int       `jsonschema_description:"At most this many, up to 1000." jsonschema:"minimum=0,maximum=1000" json:",omitzero"`
	Before  MessageID `jsonschema_description:"Only messages older than this one." json:",omitzero"`
	After   MessageID `jsonschema_description:"Only messages newer than this one: those that follow it, up to Limit, newest first as always." json:",omitzero"`
	Message MessageID `jsonschema_description:"Only this message." json:",omitzero"`
}

// MarkMessagesDeletedInput names the messages. Flow: MarkMessagesDeleted.
type MarkMessagesDeletedInput struct {
	OrgID     OrgID        `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID ChannelID    `jsonschema_description:"Channel."`
	Messages  []MessageRef `jsonschema_description:"Ids of the messages, at most 1000."`
}

// MessageRef is a message id. Programs also send whole message objects, of which the id
// is read.
type MessageRef struct{ MessageID }

// UnmarshalJSON reads an id or an object that has one.
func (r *MessageRef) UnmarshalJSON(data []byte) error {
	var whole struct {
		ID MessageID `json:"id"`
	}
	if len(data) > 0 && data[0] == '{' {
		err := json.Unmarshal(data, &whole)
		r.MessageID = whole.ID
		return err
	}
	return json.Unmarshal(data, &r.MessageID)
}

// MarshalJSON writes the id.
func (r MessageRef) MarshalJSON() ([]byte, error) { return json.Marshal(r.MessageID) }
