package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"
	"golang.org/x/sync/errgroup"

	"github.com/flow-mcp/flow-mcp/internal/folders"
	"github.com/flow-mcp/flow-mcp/internal/policy"
	"github.com/flow-mcp/flow-mcp/internal/stdio"
	"github.com/flow-mcp/flow-mcp/tools"
)

// Serve is the command that hosts run: an MCP server on standard input and output.
type Serve struct {
	accountFlags
	Toolsets     []string   `env:"FLOW_MCP_TOOLSETS" placeholder:"SET" help:"Sets of tools to offer: default, all, or groups of operations. (${env})"`
	Tools        []string   `env:"FLOW_MCP_TOOLS" placeholder:"TOOL" help:"Further tools to offer, by name. (${env})"`
	ExcludeTools []string   `env:"FLOW_MCP_EXCLUDE_TOOLS" placeholder:"TOOL" help:"Tools not to offer, by name. (${env})"`
	ReadOnly     bool       `env:"FLOW_MCP_READ_ONLY" help:"Offer only tools that change nothing; the account has to exist. (${env})"`
	Folder       []filePath `env:"FLOW_MCP_FOLDER" sep:"none" placeholder:"DIR" help:"Folder that files may be sent from and saved to, in place of the usual ones. (${env})"`
	Confirm      string     `env:"FLOW_MCP_CONFIRM" default:"auto" enum:"auto,never,destructive,always" help:"Before which calls a person is asked: never, destructive or always. Where the client cannot ask, such calls are refused. Auto is destructive where the client can ask. (${env})"`
}

// Run serves one host until it closes standard input or ctx ends.
func (s *Serve) Run(ctx context.Context, log *slog.Logger) error {
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the own program: %w", err)
	}
	if isatty.IsTerminal(os.Stdin.Fd()) {
		return introduce(os.Stdout, executable)
	}
	rules, err := s.rules()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	toClient := stdio.NewClientLog()
	log = slog.New(slog.NewMultiHandler(log.Handler(), toClient))
	supervisor, gate, client, err := s.connect(executable, s.use(), rules, log)
	if err != nil {
		return err
	}
	mcp, err := s.mcp(client, rules, gate, log, toClient)
	if err != nil {
		return err
	}
	var running errgroup.Group
	running.Go(func() error { return supervisor.Run(ctx) })
	running.Go(func() error { return mcp.pump(ctx, client, supervisor, log) })
	running.Go(func() error {
		defer cancel() // the host is gone: so is everything else
		err := mcp.transport.Run(ctx, os.Stdin, os.Stdout)
		if errors.Is(err, syscall.EPIPE) {
			log.Info("the host has closed our standard output")
			return nil
		}
		return err
	})
	return running.Wait()
}

// folders are those of the policy, or else of the command line, or else the usual ones.
func (s *Serve) folders(rules *policy.Policy) (*folders.Folders, error) {
	o := folders.Options{
		Send: rules.Files.Send, Save: rules.Files.Save, MaxBytes: rules.Files.MaxBytes,
		Staging: filepath.Join(string(s.DataDir), "outgoing"), Closed: []string{string(s.DataDir)},
	}
	if s.Policy != "" {
		o.Closed = append(o.Closed, string(s.Policy))
	}
	var named []string
	for _, folder := range s.Folder {
		named = append(named, string(folder))
	}
	for _, files := range []struct {
		key  string
		list []string
	}{{"files.send_from", rules.Files.Send}, {"files.save_to", rules.Files.Save}} {
		if _, err := folders.New(folders.Options{Send: files.list}); err != nil {
			return nil, rules.At(files.key, fmt.Errorf("%s: %w", files.key, err))
		}
	}
	if o.Send == nil {
		o.Send = named
	}
	if o.Save == nil {
		o.Save = named
	}
	return folders.New(o)
}

func (s *Serve) use() use {
	if s.ReadOnly {
		return reads
	}
	return writes
}

// consent is what --confirm and the policy say together.
func (s *Serve) consent(rules *policy.Policy, gate *policy.Gate) tools.Consent {
	asked := func(rule policy.Rule) tools.Ask {
		if rules.Has(rule) || s.Confirm == string(rule) {
			return tools.AskOrRefuse
		}
		return tools.DoNotAsk
	}
	c := tools.Consent{
		Destructive: asked(policy.Destructive), Writing: asked(policy.Always),
		First: asked(policy.FirstMessage), Foreign: asked(policy.ForeignWords), Heard: gate.HeardBefore,
		HeardUntil: gate.HeardUntil, Accepted: gate.Accepted, Judge: gate.Judge,
	}
	if (s.Confirm == "auto" || rules.Has(policy.Auto)) && !rules.Has(policy.Never) {
		c.Destructive = max(c.Destructive, tools.AskIfPossible)
	}
	return c
}

// confirms names the rules that are in force, of --confirm and of the policy.
func (s *Serve) confirms(rules *policy.Policy) string {
	all := []string{s.Confirm}
	for _, rule := range rules.Confirm {
		if !slices.Contains(all, string(rule)) {
			all = append(all, string(rule))
		}
	}
	said := slices.DeleteFunc(all, func(rule string) bool {
		return rule == string(policy.Never) || rule == string(policy.Auto) && rules.Has(policy.Never)
	})
	if len(said) == 0 {
		return string(policy.Never)
	}
	return strings.Join(said, ",")
}

// settings is what a reader of flow://me is told of how this server was started.
func (s *Serve) settings(rules *policy.Policy) map[string]string {
	sets := strings.Join(s.Toolsets, ",")
	if sets == "" {
		sets = "default"
	}
	said := map[string]string{
		"toolsets": sets, "readOnly": strconv.FormatBool(s.ReadOnly), "confirm": s.confirms(rules), "version": Release(),
		"policy": strings.Join(rules.Describe(s.ReadOnly), "; "),
	}
	if len(s.Tools) > 0 {
		said["tools"] = strings.Join(s.Tools, ",")
	}
	if len(s.ExcludeTools) > 0 {
		said["excludeTools"] = strings.Join(s.ExcludeTools, ",")
	}
	return said
}

// introduce says at a terminal what this is, instead of waiting for a protocol that no
// person types.
func introduce(out io.Writer, executable string) error {
	_, err := fmt.Fprintf(out, `flow-mcp %s: team chat for AI agents, as an MCP server.

It speaks MCP on standard input and output, so a host has to start it. Most take:

  {"mcpServers": {"flow": {"command": %q, "args": ["--account", "ana"]}}}

Give each host an account of its own, such as ana here and ben in the next: two hosts
with one account are the same person to each other.

An account is there for the others from its first call on, or at once with join.

To see it work:      %[3]s demo
To make an account:  %[3]s join --account ana
All commands:        %[3]s --help
`, Release(), executable, filepath.Base(executable))
	return err
}
