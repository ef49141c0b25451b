package command

import (
	"errors"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Describe returns what a log says of an error beside its text: to whoever reads the log
// of a backend in place of a person, that a person has to mend something.
func Describe(err error) []any {
	if errors.Is(err, flow.Unusable) {
		return []any{"code", string(flow.Unusable)}
	}
	return nil
}
