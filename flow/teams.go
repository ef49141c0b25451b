package flow

import "context"

// TeamGroup holds teams, which the API calls orgs.
const TeamGroup Group = "teams"

// Teams is the group of calls about teams.
type Teams interface {
	NewOrg(context.Context, Call, NewOrgInput) (Org, error)
	EnumerateOrgs(context.Context, Call, EnumerateOrgsInput) ([]Org, error)
	NewOrgJoinRequest(context.Context, Call, NewOrgJoinRequestInput) (Nothing, error)
	EnumerateOrgJoinRequests(context.Context, Call, EnumerateOrgJoinRequestsInput) ([]OrgJoinRequest, error)
}

// The rows of the group.
var (
	NewOrg = define(TeamGroup, "NewOrg", Writes,
		"Create a team. The creator becomes its owner.", Engine.NewOrg)
	EnumerateOrgs = define(TeamGroup, "EnumerateOrgs", Reads,
		"List the teams the account belongs to.", Engine.EnumerateOrgs)
	NewOrgJoinRequest = define(TeamGroup, "NewOrgJoinRequest", Writes,
		"Ask to join a team whose id is known. Its owners and admins are told.", Engine.NewOrgJoinRequest)
	EnumerateOrgJoinRequests = define(TeamGroup, "EnumerateOrgJoinRequests", Reads,
		"List the pending requests to join a team; for its owners and admins.", Engine.EnumerateOrgJoinRequests)
)

// Org is a team. Flow: Org; discoverable and state are proposed.
type Org struct {
	ID           OrgID       `json:"id" jsonschema_description:"Team id."`
	Name         string      `json:"name" jsonschema_description:"Team name."`
	Discoverable bool        `json:"discoverable" jsonschema_description:"Whether others can ask to join."`
	State        MemberState `json:"state" jsonschema_description:"The account's own state in the team."`
}

// OrgJoinRequest is a pending request. Flow: OrgJoinRequest; creationTime and kind are
// proposed.
type OrgJoinRequest struct {
	OrgID     OrgID     `json:"orgId" jsonschema_description:"Team."`
	AccountID AccountID `json:"accountId" jsonschema_description:"Who asks."`

	Kind AccountKind `json:"kind,omitzero" jsonschema_description:"escrow for an account that reads what is deleted, directory for one that manages a domain; left out otherwise."`

	CreationTime int64 `json:"creationTime" jsonschema_description:"When, in milliseconds since 1970 UTC."`
}

// NewOrgInput makes a team. Flow: NewOrg.
type NewOrgInput struct {
	Name         string `jsonschema_description:"Team name, 1 to 200 characters."`
	Discoverable bool   `jsonschema_description:"Whether others can ask to join." json:",omitzero"`
}

// EnumerateOrgsInput has no parameters.
type EnumerateOrgsInput struct{}

// NewOrgJoinRequestInput names the team. Flow: NewOrgJoinRequest; a member's request
// fails with a text that contains 'Member Already'.
type NewOrgJoinRequestInput struct {
	OrgID OrgID `jsonschema_description:"Team to join, by id."`
}

// EnumerateOrgJoinRequestsInput names the team. Flow: EnumerateOrgJoinRequests.
type EnumerateOrgJoinRequestsInput struct {
	OrgID OrgID `jsonschema_description:"Team."`
}
