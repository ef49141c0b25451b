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
		"List the channels of a team that the account belongs to, direct conversations included, by name.", Engine.EnumerateChannels)
	GetChannel = define(ChannelGroup, "GetChannel", Reads,
		"Get one channel: its name, team and purpose.", Engine.GetChannel)
	NewDirectConversation = define(ChannelGroup, "NewDirectConversation", Sets,
		"Open the direct conversation with another member of the team; the existing one when there is one.", Engine.NewDirectConversation)
	DeleteChannel = define(ChannelGroup, "DeleteChannel", Destroys,
		"Delete a channel by banning every member; for its owners and admins.", Engine.DeleteChannel)
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
}

// HWM is the high water mark: the newest message the account has read. Flow: HWM, all
// fields proposed.
type HWM struct {
	OrgID     OrgID     `json:"orgId" jsonschema_description:"Team."`
	ChannelID ChannelID `json:"channelId" jsonschema_description:"Channel."`
	MessageID MessageID `json:"messageId" jsonschema_description:"Last message read; empty when nothing was read."`
}

// NewChannelInput makes a channel. Flow: NewChannel; names need not be unique.
type NewChannelInput struct {
	OrgID OrgID  `jsonschema_description:"Team."`
	Name  string `jsonschema_description:"Channel name, 1 to 200 characters."`
}

// EnumerateChannelsInput names the team.
type EnumerateChannelsInput struct {
	OrgID OrgID `jsonschema_description:"Team."`
}

// GetChannelInput names the channel.
type GetChannelInput struct {
	ChannelID ChannelID `jsonschema_description:"Channel."`
}

// NewDirectConversationInput names the other party. Flow: NewDirectConversation.
type NewDirectConversationInput struct {
	OrgID    OrgID     `jsonschema_description:"Team that both belong to."`
	MemberID AccountID `jsonschema_description:"The other person."`
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
