package command

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/tail"
)

// Tail is the command that prints messages for people and scripts.
type Tail struct {
	accountFlags
	Channel    []string `short:"c" sep:"none" placeholder:"CHANNEL" help:"Only these channels: names, ids or links. May be given several times."`
	After      *cursor  `placeholder:"CURSOR" xor:"start" help:"Begin behind this cursor, as --json prints it; 0 is the beginning. From now on when nothing says where, with --once from the beginning."`
	Since      string   `placeholder:"TIME" xor:"start" help:"Begin at a time: 90m ago, 2026-11-26, or 2026-11-26T17:00:00Z."`
	Once       bool     `help:"End when what is there was printed."`
	JSON       bool     `name:"json" help:"One JSON object a line."`
	CursorFile filePath `placeholder:"FILE" help:"Go on where the last run with this file ended, whatever --after and --since say. It is made when it is missing, and is for one account and choice of channels."`
}

// Help implements [kong.HelpProvider].
func (*Tail) Help() string {
	return "Times are local, with their distance from UTC; --json prints them in UTC."
}

// cursor is a place in the log.
type cursor flow.Cursor

// UnmarshalText implements [encoding.TextUnmarshaler].
func (c *cursor) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no cursor; give a number that --json has printed, or 0 for the beginning", text)
	}
	*c = cursor(n)
	return nil
}

// Run prints messages until it is stopped or its reader goes.
func (c *Tail) Run(ctx context.Context, log *slog.Logger) error {
	options := tail.Options{
		Channels: c.Channel, After: (*flow.Cursor)(c.After), Once: c.Once, JSON: c.JSON, CursorFile: string(c.CursorFile), Log: log,
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
