package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// orgFor returns a team for an account that may do an operation there.
func orgFor(ctx context.Context, q *db.Queries, self *who, method string, id flow.OrgID) (db.OrgForRow, error) {
	org, err := q.OrgFor(ctx, self.account, id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return org, err
	}
	return org, allow(method, "team", flow.MemberState(org.State))
}

// orgOf is orgFor of the account that makes a call.
func (e *Engine) orgOf(ctx context.Context, call flow.Call, method string, id flow.OrgID) (db.OrgForRow, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return db.OrgForRow{}, err
	}
	org, err := orgFor(ctx, e.store.read, self, method, id)
	return org, e.store.explain(err)
}

// NewOrg implements [flow.Engine].
func (e *Engine) NewOrg(ctx context.Context, call flow.Call, in flow.NewOrgInput) (flow.Org, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Org{}, err
	}
	if err := flow.CheckName("Name", in.Name); err != nil {
		return flow.Org{}, err
	}
	return once(ctx, e, call, "NewOrg", string(self.id), func(t *tx) (flow.Org, error) {
		org, err := t.newOrg(in.Name, in.Discoverable)
		if err != nil {
			return flow.Org{}, err
		}
		return flow.Org{ID: org.Public, Name: org.Name, Discoverable: org.Discoverable, State: flow.Owner},
			t.setOrgState(org, person{self.account, self.id}, flow.Owner)
	})
}

// newOrg adds a team without members.
func (t *tx) newOrg(name string, discoverable bool) (db.OrgForRow, error) {
	org := db.OrgForRow{Public: flow.OrgID(flow.NewID()), Name: name, Discoverable: discoverable}
	var err error
	org.ID, err = t.AddOrg(t.ctx, db.AddOrgParams{Public: org.Public, Name: name, Discoverable: discoverable, Created: t.now})
	return org, err
}

// EnumerateOrgs implements [flow.Engine].
func (e *Engine) EnumerateOrgs(ctx context.Context, call flow.Call, _ flow.EnumerateOrgsInput) ([]flow.Org, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	rows, err := e.store.read.OrgsOf(ctx, self.account)
	list := make([]flow.Org, len(rows))
	for i, r := range rows {
		list[i] = flow.Org{ID: r.Public, Name: r.Name, Discoverable: r.Discoverable, State: r.State}
	}
	return list, e.store.explain(err)
}

// errNoTeam does not say whether there is a team.
var errNoTeam = flow.Errorf(flow.NotFound, "no such team, or it takes no requests")

// NewOrgJoinRequest implements [flow.Engine]. Asking again changes nothing.
func (e *Engine) NewOrgJoinRequest(ctx context.Context, call flow.Call, in flow.NewOrgJoinRequestInput) (flow.Nothing, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	return once(ctx, e, call, "NewOrgJoinRequest", string(self.id), func(t *tx) (none flow.Nothing, err error) {
		org, err := t.OrgFor(t.ctx, self.account, in.OrgID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return none, err
		}
		switch state := flow.MemberState(org.State); {
		case isIn(state):
			return none, flow.Errorf(flow.Conflict, "Member Already: you are in this team")
		case state == flow.Banned:
			return none, flow.Errorf(flow.Denied, "you are banned from this team; one of its owners or admins can add you")
		case err != nil:
			return none, errNoTeam
		case !org.Discoverable:
			if domain, err := t.DomainOf(t.ctx, self.account); err != nil || domain.Org != org.ID {
				return none, errNoTeam // but for the directory account that it has let be made
			}
		}
		return none, t.askToJoin(org, self)
	})
}

func (t *tx) askToJoin(org db.OrgForRow, self *who) error {
	n, err := t.AddJoinRequest(t.ctx, db.AddJoinRequestParams{Org: org.ID, Account: self.account, Created: t.now})
	if err != nil || n == 0 {
		return err
	}
	account, err := t.AccountByID(t.ctx, self.account)
	if err != nil {
		return err
	}
	_, err = emit(t, flow.OrgJoinRequestEvent, audience{org: org.ID, admins: true},
		[]flow.OrgJoinRequest{{OrgID: org.Public, AccountID: self.id, Kind: account.Kind, CreationTime: t.now}})
	return err
}

// EnumerateOrgJoinRequests implements [flow.Engine].
func (e *Engine) EnumerateOrgJoinRequests(ctx context.Context, call flow.Call, in flow.EnumerateOrgJoinRequestsInput) ([]flow.OrgJoinRequest, error) {
	org, err := e.orgOf(ctx, call, "EnumerateOrgJoinRequests", in.OrgID)
	if err != nil {
		return nil, err
	}
	rows, err := e.store.read.JoinRequests(ctx, org.ID)
	list := make([]flow.OrgJoinRequest, len(rows))
	for i, r := range rows {
		list[i] = flow.OrgJoinRequest{OrgID: in.OrgID, AccountID: r.Public, Kind: r.Kind, CreationTime: r.Created}
	}
	return list, e.store.explain(err)
}
