// Command autojoin is a bot that lets everybody who asks into a team, and adds them to each
// channel of it that the bot's account is an admin of. Accounts that read what is deleted, or
// that manage a domain, are left to the owners.
//
//	go run ./examples/autojoin -account ana TEAM
//
// TEAM is the name of the team or its id, which examples/teams prints.
//
// A bot may end at any time. A request is gone once its author is in the team, so the bot
// notes in its account's preferences whom it has begun to let in, and goes on with them when
// it is back.
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
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: autojoin [flags] TEAM")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	client, disconnect := process.Connect(flow.Setup{Username: *account}, *program, "backend", "--until-stdin-closes")
	err := errors.Join(run(ctx, client, flag.Arg(0)), disconnect())
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "autojoin:", err)
		os.Exit(1)
	}
}

// run lets people into a team until ctx ends.
func run(ctx context.Context, client *flow.Client, ref string) error {
	team, err := flow.NewDirectory(client).FindOrg(ctx, ref)
	if err != nil {
		return err
	}
	b := bot{client: client, team: team.ID, left: map[flow.AccountID]bool{}}
	for n, err := range client.Notifications(ctx) {
		switch {
		case err != nil: // it is tried again
		case n.Type == flow.Connected, n.Type == flow.OrgJoinRequestEvent.Type():
			err = b.admitAll(ctx)
		}
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "autojoin:", err)
		}
	}
	return nil
}
