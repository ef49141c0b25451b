package process

import (
	"context"
	"os/user"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Connect returns a client of a backend of its own, and a function that stops the backend
// and returns when it is gone. The command starts our backend and lets it end with its
// standard input:
//
//	client, stop := process.Connect(flow.Setup{Username: "bot"}, "flow-mcp", "backend", "--until-stdin-closes")
//	defer stop()
//
// Nothing is started before the client is first used. Programs that want more say in the
// backend's life run a [Supervisor] themselves.
func Connect(setup flow.Setup, command ...string) (client *flow.Client, stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	supervisor := &Supervisor{Command: command, Own: true}
	ended := make(chan error, 1)
	go func() { ended <- supervisor.Run(ctx) }()
	return flow.NewClient(supervisor, setup), func() error {
		cancel()
		err := <-ended
		ended <- err // for whoever stops it again
		return err
	}
}

// UserName is what the person at this machine is called, without a Windows domain: who one
// is when nobody says otherwise.
func UserName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username[strings.LastIndex(u.Username, `\`)+1:]
	}
	return "me"
}
