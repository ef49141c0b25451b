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
	u, err := user.Current()
	if err != nil {
		return unnamed
	}
	return nameOf(u.Username)
}

// unnamed is who one is where the system does not say it.
const unnamed = "user"

// nameOf is the account of somebody who logs in under a name: that, unless there is none or
// nobody may be called so.
func nameOf(login string) string {
	name := login[strings.LastIndex(login, `\`)+1:]
	if name == "" || flow.Fold(name) == "me" {
		return unnamed
	}
	return name
}
