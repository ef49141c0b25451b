package flow

import "context"

// MemberGroup holds who belongs to teams and channels.
const MemberGroup Group = "members"

// MemberState is what an account is in a team or channel. Flow: o, a, m or b; who creates a
// channel is its admin. Proposed: an admin of a channel who owns the team counts as an owner
// there, so that owners of the team make those of channels.
type MemberState string

// The states.
const (
	// Owner may do everything, and alone may make owners.
	Owner MemberState = "o"
	// Admin may add members, change states up to admin, and delete.
	Admin MemberState = "a"
	// Member reads and writes.
	Member MemberState = "m"
	// Banned is out: not in member lists, only in the history.
	Banned MemberState = "b"
)

// Members is the group of calls about membership.
type Members interface {
	EnumerateOrgMembers(context.Context, Call, EnumerateOrgMembersInput) ([]OrgMember, error)
	EnumerateOrgMemberHistory(context.Context, Call, EnumerateOrgMemberHistoryInput) ([]OrgMember, error)
	OrgAddMember(context.Context, Call, OrgAddMemberInput) (Nothing, error)
	SetOrgMemberState(context.Context, Call, SetOrgMemberStateInput) (Nothing, error)
	EnumerateChannelMembers(context.Context, Call, EnumerateChannelMembersInput) ([]ChannelMember, error)
	EnumerateChannelMemberHistory(context.Context, Call, EnumerateChannelMemberHistoryInput) ([]ChannelMember, error)
	ChannelAddMember(context.Context, Call, ChannelAddMemberInput) (Nothing, error)
	NewChannelMemberState(context.Context, Call, NewChannelMemberStateInput) (Nothing, error)
}

// The rows of the group.
var (
	EnumerateOrgMembers = define(MemberGroup, "EnumerateOrgMembers", Reads,
		"List the current members of a team with their states; banned accounts are left out.", Engine.EnumerateOrgMembers)
	EnumerateOrgMemberHistory = define(MemberGroup, "EnumerateOrgMemberHistory", Reads,
		"List every change of membership of a team, newest first.", Engine.EnumerateOrgMemberHistory)
	OrgAddMember = define(MemberGroup, "OrgAddMember", Sets,
		"Add an account to a team, with or without a join request; for its owners and admins.", Engine.OrgAddMember)
	SetOrgMemberState = define(MemberGroup, "SetOrgMemberState", Destroys,
		"Change a team member's state, also to ban. A banned member leaves the team's channels too.", Engine.SetOrgMemberState)
	EnumerateChannelMembers = define(MemberGroup, "EnumerateChannelMembers", Reads,
		"List the current members of a channel with their states.", Engine.EnumerateChannelMembers)
	EnumerateChannelMemberHistory = define(MemberGroup, "EnumerateChannelMemberHistory", Reads,
		"List every change of membership of a channel, newest first; the last is its creation.", Engine.EnumerateChannelMemberHistory)
	ChannelAddMember = define(MemberGroup, "ChannelAddMember", Sets,
		"Add a team member to a channel; for the channel's owners and admins.", Engine.ChannelAddMember)
	NewChannelMemberState = define(MemberGroup, "NewChannelMemberState", Destroys,
		"Change a channel member's state, also to ban. Setting one's own state to b leaves the channel.", Engine.NewChannelMemberState)
)

// OrgMember is a record of membership of a team. Flow: OrgMember; creationTime and kind are
// proposed.
type OrgMember struct {
	OrgID        OrgID       `json:"orgId" jsonschema_description:"Team."`
	AccountID    AccountID   `json:"accountId" jsonschema_description:"Member."`
	State        MemberState `json:"state" jsonschema_description:"o owner, a admin, m member, b banned."`
	CreationTime int64       `json:"creationTime" jsonschema_description:"When the record was made, in milliseconds since 1970 UTC."`

	Kind AccountKind `json:"kind,omitzero" jsonschema_description:"escrow for an account that reads what is deleted, directory for one that manages a domain; left out otherwise."`
}

// ChannelMember is a record of membership of a channel. Flow: ChannelMember; orgId and
// creationTime are proposed.
type ChannelMember struct {
	OrgID        OrgID       `json:"orgId" jsonschema_description:"Team of the channel."`
	ChannelID    ChannelID   `json:"channelId" jsonschema_description:"Channel."`
	AccountID    AccountID   `json:"accountId" jsonschema_description:"Member."`
	State        MemberState `json:"state" jsonschema_description:"o owner, a admin, m member, b banned."`
	CreationTime int64       `json:"creationTime" jsonschema_description:"When the record was made, in milliseconds since 1970 UTC."`
}

// EnumerateOrgMembersInput names the team.
type EnumerateOrgMembersInput struct {
	OrgID OrgID `jsonschema_description:"Team."`
}

// EnumerateOrgMemberHistoryInput names the team.
type EnumerateOrgMemberHistoryInput struct {
	OrgID OrgID `jsonschema_description:"Team."`
}

// OrgAddMemberInput adds an account to a team. Flow: OrgAddMember.
type OrgAddMemberInput struct {
	OrgID           OrgID       `jsonschema_description:"Team."`
	MemberAccountID AccountID   `jsonschema_description:"Account to add."`
	MemberState     MemberState `jsonschema_description:"o owner, a admin, m member, b banned." jsonschema:"enum=o,enum=a,enum=m,enum=b"`
}

// SetOrgMemberStateInput changes a state in a team. Flow: SetOrgMemberState. Proposed: the
// last owner can neither leave nor step down. Where somebody who leaves was the last admin of
// a channel, another of its members becomes that: people before programs, who is not locked
// before who is, owners of the team before its admins and these before others, and then who
// has been in the channel for the longest.
type SetOrgMemberStateInput struct {
	OrgID           OrgID       `jsonschema_description:"Team."`
	MemberAccountID AccountID   `jsonschema_description:"Member whose state is changed."`
	MemberState     MemberState `jsonschema_description:"o owner, a admin, m member, b banned." jsonschema:"enum=o,enum=a,enum=m,enum=b"`
}

// EnumerateChannelMembersInput names the channel.
type EnumerateChannelMembersInput struct {
	ChannelID ChannelID `jsonschema_description:"Channel."`
}

// EnumerateChannelMemberHistoryInput names the channel.
type EnumerateChannelMemberHistoryInput struct {
	ChannelID ChannelID `jsonschema_description:"Channel."`
}

// ChannelAddMemberInput adds an account to a channel. Flow: ChannelAddMember; for one
// who is a member already it is a change of state.
type ChannelAddMemberInput struct {
	OrgID           OrgID       `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID       ChannelID   `jsonschema_description:"Channel."`
	MemberAccountID AccountID   `jsonschema_description:"Team member to add."`
	MemberState     MemberState `jsonschema_description:"o owner, a admin, m member, b banned." jsonschema:"enum=o,enum=a,enum=m,enum=b"`
}

// NewChannelMemberStateInput changes a state in a channel. Flow: NewChannelMemberState.
// Proposed: the last owner or admin of a channel can leave it when nobody else is in it, and
// step down when there is another.
type NewChannelMemberStateInput struct {
	OrgID           OrgID       `jsonschema_description:"Team of the channel." json:",omitzero"`
	ChannelID       ChannelID   `jsonschema_description:"Channel."`
	MemberAccountID AccountID   `jsonschema_description:"Member whose state is changed."`
	MemberState     MemberState `jsonschema_description:"o owner, a admin, m member, b banned." jsonschema:"enum=o,enum=a,enum=m,enum=b"`
}
