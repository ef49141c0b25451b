package flow

import (
	"context"
	"encoding/json"
)

// PreferenceGroup holds preferences of accounts and teams.
const PreferenceGroup Group = "preferences"

// Limits of preferences. An account has as many as a team.
const (
	// MaxPreferences is how many items an account or a team can have.
	MaxPreferences = 100
	// MaxPreference is the longest item, in bytes of JSON or of base64.
	MaxPreference = 64 << 10
	// MaxAutoAddChannels is how many channels new members of a team can be added to.
	MaxAutoAddChannels = 100
)

// The preferences that an engine itself heeds; all others are for programs. Flow has had
// functions that mute lists of accounts, teams and channels; the names are proposed.
const (
	// MuteAccounts, an item of an account, lists senders whose messages are muted.
	MuteAccounts = "muteAccounts"
	// MuteOrgs, an item of an account, lists teams whose messages are muted.
	MuteOrgs = "muteOrgs"
	// MuteChannels, an item of an account, lists channels whose messages are muted.
	MuteChannels = "muteChannels"
	// AutoAddToChannels, an item of a team, is what NewAutoAddToChannelsPref has built.
	AutoAddToChannels = "autoAddToChannels"
)

// Preferring is the group of calls about preferences. Members of a team read its
// preferences, its owners and admins set them.
type Preferring interface {
	SetOrgPreferences(context.Context, Call, SetOrgPreferencesInput) (Nothing, error)
	OrgPreferences(context.Context, Call, OrgPreferencesInput) (Preferences, error)
	GetOrgPref(context.Context, Call, GetOrgPrefInput) (OrgPref, error)
	SetOrgPref(context.Context, Call, SetOrgPrefInput) (Nothing, error)
	NewAutoAddToChannelsPref(context.Context, Call, NewAutoAddToChannelsPrefInput) (string, error)
	AutoAddToChannelsPref(context.Context, Call, AutoAddToChannelsPrefInput) ([]ChannelID, error)
	SetAccountPreferences(context.Context, Call, SetAccountPreferencesInput) (Nothing, error)
	AccountPreferences(context.Context, Call, AccountPreferencesInput) (Preferences, error)
	IsMutedByPreferences(context.Context, Call, IsMutedByPreferencesInput) (bool, error)
}

// The rows of the group.
var (
	SetOrgPreferences = define(PreferenceGroup, "SetOrgPreferences", Destroys,
		"Set and clear preferences of a team; for its owners and admins.", Engine.SetOrgPreferences)
	OrgPreferences = define(PreferenceGroup, "OrgPreferences", Reads,
		"Get the preferences of a team.", Engine.OrgPreferences)
	GetOrgPref = define(PreferenceGroup, "GetOrgPref", Reads,
		"Get one opaque preference of a team.", Engine.GetOrgPref)
	SetOrgPref = define(PreferenceGroup, "SetOrgPref", Destroys,
		"Store one opaque preference of a team; for its owners and admins.", Engine.SetOrgPref)
	NewAutoAddToChannelsPref = define(PreferenceGroup, "NewAutoAddToChannelsPref", Reads,
		"Build the value of the team preference autoAddToChannels, which adds whoever joins the team to channels. "+
			"It takes effect when it is set with SetOrgPreferences; for owners and admins of the team and the channels.", Engine.NewAutoAddToChannelsPref)
	AutoAddToChannelsPref = define(PreferenceGroup, "AutoAddToChannelsPref", Reads,
		"List the channels that a value of the preference autoAddToChannels names.", Engine.AutoAddToChannelsPref)
	SetAccountPreferences = define(PreferenceGroup, "SetAccountPreferences", Sets,
		"Set and clear preferences of the own account, such as what is muted: muteAccounts, muteOrgs and muteChannels list ids.",
		Engine.SetAccountPreferences)
	AccountPreferences = define(PreferenceGroup, "AccountPreferences", Reads,
		"Get the preferences of the own account.", Engine.AccountPreferences)
	IsMutedByPreferences = define(PreferenceGroup, "IsMutedByPreferences", Reads,
		"Tell whether the account has muted the messages of a team, channel or sender.", Engine.IsMutedByPreferences)
)

// Preferences are items by name; an item holds any JSON. Flow: Preferences, whose items
// are proposed: [MuteAccounts], [MuteOrgs] and [MuteChannels] of an account, and
// [AutoAddToChannels] of a team.
type Preferences map[string]json.RawMessage

// OrgPref is one opaque preference. Flow: an object with an optional value.
type OrgPref struct {
	Value *string `json:"value,omitempty" jsonschema_description:"URL-safe base64 with padding; left out when nothing is stored."`
}

// SetOrgPreferencesInput sets and clears items. Flow: SetOrgPreferences. An item
// [AutoAddToChannels] has to be a value for this team, signed with its author's newest
// key ring; source: proposed.
type SetOrgPreferencesInput struct {
	OrgID            OrgID           `jsonschema_description:"Team."`
	Preferences      json.RawMessage `jsonschema_description:"Items to set: an object with any JSON by name. The others stay." json:",omitzero"`
	ClearPreferences []string        `jsonschema_description:"Names of items to clear." json:",omitzero"`
}

// OrgPreferencesInput names the team.
type OrgPreferencesInput struct {
	OrgID OrgID `jsonschema_description:"Team."`
}

// GetOrgPrefInput names a team and a preference. Flow: GetOrgPref. These are other items
// than those of OrgPreferences.
type GetOrgPrefInput struct {
	OrgID OrgID  `jsonschema_description:"Team."`
	Key   string `jsonschema_description:"Name of the preference, as SetOrgPref was given it."`
}

// SetOrgPrefInput is a preference to store. Flow: SetOrgPref. An empty value removes it;
// source: proposed.
type SetOrgPrefInput struct {
	OrgID OrgID  `jsonschema_description:"Team."`
	Key   string `jsonschema_description:"Name of the preference, 1 to 200 characters."`
	Value string `jsonschema_description:"URL-safe base64 with padding, up to 64 KiB; empty removes the preference."`
}

// NewAutoAddToChannelsPrefInput names the channels. Flow: NewAutoAddToChannelsPref. The
// value is base64url of a JSON object that is signed with the caller's key ring; source:
// proposed.
type NewAutoAddToChannelsPrefInput struct {
	OrgHashID      OrgID       `jsonschema_description:"Team."`
	ChannelHashIDs []ChannelID `jsonschema_description:"1 to 100 channels of the team."`
}

// AutoAddToChannelsPrefInput is a built value. Flow: AutoAddToChannelsPref; the parameter
// is lower case on the wire.
type AutoAddToChannelsPrefInput struct {
	Data string `json:"data" jsonschema_description:"Value that NewAutoAddToChannelsPref has built."`
}

// SetAccountPreferencesInput sets and clears items. Flow: SetAccountPreferences.
type SetAccountPreferencesInput struct {
	Preferences      json.RawMessage `jsonschema_description:"Items to set: an object with any JSON by name. The others stay." json:",omitzero"`
	ClearPreferences []string        `jsonschema_description:"Names of items to clear." json:",omitzero"`
}

// AccountPreferencesInput has no parameters.
type AccountPreferencesInput struct{}

// IsMutedByPreferencesInput says where a message comes from. Flow: IsMutedByPreferences.
// When only the channel is given, its team counts too; source: proposed.
type IsMutedByPreferencesInput struct {
	OrgID     OrgID     `jsonschema_description:"Team." json:",omitzero"`
	ChannelID ChannelID `jsonschema_description:"Channel." json:",omitzero"`
	SenderID  AccountID `jsonschema_description:"Author." json:",omitzero"`
}
