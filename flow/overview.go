package flow

import "context"

// OverviewGroup holds what shows an account's data at a glance.
const OverviewGroup Group = "overview"

// Overviews is the group of calls that show much at once.
type Overviews interface {
	CurrentState(context.Context, Call, CurrentStateInput) (map[OrgID]OrgState, error)
}

// The rows of the group.
var (
	CurrentState = define(OverviewGroup, "CurrentState", Reads,
		"Get all teams and channels of the account, as they are at one moment; at stage 1 with what is unread and the newest message of each.",
		Engine.CurrentState)
)

// MaxPreview is the longest text of a message, and its longest metadata, that CurrentState
// tells whole, in bytes.
const MaxPreview = 4096

// CurrentStateInput says how much to tell. Flow: CurrentState.
type CurrentStateInput struct {
	Stage int `jsonschema_description:"0 is quick; 1 adds unread counts and newest messages." jsonschema:"minimum=0,maximum=1" json:",omitzero"`
}

// OrgState is a team and its channels, by id. Flow: CurrentState is an object of these by
// id of the team; all their fields are proposed.
type OrgState struct {
	Org
	Channels map[ChannelID]ChannelState `json:"channels" jsonschema_description:"The account's channels and direct conversations in the team, by id."`
}

// ChannelState is a channel, and at stage 1 what happens in it.
type ChannelState struct {
	Channel
	*Activity
}

// Activity is what stage 1 adds. Flow: that there is an unread count and a last message is
// known, their names are proposed; lastMessageCut is of this project.
type Activity struct {
	UnreadCount int      `json:"unreadCount" jsonschema_description:"Messages of others after the read mark, at most 101." jsonschema:"minimum=0,maximum=101"`
	LastMessage *Message `json:"lastMessage" jsonschema_description:"The newest message, or null when there is none."`
	Cut         bool     `json:"lastMessageCut,omitzero" jsonschema_description:"Whether that message is shown in part: of a text over 4096 bytes the first 1024 characters, and no metadata over 4096 bytes. EnumerateMessages has it whole."`
}
