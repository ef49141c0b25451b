package flow

import "context"

// PlanGroup holds what teams pay for.
const PlanGroup Group = "plans"

// Plans is the group of calls about plans and payment. Flow has a company behind it that
// sells plans to teams. The engines of this project have none: one plan is free and has
// everything, and there is no page on which to pay or to administer a team.
type Plans interface {
	PaymentStatus(context.Context, Call, PaymentStatusInput) (PaymentStatusOutput, error)
	GetOrgTypes(context.Context, Call, GetOrgTypesInput) ([]OrgType, error)
	GetOrgData(context.Context, Call, GetOrgDataInput) (OrgData, error)
	GetOrganizationBillingURL(context.Context, Call, GetOrganizationBillingURLInput) (string, error)
	GetOrgAdminDashboardURL(context.Context, Call, GetOrgAdminDashboardURLInput) (string, error)
}

// The rows of the group.
var (
	PaymentStatus = define(PlanGroup, "PaymentStatus", Reads,
		"Tell what is paid for the account and its teams.", Engine.PaymentStatus).
		neutral("Nobody pays for anything: the status of the account and of each of its teams is free.")
	GetOrgTypes = define(PlanGroup, "GetOrgTypes", Reads,
		"List the plans that a team can have.", Engine.GetOrgTypes).
		neutral("There is one plan, free, which has everything.")
	GetOrgData = define(PlanGroup, "GetOrgData", Reads,
		"Get the plan of a team, how many members it has, and whether it is discoverable.", Engine.GetOrgData).
		neutral("The plan of every team is free; the rest is what it is.")
	GetOrganizationBillingURL = define(PlanGroup, "GetOrganizationBillingURL", Reads,
		"Get the address of the page where a team is paid for; for its owners and admins.", Engine.GetOrganizationBillingURL).
		neutral("There is no such page: it fails with the code unsupported.")
	GetOrgAdminDashboardURL = define(PlanGroup, "GetOrgAdminDashboardURL", Reads,
		"Get the address of a team's dashboard for admins; for its owners and admins.", Engine.GetOrgAdminDashboardURL).
		neutral("There is no such page: it fails with the code unsupported.")
)

// PlanID names a plan.
type PlanID string

// FreePlan is the only plan that the engines of this project have.
const FreePlan PlanID = "free"

// PayState says whether something is paid for. Flow: unknown; the word is proposed.
type PayState string

// Free is the state of what costs nothing.
const Free PayState = "free"

// PaymentStatusInput has no parameters.
type PaymentStatusInput struct{}

// PaymentStatusOutput is what is paid for. Flow: PaymentStatus, all fields proposed.
type PaymentStatusOutput struct {
	Account AccountPayment `json:"account" jsonschema_description:"The account."`
	Orgs    []OrgPayment   `json:"orgs" jsonschema_description:"Its teams."`
}

// AccountPayment is the state of the account. Flow: PaymentStatus, proposed.
type AccountPayment struct {
	Status PayState `json:"status" jsonschema_description:"Payment state; free when nothing is paid for."`
}

// OrgPayment is the state of one team. Flow: PaymentStatus, proposed.
type OrgPayment struct {
	OrgID  OrgID    `json:"orgId" jsonschema_description:"Team."`
	Status PayState `json:"status" jsonschema_description:"Payment state; free when nothing is paid for."`
}

// GetOrgTypesInput has no parameters.
type GetOrgTypesInput struct{}

// OrgType is a plan. Flow: OrgType, all fields proposed.
type OrgType struct {
	ID          PlanID `json:"id" jsonschema_description:"Plan id."`
	Name        string `json:"name" jsonschema_description:"Plan name."`
	Description string `json:"description" jsonschema_description:"What the plan has."`
}

// GetOrgDataInput names the team. Flow: GetOrgData.
type GetOrgDataInput struct {
	OrgID OrgID `jsonschema_description:"Team."`
}

// OrgData is what is known of a team beside its name. Flow: OrgData, all fields proposed.
type OrgData struct {
	OrgID        OrgID  `json:"orgId" jsonschema_description:"Team."`
	OrgType      PlanID `json:"orgType" jsonschema_description:"Plan, one of GetOrgTypes."`
	MemberCount  int64  `json:"memberCount" jsonschema_description:"Members, without those who were banned."`
	Discoverable bool   `json:"discoverable" jsonschema_description:"Whether others can ask to join."`
}

// GetOrganizationBillingURLInput names the team. Flow: GetOrganizationBillingURL.
type GetOrganizationBillingURLInput struct {
	OrgID OrgID `jsonschema_description:"Team."`
}

// GetOrgAdminDashboardURLInput names the team. Flow: GetOrgAdminDashboardURL.
type GetOrgAdminDashboardURLInput struct {
	OrgID OrgID `jsonschema_description:"Team."`
}
