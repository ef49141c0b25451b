// Command autojoin is a bot that lets everybody who asks into a team, and adds them to each
// channel of it that the bot's account is an admin of. Accounts that read what is deleted, or
// that manage a domain, are left to the owners.
//
//	go run ./examples/autojoin -account ana TEAM
//
// TEAM is the name of the team or its id, which examples/teams prints.
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
	err := errors.Join(admitAll(ctx, client, flag.Arg(0)), disconnect())
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "autojoin:", err)
		os.Exit(1)
	}
}

// admitAll lets people into the team until ctx ends.
func admitAll(ctx context.Context, client *flow.Client, ref string) error {
	team, err := flow.NewDirectory(client).FindOrg(ctx, ref)
	if err != nil {
		return err
	}
	left := map[flow.AccountID]bool{} // to the owners, which is said once
	for n, err := range client.Notifications(ctx) {
		switch {
		case err != nil: // it is tried again
		case n.Type == flow.Connected, n.Type == flow.OrgJoinRequestEvent.Type():
			err = admitPending(ctx, client, team.ID, left)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "autojoin:", err)
		}
	}
	return nil
}

// admitPending lets in who waits. What others have answered meanwhile is left alone.
func admitPending(ctx context.Context, client *flow.Client, team flow.OrgID, left map[flow.AccountID]bool) error {
	pending, err := flow.EnumerateOrgJoinRequests.Call(ctx, client, flow.EnumerateOrgJoinRequestsInput{OrgID: team})
	if err != nil {
		return fmt.Errorf("list requests: %w", err)
	}
	for _, request := range pending {
		if request.Kind != flow.OrdinaryAccount {
			if !left[request.AccountID] {
				left[request.AccountID] = true
				fmt.Println("left to the owners:", request.Kind, "account", request.AccountID)
			}
			continue
		}
		err = errors.Join(err, admit(ctx, client, request))
	}
	return err
}

// admit makes somebody a member of the team and of its channels. A channel that fails keeps
// nobody out of the others.
func admit(ctx context.Context, client *flow.Client, request flow.OrgJoinRequest) error {
	_, err := flow.OrgAddMember.Call(ctx, client, flow.OrgAddMemberInput{
		OrgID: request.OrgID, MemberAccountID: request.AccountID, MemberState: flow.Member,
	})
	if err != nil {
		return fmt.Errorf("add %s to the team: %w", request.AccountID, err)
	}
	fmt.Println("admitted", request.AccountID)
	channels, err := flow.EnumerateChannels.Call(ctx, client, flow.EnumerateChannelsInput{OrgID: request.OrgID})
	if err != nil {
		return fmt.Errorf("list the channels of the team: %w", err)
	}
	var failed error
	for _, channel := range channels {
		if channel.Purpose == flow.DirectPurpose {
			continue
		}
		_, err := flow.ChannelAddMember.Call(ctx, client, flow.ChannelAddMemberInput{
			OrgID: request.OrgID, ChannelID: channel.ID, MemberAccountID: request.AccountID, MemberState: flow.Member,
		})
		switch {
		case errors.Is(err, flow.Denied), errors.Is(err, flow.NotFound): // the bot is no admin here, or the channel is gone
		case err != nil:
			failed = errors.Join(failed, fmt.Errorf("add %s to %q: %w", request.AccountID, channel.Name, err))
		default:
			fmt.Printf("added %s to %q\n", request.AccountID, channel.Name)
		}
	}
	return failed
}
