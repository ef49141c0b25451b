package sqlite

import "github.com/flow-mcp/flow-mcp/flow"

// protocol is the version of what members say to the owner. It changes only when an
// owner could misunderstand a member, or the other way round.
const protocol = 1

// helloMethod must be the first call on a connection. It is not in the catalogue.
const helloMethod = "Hello"

// byeMethod says that the member ends with this connection, and its sessions with it. It is
// as little in the catalogue.
const byeMethod = "Bye"

// hello says who calls. Its form must stay as it is in every version of the protocol; what
// is added to it must be something that others can do without.
type hello struct {
	Protocol int    `json:"protocol"`
	Schema   int    `json:"schema"`  // newest version of the store's tables that it knows
	Version  string `json:"version"` // of the program
	Process  int    `json:"process"` // its id
	Member   string `json:"member"`
	Token    string `json:"token"`

	Newest flow.SessionID `json:"newest,omitzero"` // of the sessions that it has opened
}

// maxSession is the highest id of a session that a member can have: JSON numbers are not
// exact beyond it.
const maxSession = 1 << 53

// refuse says why members of different protocols cannot work together.
func (owner hello) refuse(visitor hello) error {
	older := owner
	if visitor.Protocol < owner.Protocol {
		older = visitor
	}
	return flow.Errorf(flow.Conflict, "process %d (version %q, protocol %d) has the store open and does not understand "+
		"process %d (version %q, protocol %d); end process %d, which is the older program, and start it in the version of the other",
		owner.Process, owner.Version, owner.Protocol, visitor.Process, visitor.Version, visitor.Protocol, older.Process)
}
