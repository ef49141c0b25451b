package command

import (
	"context"
	"os"

	"github.com/flow-mcp/flow-mcp/flow/process"
)

// Guard is the command, hidden, around a foreign backend.
type Guard struct {
	Command []string `arg:"" passthrough:"" help:"Backend and its arguments."`
}

// Run starts the command and ends it when standard input is closed.
func (g *Guard) Run(ctx context.Context) error {
	command := g.Command
	if command[0] == "--" {
		command = command[1:]
	}
	return process.Guard(ctx, os.Stdin, os.Stdout, os.Stderr, command)
}
