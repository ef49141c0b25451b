package flow

import "context"

// PeopleGroup holds other accounts.
const PeopleGroup Group = "people"

// People is the group of calls about other accounts.
type People interface {
	GetPeer(context.Context, Call, GetPeerInput) (Peer, error)
	GetPeerFromID(context.Context, Call, GetPeerFromIDInput) (Peer, error)
	EnumeratePeerAccounts(context.Context, Call, EnumeratePeerAccountsInput) ([]Peer, error)
	PeerData(context.Context, Call, PeerDataInput) (Peer, error)
}

// The rows of the group.
var (
	GetPeer = define(PeopleGroup, "GetPeer", Reads,
		"Look up an account by its whole user name. Names compare normalised: case and compatibility forms do not matter.", Engine.GetPeer)
	GetPeerFromID = define(PeopleGroup, "GetPeerFromID", Reads,
		"Look up an account by its id.", Engine.GetPeerFromID)
	EnumeratePeerAccounts = define(PeopleGroup, "EnumeratePeerAccounts", Reads,
		"List the accounts that share a team with this one, itself included, by user name.", Engine.EnumeratePeerAccounts)
	PeerData = define(PeopleGroup, "PeerData", Reads,
		"Get the own account as others see it.", Engine.PeerData)
)

// AccountKind is what an account is for. It is left out for ordinary accounts.
type AccountKind string

// The kinds of accounts.
const (
	OrdinaryAccount AccountKind = ""
	EscrowKind      AccountKind = "escrow"    // reads what is deleted in its teams
	DirectoryKind   AccountKind = "directory" // of a domain, see LDAP
)

// Peer is an account as others see it. Flow: Peer; serverURI, keyRingId, fingerprint,
// verified and kind are proposed. Nobody verifies the own account: there verified is false.
type Peer struct {
	AccountID   AccountID `json:"accountId" jsonschema_description:"Account id."`
	Username    string    `json:"username" jsonschema_description:"User name."`
	ServerURI   string    `json:"serverURI" jsonschema_description:"Name space of the user name."`
	KeyRingID   KeyRingID `json:"keyRingId" jsonschema_description:"Newest key ring of the account."`
	Fingerprint string    `json:"fingerprint" jsonschema_description:"Fingerprint of the key ring, 52 characters."`
	Verified    bool      `json:"verified" jsonschema_description:"Whether the key ring was verified with VerifyPeerKeyRing."`

	Kind AccountKind `json:"kind,omitzero" jsonschema_description:"escrow for an account that reads what is deleted, directory for one that manages a domain; left out otherwise."`
}

// GetPeerInput names an account. Flow: GetPeer.
type GetPeerInput struct {
	PeerUsername string `jsonschema_description:"User name, all of it."`
}

// GetPeerFromIDInput names an account. Flow: GetPeerFromID.
type GetPeerFromIDInput struct {
	PeerID AccountID `jsonschema_description:"Account."`
}

// EnumeratePeerAccountsInput has no parameters.
type EnumeratePeerAccountsInput struct{}

// PeerDataInput has no parameters.
type PeerDataInput struct{}
