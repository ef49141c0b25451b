// Command echo is a bot that answers every message of others with the same words.
//
//	go run ./examples/echo -account echo
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/process"
)

func main() {
	account := flag.String("account", "echo", "account to use; made when it does not exist")
	program := flag.String("flow-mcp", "flow-mcp", "program that serves the Flow API")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	client, disconnect := process.Connect(flow.Setup{Username: *account}, *program, "backend", "--until-stdin-closes")
	err := errors.Join(answer(ctx, client), disconnect())
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

// prefix marks what the bot says, so that two of them do not talk for ever.
const prefix = "echo: "

// answer echoes messages until ctx ends.
func answer(ctx context.Context, client *flow.Client) error {
	me, err := client.Identity(ctx)
	if err != nil {
		return err // there is nothing to listen to
	}
	for n, err := range client.Notifications(ctx) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "echo:", err) // it is tried again
			continue
		}
		if n.Type != flow.MessageEvent.Type() {
			continue
		}
		change, err := flow.MessageEvent.Decode(n)
		if err != nil {
			return err
		}
		for _, message := range change.RegularMessages {
			if message.SenderAccountID == me.AccountID || strings.HasPrefix(message.Text, prefix) {
				continue
			}
			if err := echo(ctx, client, message); err != nil {
				fmt.Fprintln(os.Stderr, "echo:", err)
			}
		}
	}
	return nil
}

// echo sends a message back. Its key is that of the message: should the bot be killed
// before it has noted that it answered, it will answer again, and nothing more is sent.
func echo(ctx context.Context, client *flow.Client, m flow.Message) error {
	key := flow.RequestID("echo of " + m.ID)
	_, err := flow.SendMessage.Call(ctx, client.Keyed(key), flow.SendMessageInput{
		ChannelID: m.ChannelID, Text: prefix + m.Text,
	})
	if err != nil {
		return fmt.Errorf("answer message %s: %w", m.ID, err)
	}
	return nil
}
