package flow

import (
	"crypto/rand"
	"encoding/base32"
)

// Identifiers are opaque text that is compared exactly. Those that this project makes are
// unpadded upper-case base32: 52 characters (32 bytes) for accounts, orgs, channels,
// devices and key rings, as the original service had them, and 26 characters (16 bytes)
// for messages.
type (
	// AccountID names an account.
	AccountID string
	// OrgID names a team. The API calls teams organisations.
	OrgID string
	// ChannelID names a channel or a direct conversation.
	ChannelID string
	// MessageID names a message; it is what SendMessage returned.
	MessageID string
	// AttachmentID names a file that can be or has been sent.
	AttachmentID string
	// DeviceID names one device of an account.
	DeviceID string
	// KeyRingID names one key ring of an account.
	KeyRingID string
)

// SessionID names a session of one backend process. Zero is no session.
type SessionID int64

// Cursor is a position in the event log of a store: the sequence number of the last
// event that has been seen. Zero is before the first event.
type Cursor int64

// RequestID is made by the caller of a write and makes it safe to repeat: a backend
// that has already done the write with this id answers with the first result, and refuses
// with Conflict a write that is not the same, see [Call].
// A UUID (version 7 is best) is used as it is; any other text of up to 128 bytes is
// scoped to the account. Source: proposed by this project.
type RequestID string

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewID returns 52 characters of fresh randomness.
func NewID() string {
	var raw [32]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the process instead
	return encoding.EncodeToString(raw[:])
}

// EncodeID writes bytes in the alphabet of identifiers.
func EncodeID(raw []byte) string { return encoding.EncodeToString(raw) }

// IsID reports whether a text has the form of an identifier. A name that has it is not to be
// taken for a name: it may be how something else is identified. What it identifies may be
// unknown to a directory: teams to join, people to invite.
func IsID(text string) bool {
	raw, ok := DecodeID(text)
	return ok && len(raw) >= 16
}

// DecodeID reads what EncodeID wrote. It reports false for any other text.
func DecodeID(id string) ([]byte, bool) {
	raw, err := encoding.DecodeString(id)
	return raw, err == nil && encoding.EncodeToString(raw) == id
}
