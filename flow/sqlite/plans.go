package sqlite

import (
	"context"

	"github.com/flow-mcp/flow-mcp/flow"
)

// PaymentStatus implements [flow.Engine].
func (e *Engine) PaymentStatus(ctx context.Context, call flow.Call, _ flow.PaymentStatusInput) (flow.PaymentStatusOutput, error) {
	out := flow.PaymentStatusOutput{Account: flow.AccountPayment{Status: flow.Free}, Orgs: []flow.OrgPayment{}}
	orgs, err := e.EnumerateOrgs(ctx, call, flow.EnumerateOrgsInput{})
	for _, org := range orgs {
		out.Orgs = append(out.Orgs, flow.OrgPayment{OrgID: org.ID, Status: flow.Free})
	}
	return out, err
}

// GetOrgTypes implements [flow.Engine].
func (e *Engine) GetOrgTypes(ctx context.Context, call flow.Call, _ flow.GetOrgTypesInput) ([]flow.OrgType, error) {
	if _, _, err := e.self(ctx, call); err != nil {
		return nil, err
	}
	return []flow.OrgType{{
		ID: flow.FreePlan, Name: "Free", Description: "Everything that there is, for as many members as you like. Nobody pays.",
	}}, nil
}

// GetOrgData implements [flow.Engine].
func (e *Engine) GetOrgData(ctx context.Context, call flow.Call, in flow.GetOrgDataInput) (flow.OrgData, error) {
	org, err := e.orgOf(ctx, call, "GetOrgData", in.OrgID)
	if err != nil {
		return flow.OrgData{}, err
	}
	members, err := e.store.read.CountOrgMembers(ctx, org.ID)
	return flow.OrgData{
		OrgID: in.OrgID, OrgType: flow.FreePlan, MemberCount: members, Discoverable: org.Discoverable,
	}, e.store.explain(err)
}

// GetOrganizationBillingURL implements [flow.Engine].
func (e *Engine) GetOrganizationBillingURL(ctx context.Context, call flow.Call, in flow.GetOrganizationBillingURLInput) (string, error) {
	if _, err := e.orgOf(ctx, call, "GetOrganizationBillingURL", in.OrgID); err != nil {
		return "", err
	}
	return "", flow.Errorf(flow.Unsupported, "nobody pays for a team here, so there is no page to pay on")
}

// GetOrgAdminDashboardURL implements [flow.Engine].
func (e *Engine) GetOrgAdminDashboardURL(ctx context.Context, call flow.Call, in flow.GetOrgAdminDashboardURLInput) (string, error) {
	if _, err := e.orgOf(ctx, call, "GetOrgAdminDashboardURL", in.OrgID); err != nil {
		return "", err
	}
	return "", flow.Errorf(flow.Unsupported,
		"there is no web page to administer a team on; use SetOrgMemberState, OrgAddMember and the preferences of the team")
}
