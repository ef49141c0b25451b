package flow

import (
	"context"
	"encoding/json"
)

// OverviewGroup holds what shows much of an account's data at once.
const OverviewGroup Group = "overview"

// Overviews is the group of calls that show much at once.
type Overviews interface {
	CurrentState(context.Context, Call, CurrentStateInput) (map[OrgID]OrgState, error)
	GraphQL(context.Context, Call, GraphQLInput) (GraphQLReply, error)
}

// The rows of the group.
var (
	CurrentState = define(OverviewGroup, "CurrentState", Reads,
		"Get all teams and channels of the account, as they are at one moment; at stage 1 with what is unread and the newest message of each.",
		Engine.CurrentState)
	GraphQL = define(OverviewGroup, "GraphQL", Reads,
		"Query the account's teams, channels, members, messages and people with GraphQL, in one call. "+
			"The query {__schema{queryType{fields{name description}}}} tells where to begin.", Engine.GraphQL)
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

// GraphQLInput is a query. Flow: GraphQL, whose schema is not public; the one that is
// answered here is of this project, and so is OperationName.
type GraphQLInput struct {
	Query         string          `jsonschema_description:"GraphQL document, up to 32768 bytes."`
	Args          json.RawMessage `jsonschema_description:"Object with the values of the document's variables." json:",omitzero"`
	OperationName string          `jsonschema_description:"Which operation of the document to run, when it has several." json:",omitzero"`
}

// GraphQLReply is the answer to a query. Flow: proposed, the usual form of the field.
type GraphQLReply struct {
	Data   json.RawMessage `json:"data,omitzero" jsonschema_description:"What was asked for, in the form of the query; null where it could not be had, and missing when the query is wrong."`
	Errors []GraphQLError  `json:"errors,omitzero" jsonschema_description:"What went wrong, if anything did."`
}

// GraphQLError says what is wrong with a query, or why a field of the data is null.
type GraphQLError struct {
	Message    string            `json:"message" jsonschema_description:"What is wrong."`
	Locations  []GraphQLLocation `json:"locations,omitzero" jsonschema_description:"Where in the query."`
	Path       json.RawMessage   `json:"path,omitzero" jsonschema_description:"Names and numbers that lead to the field."`
	Extensions GraphQLExtensions `json:"extensions" jsonschema_description:"For programs."`
}

// GraphQLLocation is a place in a query, counted from 1.
type GraphQLLocation struct {
	Line   int `json:"line" jsonschema_description:"Line."`
	Column int `json:"column" jsonschema_description:"Column."`
}

// GraphQLExtensions is what an error says to programs.
type GraphQLExtensions struct {
	Code Code `json:"code" jsonschema_description:"Kind of the error, such as invalid, not_found or denied."`
}
