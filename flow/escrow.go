package flow

import "context"

// EscrowGroup holds escrow accounts and what they read.
const EscrowGroup Group = "escrow"

// Escrow is the group of calls about escrow accounts: accounts that may read what was
// deleted in their teams. Flow does not say how one is bound to a team; here it asks to
// join like anybody (NewOrgJoinRequest), only an owner of the team can admit it, and all
// see it among the members. From then on, and for as long as one is in the team, what is
// deleted there is kept for escrow accounts, with its files, whether they are in the
// channel or not. Deleted messages of other teams are gone. What is kept has no end: neither
// the retention of its channel nor any operation takes it away.
type Escrow interface {
	CreateEscrowAccount(context.Context, Call, CreateEscrowAccountInput) (EscrowAccount, error)
	FetchDeletedMessages(context.Context, Call, FetchDeletedMessagesInput) ([]DeletedInChannel, error)
	EnumerateDeletedMessages(context.Context, Call, EnumerateDeletedMessagesInput) ([]Message, error)
}

// The rows of the group.
var (
	CreateEscrowAccount = define(EscrowGroup, "CreateEscrowAccount", Writes,
		"Create an escrow account with a user name and password that are made up, and start it on the session. "+
			"Once an owner has admitted it to a team it can read what is deleted there.", Engine.CreateEscrowAccount).starts().secret()
	FetchDeletedMessages = define(EscrowGroup, "FetchDeletedMessages", Reads,
		"List the channels of a team from which messages were deleted and kept; for escrow accounts in the team.", Engine.FetchDeletedMessages)
	EnumerateDeletedMessages = define(EscrowGroup, "EnumerateDeletedMessages", Reads,
		"Read the deleted messages of a channel as they were, newest first; for escrow accounts in its team.", Engine.EnumerateDeletedMessages)
)

// CreateEscrowAccountInput makes an escrow account. Flow: CreateEscrowAccount.
type CreateEscrowAccountInput struct {
	PhoneNumber  string `jsonschema_description:"Unique per account; made up when empty." json:",omitzero"`
	DeviceName   string `jsonschema_description:"Label of the first device." json:",omitzero"`
	ServerURI    string `jsonschema_description:"Name space of the user name." json:",omitzero"`
	Platform     string `jsonschema_description:"Operating system." json:",omitzero"`
	OSRelease    string `jsonschema_description:"Release of the operating system." json:",omitzero"`
	TotpVerifier string `jsonschema_description:"Opaque." json:",omitzero"`
	NotifyToken  string `jsonschema_description:"Push token of the device; not used here." json:",omitzero"`
}

// EscrowAccount is a new escrow account. Flow: the result of CreateEscrowAccount. The
// password is told this once.
type EscrowAccount struct {
	Username string `json:"username" jsonschema_description:"User name that was made up."`
	Password string `json:"password" jsonschema_description:"Its password, 32 characters, by which further devices are added."`
}

// FetchDeletedMessagesInput names the team. Flow: FetchDeletedMessages, which brings what
// was deleted from the service to the local database. In this engine it is there already.
type FetchDeletedMessagesInput struct {
	OrgID OrgID `jsonschema_description:"Team."`
}

// DeletedInChannel says that a channel has deleted messages that were kept. Flow leaves the
// result of FetchDeletedMessages open and null is proposed; this list is ours, because an
// escrow account is not in the channels and would not know which to ask for.
type DeletedInChannel struct {
	OrgID     OrgID     `json:"orgId" jsonschema_description:"Team."`
	ChannelID ChannelID `json:"channelId" jsonschema_description:"Channel."`
	Name      string    `json:"name" jsonschema_description:"Name of the channel, empty for a direct conversation."`
	Purpose   string    `json:"purpose" jsonschema_description:"'direct message' for a direct conversation, else empty."`
	Messages  int64     `json:"messages" jsonschema_description:"How many there are."`
}

// EnumerateDeletedMessagesInput selects deleted messages. Flow: EnumerateDeletedMessages,
// which has no filters. That it returns messages with their last content, newest first,
// is proposed.
type EnumerateDeletedMessagesInput struct {
	ChannelID ChannelID       `jsonschema_description:"Channel, from FetchDeletedMessages."`
	Filters   *MessageFilters `jsonschema_description:"Which messages; the newest ones when left out." json:",omitzero"`
}
