package flow

import (
	"context"
	"encoding/json"
)

// SearchGroup holds full-text search.
const SearchGroup Group = "search"

// Searching is the group of calls that look for text. A search that was started goes on
// in the background under an id that the program has chosen. It belongs to its session
// and nobody else sees it, so that all of this is called reading.
type Searching interface {
	Search(context.Context, Call, SearchInput) ([]SearchHit, error)
	StartSearch(context.Context, Call, StartSearchInput) (Nothing, error)
	PollSearch(context.Context, Call, PollSearchInput) (SearchProgress, error)
	SearchMessageResults(context.Context, Call, SearchMessageResultsInput) ([]Message, error)
	SearchMessageContext(context.Context, Call, SearchMessageContextInput) ([]Message, error)
	DestroySearch(context.Context, Call, DestroySearchInput) (Nothing, error)
}

// The rows of the group.
var (
	Search = define(SearchGroup, "Search", Reads,
		"Look for text in a channel's messages, or in all channels of the account when no channel is given. "+
			"Case and accents do not matter. Returns the newest 200 hits, oldest first.", Engine.Search)
	StartSearch = define(SearchGroup, "StartSearch", Reads,
		"Start a search for many hits in all channels of the account, or in those of one team, or in one channel. "+
			"PollSearch says what has been found, and SearchMessageResults reads it.", Engine.StartSearch)
	PollSearch = define(SearchGroup, "PollSearch", Reads,
		"Tell whether a search that was started is done, and how many hits it has in which channel, the channel with the newest hit first.",
		Engine.PollSearch)
	SearchMessageResults = define(SearchGroup, "SearchMessageResults", Reads,
		"Read hits of a search that was started: a part of those in one channel, newest first.", Engine.SearchMessageResults)
	SearchMessageContext = define(SearchGroup, "SearchMessageContext", Reads,
		"Read a hit of a search that was started with the messages around it, oldest first.", Engine.SearchMessageContext)
	DestroySearch = define(SearchGroup, "DestroySearch", Reads,
		"End a search that was started and forget its hits. It may have ended already.", Engine.DestroySearch)
)

// Limits of searches.
const (
	// MaxHits is the most that one Search returns: the newest ones.
	MaxHits = 200
	// MaxSearches is how many searches of one session there may be at a time.
	MaxSearches = 10
	// MaxSearchHits is where a search that was started ends: with the newest hits.
	MaxSearchHits = 10_000
	// MaxSearchPage is how many hits one SearchMessageResults returns, and how many
	// messages one SearchMessageContext on each side of the hit.
	MaxSearchPage = 100
)

// SearchHit is a message that was found. Flow: SearchHit, in the form of a notification.
type SearchHit struct {
	Type string  `json:"type" jsonschema_description:"Always 'message'."`
	Data Message `json:"data" jsonschema_description:"The message."`
}

// SearchInput says what to look for. Flow: Search; a null channel must be answered with
// a list, and the text matches as a substring of the body: blanks and punctuation count,
// and the words stand in a row. Proposed: case, accents and compatibility forms do not
// matter, and a run of blanks is one. The newest hits are found first, but of a text that
// very many words begin with, itself may be found before newer words that only begin so. What
// begins inside a word is found in the newest messages only, since an engine's index knows
// words by their beginnings; [StartSearchInput] looks further. Long hits can make them fewer
// than the limit, see [MaxPage]. What was not looked at, or left out, our own backends say
// beside the result, such as "missing":{"older":true}.
// Words and Limit are this project's: people and models look for words, programs that
// keep records in a channel for keys.
type SearchInput struct {
	OrgID     OrgID     `jsonschema_description:"Team; all teams when left out." json:",omitzero"`
	ChannelID ChannelID `jsonschema_description:"Channel; all channels when left out." json:",omitzero"`
	Search    string    `jsonschema_description:"Text to look for, 1 to 1000 characters."`
	Words     bool      `jsonschema_description:"Look for each word of the text, in any order and whatever the punctuation, also in the names of files; what is in quotation marks counts as one." json:",omitzero"`
	Limit     int       `jsonschema_description:"At most this many hits, the newest; 200 when left out." jsonschema:"minimum=0,maximum=200" json:",omitzero"`
}

// SearchID is the handle of a search, which the program chooses. Flow: any; a number is
// taken as its digits.
type SearchID string

// UnmarshalJSON reads a text or a number.
func (id *SearchID) UnmarshalJSON(data []byte) error {
	var number json.Number
	if len(data) > 0 && data[0] != '"' && json.Unmarshal(data, &number) == nil {
		*id = SearchID(number)
		return nil
	}
	return json.Unmarshal(data, (*string)(id))
}

// StartSearchInput is what to look for, under which handle. Flow: StartSearch. A search
// that has the handle already is replaced. The grammar of Url is proposed, and the keys of
// Options are unknown.
type StartSearchInput struct {
	ID      SearchID        `json:"Id" jsonschema_description:"Handle of your choice, 1 to 100 characters."`
	URL     string          `json:"Url" jsonschema_description:"Query string: q is the text, 1 to 1000 characters; org and channel, which may be left out, are ids of a team and a channel; words=true looks for each word. Such as q=caf%C3%A9+au+lait."`
	Options json.RawMessage `jsonschema_description:"Nothing is known of options; they are not read." json:",omitzero"`
}

// PollSearchInput names the search.
type PollSearchInput struct {
	ID SearchID `json:"Id" jsonschema_description:"Handle that was given to StartSearch."`
}

// SearchProgress says how far a search is. Flow: PollSearch; more is proposed by this
// project, the rest by the reference.
type SearchProgress struct {
	Done    bool          `json:"done" jsonschema_description:"Whether the search is over. Until then hits may come at any index."`
	More    bool          `json:"more,omitzero" jsonschema_description:"Whether there may be older hits than those that were looked for."`
	Results []SearchCount `json:"results" jsonschema_description:"Channels with hits that the account is in now."`
}

// SearchCount is how many hits there are in a channel. Those that were deleted later still
// have their index.
type SearchCount struct {
	OrgID     OrgID     `json:"orgId" jsonschema_description:"Team."`
	ChannelID ChannelID `json:"channelId" jsonschema_description:"Channel."`
	Count     int       `json:"count" jsonschema_description:"Number of hits." jsonschema:"minimum=0"`
}

// SearchMessageResultsInput names a part of the hits. Flow: SearchMessageResults, whose
// result is proposed: newest first, without those that were deleted meanwhile. Hits that
// are so long that one answer does not hold them, see [MaxPage], end early, and our own
// backends say "missing":{"older":true} beside them; then ask for fewer at once.
type SearchMessageResultsInput struct {
	ID        SearchID  `json:"Id" jsonschema_description:"Handle that was given to StartSearch."`
	OrgID     OrgID     `json:"OrgId,omitzero" jsonschema_description:"Team of the channel."`
	ChannelID ChannelID `json:"ChannelId" jsonschema_description:"Channel."`
	Start     int       `jsonschema_description:"Index of the first hit, from 0, the newest." jsonschema:"minimum=0"`
	Stop      int       `jsonschema_description:"Index after the last hit, at most 100 more than Start." jsonschema:"minimum=0"`
}

// SearchMessageContextInput names a hit. Flow: SearchMessageContext, whose result is
// proposed: oldest first, the hit included, and of long messages only the nearest, see
// [MaxPage]. Our own backends say beside it on which side there are more that were asked for,
// such as "missing":{"newer":true}.
type SearchMessageContextInput struct {
	ID        SearchID  `json:"Id" jsonschema_description:"Handle that was given to StartSearch."`
	ChannelID ChannelID `json:"ChannelId" jsonschema_description:"Channel of the hit."`
	MessageID MessageID `json:"MessageId" jsonschema_description:"The hit."`
	Before    int       `jsonschema_description:"Number of messages before it, up to 100." jsonschema:"minimum=0,maximum=100"`
	After     int       `jsonschema_description:"Number of messages after it, up to 100." jsonschema:"minimum=0,maximum=100"`
}

// DestroySearchInput names the search.
type DestroySearchInput struct {
	ID SearchID `json:"Id" jsonschema_description:"Handle that was given to StartSearch."`
}
