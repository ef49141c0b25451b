package flow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
)

// KeyGroup holds key rings and their verification.
const KeyGroup Group = "keys"

// Keys is the group of calls about key rings. The key ring of an account is an Ed25519 key
// pair; its fingerprint is [Fingerprint] of the public key. It is made with the account and
// replaced when one of the account's devices is revoked, since that device may have fallen
// into other hands; a new password does not replace it.
type Keys interface {
	KeyRingFingerprint(context.Context, Call, KeyRingFingerprintInput) (string, error)
	VerificationHash(context.Context, Call, VerificationHashInput) (string, error)
	PeerVerificationHash(context.Context, Call, PeerVerificationHashInput) (bool, error)
	VerifyPeerKeyRing(context.Context, Call, VerifyPeerKeyRingInput) (Nothing, error)
}

// The rows of the group.
var (
	KeyRingFingerprint = define(KeyGroup, "KeyRingFingerprint", Reads,
		"Get the fingerprint of the account's own newest key ring.", Engine.KeyRingFingerprint)
	VerificationHash = define(KeyGroup, "VerificationHash", Reads,
		"Get the hash by which others can verify this account. Show it to them outside of the chat.", Engine.VerificationHash)
	PeerVerificationHash = define(KeyGroup, "PeerVerificationHash", Reads,
		"Tell whether a hash that a peer has shown is the one of its newest key ring.", Engine.PeerVerificationHash)
	VerifyPeerKeyRing = define(KeyGroup, "VerifyPeerKeyRing", Sets,
		"Record that a person has verified a peer's key ring. A new key ring of the peer has to be verified again.", Engine.VerifyPeerKeyRing)
)

// The notifications of the group.
var (
	PeerVerificationEvent = announce[[]Peer]("peer-verification",
		"The account has verified a peer's key ring, or somebody who shares a team has a new one, which nobody has verified.")
	ChannelSessionKeyEvent = announce[[]ChannelKey]("channel-session-key",
		"A channel has a new session key: it was made, or a member has left it.")
	ChannelSessionKeyShareEvent = announce[[]ChannelKeyShare]("channel-session-key-share",
		"A channel's session key was shared with a new member.")
)

// ChannelKey says which session key of a channel is new. Flow: channel-session-key; all
// fields are proposed, epoch by this project.
type ChannelKey struct {
	OrgID     OrgID     `json:"orgId" jsonschema_description:"Team."`
	ChannelID ChannelID `json:"channelId" jsonschema_description:"Channel."`
	Epoch     int64     `json:"epoch" jsonschema_description:"Number of the key; the first of a channel is 1."`
}

// ChannelKeyShare says who got a channel's session key. Flow: channel-session-key-share;
// all fields are proposed, epoch by this project.
type ChannelKeyShare struct {
	OrgID     OrgID     `json:"orgId" jsonschema_description:"Team."`
	ChannelID ChannelID `json:"channelId" jsonschema_description:"Channel."`
	AccountID AccountID `json:"accountId" jsonschema_description:"Who got it."`
	Epoch     int64     `json:"epoch" jsonschema_description:"Number of the key."`
}

// Fingerprint returns what people compare of a public key: SHA-256 in base32, 52
// characters. Flow shows fingerprints of this form; the hash is proposed.
func Fingerprint(publicKey []byte) string {
	sum := sha256.Sum256(publicKey)
	return EncodeID(sum[:])
}

// HashOfKeyRing returns what VerificationHash answers for an account: SHA-256 over user
// name, zero byte, server URI, zero byte and fingerprint, in base32. Flow names the parts;
// hash, separator and encoding are proposed.
func HashOfKeyRing(username, serverURI, fingerprint string) string {
	sum := sha256.Sum256([]byte(username + "\x00" + serverURI + "\x00" + fingerprint))
	return EncodeID(sum[:])
}

// KeyRingFingerprintInput has no parameters.
type KeyRingFingerprintInput struct{}

// VerificationHashInput has no parameters.
type VerificationHashInput struct{}

// PeerVerificationHashInput is a hash to compare. Flow: PeerVerificationHash. The answer
// is yes only when the fingerprint is that of the peer's newest key ring and the hash is
// [HashOfKeyRing] of it; the first condition is proposed.
type PeerVerificationHashInput struct {
	PeerUsername string `jsonschema_description:"User name of the peer."`
	Fingerprint  string `jsonschema_description:"Fingerprint of the peer's key ring, 52 characters."`
	ProvidedHash string `jsonschema_description:"Hash that the peer has shown, 52 characters."`
}

// VerifyPeerKeyRingInput records a verification. Flow: VerifyPeerKeyRing. It is a conflict
// when the key ring is not the peer's newest.
type VerifyPeerKeyRingInput struct {
	PeerUsername       string             `jsonschema_description:"User name of the peer; need not be given." json:",omitzero"`
	PeerAccountID      AccountID          `jsonschema_description:"Peer."`
	PeerKeyRingID      KeyRingID          `jsonschema_description:"Key ring that was verified, from GetPeer."`
	VerificationMethod VerificationMethod `jsonschema_description:"How it was done, up to 200 characters." json:",omitzero"`
}

// VerificationMethod says how a key ring was verified, in words of the program that asked.
// Flow: text or a number, no value is known; a number is kept as its digits.
type VerificationMethod string

// UnmarshalJSON reads text, a number or null.
func (m *VerificationMethod) UnmarshalJSON(data []byte) error {
	text := string(bytes.TrimSpace(data))
	if text == "null" || json.Unmarshal(data, (*string)(m)) == nil {
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(data, &number); err != nil {
		return errors.New("VerificationMethod must be text or a number")
	}
	*m = VerificationMethod(number)
	return nil
}
