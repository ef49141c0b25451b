package flow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// NotificationType names a kind of notification on the wire.
type NotificationType string

// Notification is one change that a backend reports. Flow: Change.
type Notification struct {
	// Type says what Data is.
	Type NotificationType `json:"type" jsonschema_description:"Notification type, such as message."`
	// Data is the payload as JSON; [Event.Decode] gives it its Go type.
	Data json.RawMessage `json:"data" jsonschema_description:"Payload of the type."`
	// Seq is the position in the event log; zero when it is of this moment only.
	Seq Cursor `json:"seq,omitzero" jsonschema_description:"Position in the event log."`
}

// Connected is not sent by a backend: [Client.Notifications] yields it after each
// connection to one, since what happened before may have been missed.
const Connected NotificationType = "connected"

// Notifications is a list that also decodes from a single notification and from the
// empty values that backends answer a poll with.
type Notifications []Notification

// UnmarshalJSON accepts a list, one object, an empty object and null.
func (n *Notifications) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || data[0] != '{' {
		return json.Unmarshal(data, (*[]Notification)(n))
	}
	var one Notification
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*n = nil
	if one.Type != "" {
		*n = Notifications{one}
	}
	return nil
}

// Event is one row of the list of notifications: a type with the form of its data.
type Event[T any] struct {
	kind    NotificationType
	summary string
}

// AnyEvent is a row without its type.
type AnyEvent interface {
	Type() NotificationType
	Summary() string
	// DataType returns the Go type of the payload.
	DataType() reflect.Type
}

var events []AnyEvent

// announce makes a row.
func announce[T any](kind NotificationType, summary string) *Event[T] {
	e := &Event[T]{kind: kind, summary: summary}
	events = append(events, e)
	return e
}

// Events returns every kind of notification, in a fixed order.
func Events() []AnyEvent { return slices.Clone(events) }

// Type returns the name on the wire.
func (e *Event[T]) Type() NotificationType { return e.kind }

// Summary says when it is sent.
func (e *Event[T]) Summary() string { return e.summary }

// DataType returns the Go type of the payload.
func (e *Event[T]) DataType() reflect.Type { return reflect.TypeFor[T]() }

// Make returns a notification of this type. Data that cannot be written as JSON is a
// mistake of the programmer and panics.
func (e *Event[T]) Make(seq Cursor, data T) Notification {
	raw, err := encode(data)
	if err != nil {
		panic(fmt.Sprintf("flow: notification %s: %v", e.kind, err))
	}
	return Notification{Type: e.kind, Data: raw, Seq: seq}
}

// Decode returns the payload of n, which must be of this type.
func (e *Event[T]) Decode(n Notification) (T, error) {
	var data T
	if n.Type != e.kind {
		return data, fmt.Errorf("decode notification: want type %s, got %s", e.kind, n.Type)
	}
	if err := json.Unmarshal(n.Data, &data); err != nil {
		return data, fmt.Errorf("decode notification %s: %w", n.Type, err)
	}
	return data, nil
}

// The notifications.
var (
	OrgEvent = announce[[]Org]("org",
		"The account has become a member of a team, or a team's data changed.")
	ChannelEvent = announce[[]Channel]("channel",
		"The account was added to a channel, created one, or a channel's data changed.")
	MessageEvent = announce[MessageChange]("message",
		"A message was sent, own ones included; or the name of a channel became readable.")
	HWMEvent = announce[[]HWM]("hwm",
		"The account's read mark moved in a channel.")
	ChannelMemberEvent = announce[[]ChannelMember]("channel-member-event",
		"Somebody's membership of a channel changed.")
	OrgMemberEvent = announce[[]OrgMember]("org-member-event",
		"Somebody's membership of a team changed.")
	OrgJoinRequestEvent = announce[[]OrgJoinRequest]("org-join-request",
		"Somebody asks to join a team that the account is an owner or admin of.")
	MessageDeletionEvent = announce[[]MessageDeletion]("message-deletion",
		"Messages were deleted.")
	NotifyEvent = announce[BackendState]("notify-event",
		"The state of the backend changed, or a message asks for attention.")
)

// MessageChange is the payload of a message notification. Both lists are always there.
// Flow: message.
type MessageChange struct {
	RegularMessages []Message `json:"regularMessages" jsonschema_description:"Messages, oldest first."`
	ChannelMessages []Channel `json:"channelMessages" jsonschema_description:"Channels whose name became readable or changed."`
}

// MessageDeletion says which messages of a channel are gone. Flow: message-deletion, all
// fields proposed.
type MessageDeletion struct {
	OrgID      OrgID       `json:"orgId" jsonschema_description:"Team."`
	ChannelID  ChannelID   `json:"channelId" jsonschema_description:"Channel."`
	MessageIDs []MessageID `json:"messageIds" jsonschema_description:"The deleted messages."`
}

// Codes of a [BackendState].
const (
	// SyncDone: lists are complete from here on.
	SyncDone = 6
	// UpdateAvailable: a newer backend exists.
	UpdateAvailable = 24
	// UpdateFailed: it could not be fetched or verified.
	UpdateFailed = 25
	// UpdateReady: it lies in the updates directory; restart the backend.
	UpdateReady = 27
	// Alerted: the sender of a message asks for the account's attention. Source: proposed.
	Alerted = 100
)

// BackendState is the payload of a notify-event. Flow: notify-event; its keys are
// capitalised. The ids are proposed: they name the message of an alert.
type BackendState struct {
	EventCode       int       `json:"EventCode" jsonschema_description:"6 synchronised, 24 update available, 25 update failed, 27 update ready, 100 alert about a message."`
	Text            string    `json:"Text" jsonschema_description:"The same in words."`
	OrgID           OrgID     `json:"orgId,omitzero" jsonschema_description:"Team of the message of an alert."`
	ChannelID       ChannelID `json:"channelId,omitzero" jsonschema_description:"Channel of the message of an alert."`
	MessageID       MessageID `json:"messageId,omitzero" jsonschema_description:"Message of an alert."`
	SenderAccountID AccountID `json:"senderAccountId,omitzero" jsonschema_description:"Author of the message of an alert."`
}
