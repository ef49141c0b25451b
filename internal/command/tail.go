package command

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/tail"
)

// Tail is the command that prints messages for people and scripts.
type Tail struct {
	accountFlags
	Channel    []string `short:"c" sep:"none" placeholder:"CHANNEL" help:"Only these channels: names, ids or links."`
	After      *int64   `placeholder:"CURSOR" xor:"start" help:"Begin behind this cursor; 0 is the beginning. From now on when nothing says where, with --once from the beginning."`
	Since      string   `placeholder:"TIME" xor:"start" help:"Begin at a time: 90m ago, 2026-11-26, or 2026-11-26T17:00:00Z."`
	Once       bool     `help:"End when what is there was printed."`
	JSON       bool     `name:"json" help:"One JSON object a line."`
	CursorFile string   `type:"path" placeholder:"FILE" help:"Go on where the last run with this file ended. It is made when it is missing."`
}

// Run prints messages until it is stopped or its reader goes.
func (c *Tail) Run(ctx context.Context, log *slog.Logger) error {
	options := tail.Options{
		Channels: c.Channel, After: (*flow.Cursor)(c.After), Once: c.Once, JSON: c.JSON, CursorFile: c.CursorFile, Log: log,
	}
	if c.Since != "" {
		var err error
		if options.Since, err = tail.ParseSince(c.Since, time.Now()); err != nil {
			return fmt.Errorf("--since: %w", err)
		}
	}
	return c.visit(ctx, reads, log, func(ctx context.Context, client *flow.Client) error {
		return tail.Run(ctx, client, os.Stdout, options)
	})
}
