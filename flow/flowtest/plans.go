package flowtest

import (
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var plans = []scenario{
	{"are free", plansAreFree},
	{"tell what a team has", orgDataIsShown},
	{"have no pages", pagesAreMissing},
}

func plansAreFree(t *testing.T, n *network) {
	alice, bob := n.register(t, "alice"), n.register(t, "bob")
	if got := raw(t, alice, "PaymentStatus", "{}"); got != `{"account":{"status":"free"},"orgs":[]}` {
		t.Errorf("without a team the payment status is %s", got)
	}
	first, second := alice.founds(t, "First"), bob.founds(t, "Second", alice)
	want := flow.PaymentStatusOutput{
		Account: flow.AccountPayment{Status: flow.Free},
		Orgs:    []flow.OrgPayment{{OrgID: first, Status: flow.Free}, {OrgID: second, Status: flow.Free}},
	}
	if diff := cmp.Diff(want, must(t, alice, flow.PaymentStatus, flow.PaymentStatusInput{})); diff != "" {
		t.Errorf("payment status (-want +got):\n%s", diff)
	}
	for _, plan := range must(t, alice, flow.GetOrgTypes, flow.GetOrgTypesInput{}) {
		if plan.ID != flow.FreePlan || plan.Name == "" || plan.Description == "" {
			t.Errorf("the plan %+v is on offer", plan)
		}
	}
}

func orgDataIsShown(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	org := alice.founds(t, "Team", bob, carol)
	must(t, alice, flow.SetOrgMemberState, flow.SetOrgMemberStateInput{OrgID: org, MemberAccountID: carol.id, MemberState: flow.Banned})
	want := flow.OrgData{OrgID: org, OrgType: flow.FreePlan, MemberCount: 2, Discoverable: true}
	for _, p := range []*person{alice, bob} {
		if diff := cmp.Diff(want, must(t, p, flow.GetOrgData, flow.GetOrgDataInput{OrgID: org})); diff != "" {
			t.Errorf("the team as %s sees it (-want +got):\n%s", p.name, diff)
		}
	}
	refuse(t, carol, flow.GetOrgData, flow.GetOrgDataInput{OrgID: org}, flow.NotFound)
	refuse(t, alice, flow.GetOrgData, flow.GetOrgDataInput{OrgID: "NONE"}, flow.NotFound)
}

func pagesAreMissing(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	org := alice.founds(t, "Team", bob)
	for p, code := range map[*person]flow.Code{alice: flow.Unsupported, bob: flow.Denied, carol: flow.NotFound} {
		refuse(t, p, flow.GetOrganizationBillingURL, flow.GetOrganizationBillingURLInput{OrgID: org}, code)
		refuse(t, p, flow.GetOrgAdminDashboardURL, flow.GetOrgAdminDashboardURLInput{OrgID: org}, code)
	}
}
