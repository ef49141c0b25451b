// Command flow-mcp gives AI agents team chat: an MCP server on standard input and output
// that offers the operations of the Flow API as tools and channels as resources.
//
// Behind it runs a backend process, by default this same program on an embedded store.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/adrg/xdg"
	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"github.com/flow-mcp/flow-mcp/internal/command"
	"github.com/flow-mcp/flow-mcp/internal/logs"
)

// program is the command line.
type program struct {
	ShowVersion kong.VersionFlag `name:"version" help:"Print the version."`

	Serve   command.Serve   `cmd:"" default:"withargs" help:"Serve MCP on standard input and output. This is what hosts run, and what happens without a command."`
	Tail    command.Tail    `cmd:"" help:"Print messages as they come."`
	Join    command.Join    `cmd:"" help:"Make the account, and the store, when they are missing, and print who one is and where."`
	Backend command.Backend `cmd:"" help:"Run the embedded backend alone, for programs that speak the Flow protocol."`
	Demo    command.Demo    `cmd:"" help:"Run two servers, send a message from one to the other, and show it."`
	Version command.Version `cmd:"" help:"Print the version."`
	Guard   command.Guard   `cmd:"" hidden:"" help:"Run a foreign backend that dies with the program that started it."`

	LogLevel  logLevel `env:"FLOW_MCP_LOG_LEVEL" placeholder:"LEVEL" help:"What to log on standard error: debug, info, warn or error. When not given info, but warn for tail and join, which people read. (${env})"`
	LogFormat string   `default:"text" enum:"text,json" env:"FLOW_MCP_LOG_FORMAT" help:"text or json. (${env})"`
}

func main() {
	// A host may close our standard error at any time; writing there must not end us.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, arguments(os.Args))
	stop()
	os.Exit(code)
}

// arguments takes "help tail" for "tail --help". It lets the program stand in for a Flow
// backend: called by the name of one it behaves as one. Many programs that start one end
// without ending it, so it looks itself.
func arguments(argv []string) []string {
	name := strings.TrimSuffix(filepath.Base(argv[0]), ".exe")
	if name == "semaphor-backend" || name == "flowappglue" {
		return append([]string{"backend", "--until-parent-ends"}, argv[1:]...)
	}
	if len(argv) > 1 && argv[1] == "help" {
		asked := slices.DeleteFunc(slices.Clone(argv[2:]), func(word string) bool { return word == "help" })
		return append(asked, "--help")
	}
	return argv[1:]
}

// forgetEmpty unsets our variables that are empty, as hosts set those that nobody filled in.
func forgetEmpty() error {
	for _, variable := range os.Environ() {
		if name, value, _ := strings.Cut(variable, "="); value == "" && strings.HasPrefix(name, "FLOW_MCP_") {
			if err := os.Unsetenv(name); err != nil {
				return fmt.Errorf("unset %s: %w", name, err)
			}
		}
	}
	return nil
}

// findHome sets the home directory as the system knows it, if nobody has set one, and
// reports whether there is any.
func findHome() (bool, error) {
	if _, err := os.UserHomeDir(); err == nil {
		return true, nil
	}
	me, err := user.Current()
	if err != nil || me.HomeDir == "" || me.HomeDir == "/" {
		return false, nil // as of users that only have a number
	}
	if err := os.Setenv("HOME", me.HomeDir); err != nil {
		return false, fmt.Errorf("set HOME: %w", err)
	}
	xdg.Reload()
	return true, nil
}

// dataDir is where the store lies if nobody has said; nowhere without a home.
func dataDir(home bool) string {
	if !home && os.Getenv("XDG_DATA_HOME") == "" {
		return ""
	}
	return filepath.Join(xdg.DataHome, "flow-mcp")
}

// level is what is logged by a command.
func (p *program) level(command string) slog.Level {
	switch {
	case p.LogLevel.said != nil:
		return *p.LogLevel.said
	case command == "tail", command == "join":
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// logLevel is a level, if somebody has said one.
type logLevel struct{ said *slog.Level }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *logLevel) UnmarshalText(text []byte) error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[string(text)]
	if !ok {
		return fmt.Errorf("there is no level %q; give debug, info, warn or error", text)
	}
	l.said = &level
	return nil
}

func run(ctx context.Context, args []string) int {
	var p program
	if err := forgetEmpty(); err != nil {
		fmt.Fprintf(os.Stderr, "flow-mcp: %v\n", err)
		return 2
	}
	home, err := findHome()
	if err != nil {
		fmt.Fprintf(os.Stderr, "flow-mcp: %v\n", err)
		return 2
	}
	parser, err := kong.New(&p,
		kong.Name("flow-mcp"),
		kong.Description("Team chat for AI agents: the Flow API as an MCP server. "+
			"Without a command it serves; flow-mcp serve --help lists the flags of that."),
		kong.Vars{"data_dir": dataDir(home), "version": "flow-mcp " + command.Release()},
	)
	if err != nil {
		panic(err) // the tags of program are wrong
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		said := err.Error()
		if wrong, ok := errors.AsType[*kong.ParseError](err); ok {
			said = command.Mistake(wrong)
		}
		fmt.Fprintln(os.Stderr, "flow-mcp:", said)
		return 2
	}
	log, queue := logs.New(os.Stderr, logs.Options{
		Level: p.level(chosen.Command()),
		JSON:  p.LogFormat == "json",
		Color: isatty.IsTerminal(os.Stderr.Fd()) && os.Getenv("NO_COLOR") == "",
	})
	defer queue.Close()
	ours := p.Backend.UntilStdinCloses || strings.HasPrefix(chosen.Command(), "guard")
	if !ours { // else whoever has started it has told of them
		for _, said := range command.StrayVariables(parser.Model, os.Environ()) {
			log.Warn(said)
		}
	}
	chosen.BindTo(ctx, (*context.Context)(nil))
	if err := chosen.Run(log); err != nil {
		log.Error(err.Error(), command.Describe(err)...)
		return 1
	}
	return 0
}
