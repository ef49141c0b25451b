package command

import (
	"context"
	"fmt"
	"os"

	"github.com/mattn/go-isatty"

	"github.com/flow-mcp/flow-mcp/examples/demo"
)

// Demo is the command that shows two servers at work.
type Demo struct{}

// Run plays the demonstration.
func (Demo) Run(ctx context.Context) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the own program: %w", err)
	}
	color := isatty.IsTerminal(os.Stdout.Fd()) && os.Getenv("NO_COLOR") == ""
	return demo.Run(ctx, demo.Options{Executable: executable, Out: os.Stdout, Color: color})
}
