package flow

import "context"

// ProfileGroup holds profiles of people.
const ProfileGroup Group = "profiles"

const (
	// ProfileItem is the profile item that says who somebody is. Its content is the JSON
	// of a [ProfileContent].
	ProfileItem = "profile"
	// MaxProfile is the longest content of a profile item, in bytes of UTF-8.
	MaxProfile = 1 << 20
	// MaxProfileItems is how many items an account can have.
	MaxProfileItems = 32
)

// Profiles is the group of calls about profiles. Whoever knows an account can read its
// profile; only the account itself can change it.
type Profiles interface {
	SetProfile(context.Context, Call, SetProfileInput) (Nothing, error)
	GetUserProfile(context.Context, Call, GetUserProfileInput) (string, error)
	EnumerateProfiles(context.Context, Call, EnumerateProfilesInput) ([]Profile, error)
	EnumerateIntegrationProfiles(context.Context, Call, EnumerateIntegrationProfilesInput) ([]IntegrationProfile, error)
}

// The rows of the group.
var (
	SetProfile = define(ProfileGroup, "SetProfile", Destroys,
		"Store a profile item of the own account; everybody who shares a team is told.", Engine.SetProfile)
	GetUserProfile = define(ProfileGroup, "GetUserProfile", Reads,
		"Get a profile item of an account. The item 'profile' is JSON with displayName, biography and photo.", Engine.GetUserProfile)
	EnumerateProfiles = define(ProfileGroup, "EnumerateProfiles", Reads,
		"List a profile item of all accounts that share a team with this one, itself included, by user name.", Engine.EnumerateProfiles)
	EnumerateIntegrationProfiles = define(ProfileGroup, "EnumerateIntegrationProfiles", Reads,
		"List the profiles of hosted integrations. Without a company that hosts some there are none.", Engine.EnumerateIntegrationProfiles).
		neutral("Nobody hosts integrations: the list is empty.")
)

// ProfileEvent is sent when a profile item of a known account changed. After a rename the
// item profile is sent as it is then, since no other notification of Flow has the user name
// in it; source: proposed. [GetPeerFromID] says what the account is called now, and so does
// Username where the backend is ours.
var ProfileEvent = announce[[]Profile]("profile",
	"A profile item of the account, or of one that shares a team with it, changed; or its user name did, then the item profile is sent as it is.")

// Profile is a profile item. Flow: Profile; all fields are proposed.
type Profile struct {
	AccountID AccountID `json:"accountId" jsonschema_description:"Owner."`
	Item      string    `json:"item" jsonschema_description:"Item name, such as profile."`
	Content   string    `json:"content" jsonschema_description:"Content as it was stored; JSON text for the item profile."`
	Username  string    `json:"username,omitzero" jsonschema_description:"What the owner is called now; left out by backends that do not say."`
}

// ProfileContent is the JSON in the content of the item profile. Flow: ProfileContent.
// Who has stored none has the user name as display name and no more; source: proposed.
type ProfileContent struct {
	DisplayName *string `json:"displayName" jsonschema_description:"Name to show; null when not said."`
	Biography   *string `json:"biography" jsonschema_description:"Free text; null when not said."`
	Photo       *string `json:"photo" jsonschema_description:"Picture as a data: URI, kept as it was given; null when there is none."`
}

// IntegrationProfile is the profile of a hosted integration. Flow: IntegrationProfile; all
// fields are proposed.
type IntegrationProfile struct {
	AccountID AccountID `json:"accountId" jsonschema_description:"Account it posts as."`
	OrgID     OrgID     `json:"orgId" jsonschema_description:"Team."`
	Content   string    `json:"content" jsonschema_description:"JSON text like that of a profile."`
}

// SetProfileInput is an item to store. Flow: SetProfile. The content is opaque but for the
// item profile, which has to be readable as a [ProfileContent] because programs rely on
// it. Empty content removes the item; source: proposed.
type SetProfileInput struct {
	Content string `jsonschema_description:"Content, up to 1 MiB; empty removes the item. For the item profile JSON text with displayName, biography and photo (a data: URI), each text or null."`
	Item    string `jsonschema_description:"Item name, 1 to 200 characters; profile when left out." json:",omitzero"`
}

// GetUserProfileInput names an account and an item. Flow: GetUserProfile. An item that was
// never stored is empty text, and the item profile then is made of the user name; source:
// proposed.
type GetUserProfileInput struct {
	AccountID AccountID `jsonschema_description:"Account."`
	Item      string    `jsonschema_description:"Item name; profile when left out." json:",omitzero"`
}

// EnumerateProfilesInput names an item. Flow: EnumerateProfiles. The item profile is there
// for every account, any other one for those that have stored it; source: proposed.
type EnumerateProfilesInput struct {
	Item string `jsonschema_description:"Item name; profile when left out." json:",omitzero"`
}

// EnumerateIntegrationProfilesInput has no parameters.
type EnumerateIntegrationProfilesInput struct{}
