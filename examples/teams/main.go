// Command teams lists the teams of an account and the channels it is in, with their ids.
//
//	go run ./examples/teams -account ana
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/process"
)

func main() {
	account := flag.String("account", process.UserName(), "account to use; made when it does not exist")
	program := flag.String("flow-mcp", "flow-mcp", "program that serves the Flow API")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	client, disconnect := process.Connect(flow.Setup{Username: *account}, *program, "backend", "--until-stdin-closes")
	err := errors.Join(list(ctx, client), disconnect())
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "teams:", err)
		os.Exit(1)
	}
}

// list prints each team, and below it its channels. Names are other people's words, so
// they are quoted: a quoted name cannot do anything to a terminal.
func list(ctx context.Context, client *flow.Client) error {
	teams, err := flow.EnumerateOrgs.Call(ctx, client, flow.EnumerateOrgsInput{})
	if err != nil {
		return fmt.Errorf("list teams: %w", err)
	}
	for _, team := range teams {
		fmt.Printf("%s %q\n", team.ID, team.Name)
		channels, err := flow.EnumerateChannels.Call(ctx, client, flow.EnumerateChannelsInput{OrgID: team.ID})
		if err != nil {
			return fmt.Errorf("list the channels of %q: %w", team.Name, err)
		}
		for _, channel := range channels {
			fmt.Printf("  %s %q\n", channel.ID, channel.Name)
		}
	}
	return nil
}
