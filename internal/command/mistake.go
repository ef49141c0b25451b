package command

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/flow-mcp/flow-mcp/tools"
)

// Mistake says what is wrong with a command line, what was perhaps meant, and which command
// tells more.
func Mistake(wrong *kong.ParseError) string {
	command := "serve" // which happens without a command
	if node := wrong.Context.Selected(); node != nil {
		command = node.Name
	}
	return fmt.Sprintf("%s; flow-mcp %s --help lists the flags, flow-mcp --help the commands", inOurWords(wrong, command), command)
}

var (
	noValue  = regexp.MustCompile(`^--([a-z-]+): (?:expected \w+ value but got "(.+?)" \(|missing value)`)
	noPlace  = regexp.MustCompile(`^unexpected argument (.+)$`)
	noNumber = regexp.MustCompile(`expected a valid \d+ bit int but got`)
)

// inOurWords says for people what the parser says for programmers. What it finds no words
// for it leaves as it is.
func inOurWords(wrong *kong.ParseError, command string) string {
	said := wrong.Error()
	if m := noValue.FindStringSubmatch(said); m != nil {
		return missingValue(flagOf(wrong.Context, command, m[1]), m[1], m[2])
	}
	if m := noPlace.FindStringSubmatch(said); m != nil {
		return strayArgument(wrong.Context, command, m[1])
	}
	return noNumber.ReplaceAllString(strings.Replace(said, "[<port>]", "PORT", 1), "give a whole number, not")
}

// flagOf returns a flag of a command, or nil.
func flagOf(c *kong.Context, command, name string) *kong.Flag {
	for _, node := range c.Model.Children {
		if node.Name != command {
			continue
		}
		for _, flags := range node.AllFlags(false) {
			for _, flag := range flags {
				if flag.Name == name {
					return flag
				}
			}
		}
	}
	return nil
}

// missingValue is about a flag that is followed by the end, or by another flag.
func missingValue(flag *kong.Flag, name, next string) string {
	text := "--" + name + " needs a value"
	if flag != nil {
		text += ", as in --" + name + " " + strings.TrimSuffix(flag.FormatPlaceHolder(), ",...")
	}
	if strings.HasPrefix(next, "-") {
		text += fmt.Sprintf(", and %s is taken for a flag; write --%s=%s if it is the value", next, name, next)
	}
	return text
}

// strayArgument is about a word that is no flag.
func strayArgument(c *kong.Context, command, word string) string {
	if slices.Contains(c.Args, command) {
		text := fmt.Sprintf("%s takes no argument %q", command, word)
		if command == "tail" {
			text += "; did you mean --channel " + word + "?"
		}
		return text
	}
	commands := []string{"help"}
	for _, node := range c.Model.Children {
		if !node.Hidden {
			commands = append(commands, node.Name)
		}
	}
	if near := tools.Nearest(word, commands); near != "" {
		return fmt.Sprintf("there is no command %q; did you mean %s?", word, near)
	}
	return fmt.Sprintf("there is no command %q; there are %s", word, strings.Join(commands, ", "))
}

// StrayVariables says of each variable in an environment that looks like one of ours that it
// is none.
func StrayVariables(app *kong.Application, environ []string) []string {
	known := map[string]bool{}
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
		return next(nil)
	})
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	var said []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "FLOW_MCP_") || known[name] {
			continue
		}
		text := name + " is no variable of flow-mcp"
		if near := tools.Nearest(name, names); near != "" {
			text += "; did you mean " + near + "?"
		}
		said = append(said, text)
	}
	return said
}
