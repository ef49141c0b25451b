package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Join is the command that makes an account before its host makes a first call, so that
// others find it, and programs that only read can use it.
type Join struct {
	accountFlags
	ReadOnly bool `env:"FLOW_MCP_READ_ONLY" hidden:"" help:"Refused."`
}

// Run makes what is missing and says who one is and where. What there is it leaves alone.
func (j *Join) Run(ctx context.Context, log *slog.Logger) error {
	if j.ReadOnly {
		return errors.New("join makes an account, which --read-only forbids; leave that out, and FLOW_MCP_READ_ONLY too")
	}
	return j.visit(ctx, writes, log, func(ctx context.Context, client *flow.Client) error {
		return j.report(ctx, client, os.Stdout)
	})
}

func (j *Join) report(ctx context.Context, client *flow.Client, out io.Writer) error {
	self, err := client.Identity(ctx)
	if err != nil {
		return err
	}
	dir := flow.NewDirectory(client)
	orgs, err := dir.Orgs(ctx)
	if err != nil {
		return err
	}
	channels, err := dir.Channels(ctx)
	if err != nil {
		return err
	}
	names, err := dir.Names(ctx)
	if err != nil {
		return err
	}
	state := "as before"
	if self.Created {
		state = "new on this machine"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "You are %q, %s.\n", "@"+self.Username, state)
	for _, org := range orgs {
		fmt.Fprintf(&text, "Team %q: %s\n", org.Name, listed(names, channels, org.ID))
	}
	if len(orgs) == 0 {
		text.WriteString("You are in no team.\n")
	}
	if j.Backend == "" {
		fmt.Fprintf(&text, "Store: %s\n", j.DataDir)
	}
	_, err = io.WriteString(out, text.String())
	return err
}

// fewChannels is how many channels of a team are named.
const fewChannels = 20

func listed(names flow.Names, channels []flow.Channel, org flow.OrgID) string {
	var all []string
	for _, ch := range channels {
		if ch.OrgID == org {
			all = append(all, fmt.Sprintf("%q", names.Channel(ch.ID))) // quoted, a name can do nothing to a terminal
		}
	}
	slices.Sort(all)
	if more := len(all) - fewChannels; more > 0 {
		all = append(all[:fewChannels], fmt.Sprintf("and %d more", more))
	}
	if len(all) == 0 {
		return "no channel"
	}
	return strings.Join(all, ", ")
}
