package sqlite

import (
	"maps"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Right is a row of the table of rights, for those who document it.
type Right struct {
	// Operation is the name on the wire.
	Operation string
	// Place is what the account has a state in: a team, a channel, or the machine, which
	// means its own team.
	Place string
	// States are those in which an account may do it.
	States []flow.MemberState
	// May says in words what it may do, after "may".
	May string
}

// Asking is not a state of a member: it is that of an account which waits for an answer to
// its request to join a team.
const Asking = asking

// Rights returns who may do what, in the order in which it is best read. An operation
// without a row is for every account, and about its own things.
func Rights() []Right {
	all := make([]Right, len(rights))
	for i, r := range rights {
		all[i] = Right{Operation: wireName(r.method), Place: r.place, May: r.what}
		for _, state := range r.states {
			all[i].States = append(all[i].States, flow.MemberState(state))
		}
	}
	return all
}

// Changes returns the states that an account in state own may bring an account to that is
// in state from, or in none; itself says that it is the same account.
func Changes(own, from flow.MemberState, itself bool) []flow.MemberState {
	var possible []flow.MemberState
	for _, to := range []flow.MemberState{flow.Owner, flow.Admin, flow.Member, flow.Banned} {
		if mayChange("SetOrgMemberState", "team", own, from, to, itself) == nil {
			possible = append(possible, to)
		}
	}
	return possible
}

// Offices says of each operation that is for accounts of one kind who may do it and how
// one becomes such an account.
func Offices() map[string]string {
	all := map[string]string{}
	for _, o := range offices {
		all[wireName(o.method)] = "only " + o.what + "; " + o.how
	}
	return all
}

// Bonds says of each operation that is not for all accounts what keeps which of them from it.
func Bonds() map[string][]string {
	all := map[string][]string{}
	for _, b := range bonds {
		all[b.method] = append(all[b.method], "not for "+string(b.of))
	}
	return all
}

// Freedoms returns the operations that an account under the lock of a directory may do.
func Freedoms() []string { return slices.Sorted(maps.Keys(freedoms)) }
