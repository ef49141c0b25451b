package flow

import "context"

// ChannelGroup holds channels, direct conversations and read marks.
const ChannelGroup Group = "channels"

// DirectPurpose is the purpose of a direct conversation, whose name is empty.
const DirectPurpose = "direct message"

// UnreadCap is where unread counts stop, so that a display can say 100+.
const UnreadCap = 101

// Channels is the group of calls about channels.
type Channels interface {
	NewChannel(context.Context, Call, NewChannelInput) (ChannelID, error)
	EnumerateChannels(context.Context, Call, EnumerateChannelsInput) ([]Channel, error)
	GetChannel(context.Context, Call, GetChannelInput) (Channel, error)
	NewDirectConversation(context.Context, Call, NewDirectConversationInput) (ChannelID, error)
	SetChannelRetentionPolicy(context.Context, Call, SetChannelRetentionPolicyInput) (Nothing, error)
	DeleteChannel(context.Context, Call, DeleteChannelInput) (Nothing, error)
	GetUnreadCount(context.Context, Call, GetUnreadCountInput) (int, error)
	SetChannelReadHWM(context.Context, Call, SetChannelReadHWMInput) (Nothing, error)
	GetChannelReadHWM(context.Context, Call, GetChannelReadHWMInput) (HWM, error)
}

// The rows of the group.
var (
	NewChannel = define(ChannelGroup, "NewChannel", Writes,
		"Create a channel in a team. The creator becomes its only member and its admin.", Engine.NewChannel)
	EnumerateChannels = define(ChannelGroup, "EnumerateChannels", Reads,
		"List the channels of a team that the account belongs to, by name, and behind them its direct conversations.", Engine.EnumerateChannels)
	GetChannel = define(ChannelGroup, "GetChannel", Reads,
		"Get one channel: its name, team and purpose.", Engine.GetChannel)
	NewDirectConversation = define(ChannelGroup, "NewDirectConversation", Sets,
		"Open the direct conversation with another member of the team; the existing one when there is one. Both are members of it, and nobody its admin.", Engine.NewDirectConversation)
	SetChannelRetentionPolicy = define(ChannelGroup, "SetChannelRetentionPolicy", Destroys,
		"Set for how many days, and how many messages, a channel keeps; what is beyond is deleted for everybody. For owners and admins of the channel.",
		Engine.SetChannelRetentionPolicy)
	DeleteChannel = define(ChannelGroup, "DeleteChannel", Destroys,
		"Delete a channel and its messages, and ban every member; for its owners and admins.", Engine.DeleteChannel)
	GetUnreadCount = define(ChannelGroup, "GetUnreadCount", Reads,
		"Count the messages of others after the read mark, at most 101.", Engine.GetUnreadCount)
	SetChannelReadHWM = define(ChannelGroup, "SetChannelReadHWM", Sets,
		"Mark a channel as read up to a message. The mark never moves back.", Engine.SetChannelReadHWM)
	GetChannelReadHWM = define(ChannelGroup, "GetChannelReadHWM", Reads,
		"Get the read mark of a channel.", Engine.GetChannelReadHWM)
)

// Channel is a channel or a direct conversation. Flow: Channel. In a direct conversation
// the name is empty and the purpose is [DirectPurpose]; otherwise the purpose is empty.
type Channel struct {
	ID      ChannelID `json:"id" jsonschema_description:"Channel id."`
	OrgID   OrgID     `json:"orgId" jsonschema_description:"Team of the channel."`
	Name    string    `json:"name" jsonschema_description:"Name; empty in a direct conversation."`
	Purpose string    `json:"purpose" jsonschema_description:"'direct message' in a direct conversation, else empty."`
	// DirectAccountID saves a member list for each direct conversation. Source: proposed
	// by this project.
	DirectAccountID AccountID `json:"directAccountId,omitzero" jsonschema_description:"The other party of a direct conversation."`
	Retention       Retention `json:"retention,omitzero" jsonschema_description:"What the channel keeps; left out when it keeps all."`
}

// Retention says for how many days a channel keeps its messages, and how many it keeps;
// zero is no limit. A day has 24 hours. Flow: proposed.
type Retention struct {
	MaxDays     int `json:"maxDays" jsonschema_description:"Days; 0 is no limit." jsonschema:"minimum=0"`
	MaxMessages int `json:"maxMessages" jsonschema_description:"Messages, the newest ones; 0 is no limit." jsonschema:"minimum=0"`
}

// Limits of a [Retention].
const (
	MaxRetentionDays     = 36_500
	MaxRetentionMessages = 1_000_000_000
)

// HWM is the high water mark: the newest message the account has read. Flow: HWM, all
// fields proposed.
type HWM struct {
	OrgID     OrgID     `json:"orgId" jsonschema_description:"Team."`
	ChannelID ChannelID `json:"channelId" jsonschema_description:"Channel."`
	MessageID MessageID `json:"messageId" jsonschema_description:"Last message read; empty when nothing was read."`
}

// NewChannelInput makes a channel. Flow: NewChannel; names need not be unique. Unique is
// this project's: it refuses a name that a channel of the team has already, as names compare,
// among those that the account is in. Whoever calls channels by their names could not tell
// the two apart.
type NewChannelInput struct {
	OrgID  OrgID  `jsonschema_description:"Team."`
	Name   string `jsonschema_description:"Channel name, 1 to 200 characters."`
	Unique bool   `jsonschema_description:"Refuse the name of another channel of the team that you are in." json:",omitzero"`
}

// EnumerateChannelsInput names the team. Flow: EnumerateChannels, whose order is unknown.
// Proposed: by name, and direct conversations last, so that a program which takes the first
// channel, or stops at one that it cannot add people to, has a channel of the team.
type EnumerateChannelsInput struct {
	OrgID OrgID `jsonschema_description:"Team."`
}

// GetChannelInput names the channel.
type GetChannelInput struct {
	ChannelID ChannelID `jsonschema_description:"Channel."`
}

// NewDirectConversationInput names the other party. Flow: NewDirectConversation. Proposed:
// two people have one conversation in a team, always of the same id, which keeps what was
// written when one of them leaves; who had left is in it again. Both are members: whoever
// opened it, whose record is the first of the history, has no right over the other. Programs
// take the admin of a channel for one who may command a bot, and flow-ldap adds everybody to
// the channels that its account is the admin of.
type NewDirectConversationInput struct {
	OrgID    OrgID     `jsonschema_description:"Team that both belong to."`
	MemberID AccountID `jsonschema_description:"The other person."`
}

// SetChannelRetentionPolicyInput says what a channel keeps. Flow:
// SetChannelRetentionPolicy, where zero presumably is no limit. What is beyond is deleted as
// MarkMessagesDeleted deletes, soon after; from then on the oldest message goes when there
// is one too many, or when its days are over. Everybody gets message-deletion
// notifications. Where the team has an escrow account, what goes is kept for that without
// end: a limit is none for what an escrow account reads.
type SetChannelRetentionPolicyInput struct {
	OrgID       OrgID     `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID   ChannelID `jsonschema_description:"Channel."`
	MaxDays     int       `jsonschema_description:"Keep messages for so many days, up to 36500; 0 is no limit." jsonschema:"minimum=0,maximum=36500"`
	MaxMessages int       `jsonschema_description:"Keep so many messages, the newest ones; 0 is no limit." jsonschema:"minimum=0,maximum=1000000000"`
}

// DeleteChannelInput names the channel.
type DeleteChannelInput struct {
	OrgID     OrgID     `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID ChannelID `jsonschema_description:"Channel."`
}

// GetUnreadCountInput names the channel.
type GetUnreadCountInput struct {
	OrgID     OrgID     `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID ChannelID `jsonschema_description:"Channel."`
}

// SetChannelReadHWMInput names the last message read.
type SetChannelReadHWMInput struct {
	OrgID     OrgID     `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID ChannelID `jsonschema_description:"Channel."`
	MessageID MessageID `jsonschema_description:"Newest message that has been read."`
}

// GetChannelReadHWMInput names the channel.
type GetChannelReadHWMInput struct {
	OrgID     OrgID     `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID ChannelID `jsonschema_description:"Channel."`
}
