// Command listen prints every message that its account can read, as it arrives, and what
// arrived while it was away.
//
//	go run ./examples/listen -account ana
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

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
	err := errors.Join(listen(ctx, client), disconnect())
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "listen:", err)
		os.Exit(1)
	}
}

// listen prints messages until ctx ends. A backend that goes away is started again, and no
// message is lost or printed twice over that.
func listen(ctx context.Context, client *flow.Client) error {
	if _, err := client.Identity(ctx); err != nil {
		return err // there is nothing to listen to
	}
	names := flow.NewDirectory(client)
	for n, err := range client.Notifications(ctx) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "listen:", err) // it is tried again
			continue
		}
		names.Observe(n)
		if n.Type != flow.MessageEvent.Type() {
			continue
		}
		change, err := flow.MessageEvent.Decode(n)
		if err != nil {
			return err
		}
		for _, message := range change.RegularMessages {
			if err := show(ctx, names, message); err != nil {
				fmt.Fprintln(os.Stderr, "listen:", err)
			}
		}
	}
	return nil
}

// show prints a message on one line. Quoted text cannot do anything to a terminal.
func show(ctx context.Context, directory *flow.Directory, m flow.Message) error {
	names, err := directory.Names(ctx)
	if err != nil {
		return fmt.Errorf("look up names: %w", err)
	}
	_, err = fmt.Printf("%s %q %q %q\n", time.UnixMilli(m.CreationTime).Format(time.RFC3339),
		names.Channel(m.ChannelID), names.Called(ctx, m.SenderAccountID), m.Text)
	return err
}
