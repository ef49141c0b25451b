package command

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/process"
	"github.com/flow-mcp/flow-mcp/internal/policy"
)

// storeFlags say where the embedded store is.
type storeFlags struct {
	DataDir string `env:"FLOW_MCP_DATA_DIR" placeholder:"DIR" default:"${data_dir}" help:"Directory of the embedded store; ${default} when not given. (${env})"`
}

// accountFlags say who one is, and on which backend.
type accountFlags struct {
	storeFlags
	patienceFlags
	Account string `env:"FLOW_MCP_ACCOUNT" placeholder:"NAME" help:"Account to use; it is made when it does not exist, by what writes. Your user name when not given. (${env})"`
	Policy  string `env:"FLOW_MCP_POLICY" placeholder:"FILE" help:"What may be read, written, sent and touched, as TOML. (${env})"`
	Backend string `env:"FLOW_MCP_BACKEND" placeholder:"PATH" help:"Installed backend to drive instead of the embedded one: a semaphor-backend, or the directory of the application that it came with. (${env})"`
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
	supervisor, setup := a.embedded(executable, log), a.setup()
	setup.Existing = use == reads
	if a.Backend != "" {
		app := &process.Application{Path: a.Backend, DataDir: a.DataDir, Guard: []string{executable, "guard", "--"}}
		if err := app.Check(); err != nil {
			return nil, nil, nil, fmt.Errorf("--backend: %w; give the path of a semaphor-backend, or the directory of the application", err)
		}
		supervisor, setup.Config = &process.Supervisor{Newest: app.Command, Own: true}, app.Config
	}
	supervisor.Patience = a.GiveUpAfter.Duration
	supervisor.Log = log.With("part", "backend")
	gate := policy.New(rules, supervisor)
	return supervisor, gate, flow.NewClient(gate, setup), nil
}

// embedded describes our own backend as a process, which logs what log wants to have.
func (a *accountFlags) embedded(executable string, log *slog.Logger) *process.Supervisor {
	return &process.Supervisor{
		Command: []string{
			executable, "backend", "--until-stdin-closes", "--data-dir", a.DataDir,
			"--log-level", levelOf(log), "--log-format", "json",
			"--give-up-after", a.GiveUpAfter.String(), "0",
		},
		Own: true,
	}
}

// levelOf returns the name of the lowest level that a log takes.
func levelOf(log *slog.Logger) string {
	level := slog.LevelDebug
	for level < slog.LevelError && !log.Enabled(context.Background(), level) {
		level += slog.LevelInfo - slog.LevelDebug
	}
	return strings.ToLower(level.String())
}

func (a *accountFlags) setup() flow.Setup {
	name := a.Account
	if name == "" {
		name = process.UserName()
	}
	device, err := os.Hostname()
	if err != nil {
		device = "this machine"
	}
	return flow.Setup{Username: name, DeviceName: device}
}

// rules reads the policy, if there is one.
func (s *accountFlags) rules() (*policy.Policy, error) {
	if s.Policy == "" {
		return &policy.Policy{}, nil
	}
	return policy.Load(s.Policy)
}
