package flow

import "context"

// SearchGroup holds full-text search.
const SearchGroup Group = "search"

// Searching is the group of calls that look for text.
type Searching interface {
	Search(context.Context, Call, SearchInput) ([]SearchHit, error)
}

// The rows of the group.
var (
	Search = define(SearchGroup, "Search", Reads,
		"Look for text in a channel's messages, or in all channels of the account when no channel is given. "+
			"Case and accents do not matter. Returns the newest 200 hits, oldest first.", Engine.Search)
)

// MaxHits is the most that one Search returns: the newest ones.
const MaxHits = 200

// SearchHit is a message that was found. Flow: SearchHit, in the form of a notification.
type SearchHit struct {
	Type string  `json:"type" jsonschema_description:"Always 'message'."`
	Data Message `json:"data" jsonschema_description:"The message."`
}

// SearchInput says what to look for. Flow: Search; a null channel must be answered with
// a list, and the text matches as a substring of the body.
type SearchInput struct {
	OrgID     OrgID     `jsonschema_description:"Team; all teams when left out." json:",omitzero"`
	ChannelID ChannelID `jsonschema_description:"Channel; all channels when left out." json:",omitzero"`
	Search    string    `jsonschema_description:"Text to look for, 1 to 1000 characters."`
}
