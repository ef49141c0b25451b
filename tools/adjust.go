package tools

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/flow-mcp/flow-mcp/flow"
)

// retitle gives a tool a title where the name of the operation makes none, and says how
// its result differs from the operation's.
func retitle(op flow.AnyOperation, t *Tool) {
	if better, ok := titles[op]; ok {
		t.Title = better
	}
	switch op {
	case flow.GraphQL:
		t.OpenWorld = true // what others said, in a form that the query alone knows
	case flow.CurrentState:
		t.Description = "Get all your teams and channels as they are at one moment; stage 1 adds unread counts and newest messages. " +
			"Long when there are many channels: flow_catch_up shows only what is unread."
	case flow.Search:
		t.Description = "Find messages by words, or their beginnings, in texts and file names. \"Quoted words\" stand together. Case and accents do not matter. The newest."
	case flow.NewDirectConversation:
		t.Description = "Open the direct conversation with a member of the team, new or existing."
	case flow.NewChannel:
		t.Description = "Create a channel in a team, with you as only member and admin."
	case flow.EnumerateChannels:
		t.Description = "List your channels in a team, direct conversations too."
	case flow.EnumeratePeerAccounts:
		t.Description = "List the people who share a team with you, or are in a channel."
	case flow.MarkMessagesDeleted:
		t.Description = "Delete your messages for everybody, or anybody's as owner or admin of the channel."
	case flow.EnumerateMessages:
		t.Description = "Read a channel or direct conversation: its newest messages, or those before or after one. Oldest first."
	case flow.EnumerateDeletedMessages:
		t.Description = "Read the deleted messages of a channel as they were; for escrow accounts in its team. Oldest first."
	}
}

// adjust sets defaults that suit a context window.
func adjust(op flow.AnyOperation, f *form) {
	if limit := f.field("limit"); limit != nil {
		limit.rules = "minimum=1,maximum=1000" // zero means no limit to some operations, which no model means
	}
	addsOnly(op.Info().Effect, f)
	if op == flow.Search {
		f.field("org").description = "All teams when left out." + suffixes[teamID]
		f.field("channel").description = "All channels when left out." + suffixes[channelID]
		f.field("search").description = "Words; all must be there."
		words, limit := f.field("words"), f.field("limit")
		words.fallback, words.silent = true, true // a model means words; that the text may be one is for programs
		limit.fallback, limit.description = json.Number("20"), "20 when left out."
		limit.rules = fmt.Sprintf("minimum=1,maximum=%d", flow.MaxHits)
	}
	if op == flow.NewChannel {
		unique := f.field("unique")
		unique.fallback, unique.silent = true, true // a model means one of its own; programs need not
	}
	if op == flow.EnumerateEvents {
		f.field("limit").fallback = json.Number("50")
		f.field("limit").description = "50 when left out."
	}
	if op == flow.NewOrgJoinRequest {
		f.field("org").mustSay("Team to join, by id or link.") // the own one is not meant
	}
	if op == flow.EnumerateMessages || op == flow.EnumerateDeletedMessages {
		f.field("limit").description = "50 when left out."
		f.field("limit").fallback = json.Number("50")
		f.field("before").description = "Only before this one." + suffixes[messageID]
		f.field("message").description = "Only this one, as a whole." + suffixes[messageID]
		f.field("after").description = "Only after this one, the first of them." + suffixes[messageID]
	}
}

// shownAs are the types that results are shown as where there is more than models need.
var shownAs = map[flow.AnyOperation]reflect.Type{
	flow.EnumeratePeerAccounts: reflect.TypeFor[[]peer](),
}

var titles = map[flow.AnyOperation]string{
	flow.GraphQL:               "Query with GraphQL",
	flow.CurrentState:          "Get current state",
	flow.EnumerateMessages:     "Read messages",
	flow.EnumeratePeerAccounts: "List people",
	flow.NewDirectConversation: "Open direct conversation",
	flow.SetChannelReadHWM:     "Mark as read",
	flow.GetChannelReadHWM:     "Get read mark",
	flow.MarkMessagesDeleted:   "Delete messages",
	flow.ChannelAddMember:      "Add channel member",
	flow.OrgAddMember:          "Add team member",
	flow.NewChannelMemberState: "Change channel member",
	flow.SetOrgMemberState:     "Change team member",
	flow.NewChannel:            "Create channel",
	flow.NewOrg:                "Create team",
	flow.NewOrgJoinRequest:     "Ask to join team",
	flow.OrgPreferences:        "Get team preferences",
	flow.AccountPreferences:    "Get preferences",
	flow.SetAccountPreferences: "Set preferences",
	flow.GetOrgPref:            "Get opaque team preference",
	flow.SetOrgPref:            "Set opaque team preference",
	flow.IsMutedByPreferences:  "Check muting",

	flow.NewAutoAddToChannelsPref: "Build channels for new members",
	flow.AutoAddToChannelsPref:    "List channels for new members",

	flow.FetchDeletedMessages:     "List channels with deleted messages",
	flow.EnumerateDeletedMessages: "Read deleted messages",

	flow.LDAPed:               "Check directory control",
	flow.FetchLDAPPublicKey:   "Trust directory key",
	flow.UntrustLDAPPublicKey: "Distrust directory key",
}
