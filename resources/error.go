package resources

import (
	"fmt"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// refusal is an error with the JSON-RPC code that its kind has in each protocol era. The
// transport asks it for the code.
type refusal struct{ cause error }

func (r refusal) Error() string { return r.cause.Error() }
func (r refusal) Unwrap() error { return r.cause }

// RPCCode returns the code of the answer. What does not exist has a code of its own only
// before revision 2026-07-28.
func (r refusal) RPCCode(modern bool) int {
	switch {
	case flow.CodeOf(r.cause) == flow.NotFound && !modern:
		return mcp.RESOURCE_NOT_FOUND
	case final(r.cause):
		return mcp.INVALID_PARAMS
	}
	return mcp.INTERNAL_ERROR
}

// final reports whether err stays the same when the client asks again: the backend has
// answered.
func final(err error) bool {
	switch flow.CodeOf(err) {
	case flow.NotFound, flow.Invalid, flow.Conflict, flow.Denied, flow.Unsupported:
		return true
	}
	return false
}

// refuse says what could not be read, and why.
func refuse(uri string, err error) error {
	return refusal{fmt.Errorf("read %s: %w", shown(uri), err)}
}
