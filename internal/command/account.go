package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/process"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
	"github.com/flow-mcp/flow-mcp/internal/folders"
	"github.com/flow-mcp/flow-mcp/internal/policy"
)

// storeFlags say where the embedded store is.
type storeFlags struct {
	DataDir filePath `env:"FLOW_MCP_DATA_DIR" placeholder:"DIR" default:"${data_dir}" help:"Directory of the embedded store; ${default} when not given. (${env})"`
}

// Validate refuses to guess where the store would be.
func (s *storeFlags) Validate() error {
	if s.DataDir == "" {
		return errors.New("--data-dir: say where the store is; without a home directory there is no usual place")
	}
	return nil
}

// filePath is the whole path of a file or a directory, or empty.
type filePath string

// UnmarshalText implements [encoding.TextUnmarshaler]. It takes what is relative, and what
// begins with ~ and no shell has made whole.
func (p *filePath) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	whole, err := folders.Absolute(string(text))
	*p = filePath(whole)
	return err
}

// accountFlags say who one is, and on which backend.
type accountFlags struct {
	storeFlags
	patienceFlags
	Account accountName `env:"FLOW_MCP_ACCOUNT" placeholder:"NAME" help:"Account to use; it is made when it does not exist, by what writes. Your user name when not given. (${env})"`
	Policy  filePath    `env:"FLOW_MCP_POLICY" placeholder:"FILE" help:"What may be read, written, sent and touched, as TOML. (${env})"`
	Backend filePath    `env:"FLOW_MCP_BACKEND" placeholder:"PATH" help:"Installed backend to drive instead of the embedded one: a semaphor-backend, or the directory of the application that it came with. (${env})"`
}

// use says what an account is started for.
type use int

const (
	writes use = iota
	reads      // which makes no account
)

// connect returns the client of the account, what keeps its backend running, and the gate
// between them. A backend of somebody else's that is not there is an error.
func (a *accountFlags) connect(
	executable string, use use, rules *policy.Policy, log *slog.Logger,
) (*process.Supervisor, *policy.Gate, *flow.Client, error) {
	if err := sqlite.CheckDir(string(a.DataDir)); err != nil {
		return nil, nil, nil, fmt.Errorf("--data-dir: %w", err)
	}
	setup, err := a.setup(use)
	if err != nil {
		return nil, nil, nil, err
	}
	supervisor := a.embedded(executable, use, log)
	if a.Backend != "" {
		app := &process.Application{Path: string(a.Backend), DataDir: string(a.DataDir), Guard: []string{executable, "guard", "--"}}
		if err := app.Check(); err != nil {
			return nil, nil, nil, fmt.Errorf("--backend: %w; give the path of a semaphor-backend, or the directory of the application", err)
		}
		supervisor, setup.Config = &process.Supervisor{Newest: app.Command, Own: true}, app.Config
	}
	supervisor.Patience = a.GiveUpAfter.Duration
	supervisor.Log = log.With("part", "backend")
	gate := policy.New(rules, supervisor, log)
	return supervisor, gate, flow.NewClient(gate, setup), nil
}

// visit does something with the account, on a backend that is there for as long.
func (a *accountFlags) visit(
	ctx context.Context, use use, log *slog.Logger, do func(context.Context, *flow.Client) error,
) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the own program: %w", err)
	}
	rules, err := a.rules()
	if err != nil {
		return err
	}
	if use == reads && a.Backend == "" {
		if err := sqlite.CheckStore(string(a.DataDir)); err != nil { // before a backend says so, too
			return err
		}
	}
	supervisor, _, client, err := a.connect(executable, use, rules, log)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running errgroup.Group
	running.Go(func() error { return supervisor.Run(ctx) })
	running.Go(func() error {
		defer cancel()
		return do(ctx, client)
	})
	return running.Wait()
}

// embedded describes our own backend as a process, which logs what log wants to have.
func (a *accountFlags) embedded(executable string, use use, log *slog.Logger) *process.Supervisor {
	command := []string{
		executable, "backend", "--until-stdin-closes", "--data-dir", string(a.DataDir),
		"--log-level", levelOf(log), "--log-format", "json", "--give-up-after", a.GiveUpAfter.String(),
	}
	if use == reads {
		command = append(command, "--existing")
	}
	return &process.Supervisor{Command: append(command, "0"), Own: true}
}

// levelOf returns the name of the lowest level that a log takes.
func levelOf(log *slog.Logger) string {
	level := slog.LevelDebug
	for level < slog.LevelError && !log.Enabled(context.Background(), level) {
		level += slog.LevelInfo - slog.LevelDebug
	}
	return strings.ToLower(level.String())
}

func (a *accountFlags) setup(use use) (flow.Setup, error) {
	name := string(a.Account)
	if name == "" {
		name = process.UserName()
		if err := flow.CheckUsername("your user name", name); err != nil {
			return flow.Setup{}, fmt.Errorf("%w, or give a name with --account", err)
		}
	}
	device, err := os.Hostname()
	if err != nil {
		device = "this machine"
	}
	return flow.Setup{Username: name, Existing: use == reads, DeviceName: device}, nil
}

// accountName is the name of an account, or empty.
type accountName string

// UnmarshalText implements [encoding.TextUnmarshaler]. It takes a name with an @ before it,
// as people are written everywhere.
func (n *accountName) UnmarshalText(text []byte) error {
	*n = accountName(bytes.TrimPrefix(text, []byte("@")))
	if len(text) == 0 {
		return nil
	}
	return flow.CheckUsername("the name of the account", string(*n))
}

// rules reads the policy, if there is one.
func (s *accountFlags) rules() (*policy.Policy, error) {
	if s.Policy == "" {
		return &policy.Policy{}, nil
	}
	return policy.Load(string(s.Policy))
}
