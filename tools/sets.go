package tools

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Names of tool sets beside those of the groups of operations.
const (
	// DefaultSet is what agents do all day.
	DefaultSet = "default"
	// AllSet is every tool.
	AllSet = "all"
)

// daily are the operations of the default set; the composite tools belong to it too, of
// which flow_status lists the teams.
var daily = []flow.AnyOperation{
	flow.EnumerateChannels, flow.EnumeratePeerAccounts,
	flow.EnumerateMessages, flow.Search, flow.NewDirectConversation, flow.SetChannelReadHWM, flow.MarkMessagesDeleted,
	flow.NewChannel, flow.ChannelAddMember,
}

// every holds all tools, composite ones first, then in the order of the catalogue. They
// are made when they are first asked for.
var every = sync.OnceValue(func() []*Tool {
	all := []*Tool{statusTool(), waitTool(), catchUpTool(), sendTool(), getAttachmentTool(), saveAttachmentTool()}
	for _, op := range flow.Catalogue() {
		if offered(op.Info()) && op != flow.AnyOperation(flow.SendMessage) {
			t := operationTool(op)
			t.daily = slices.Contains(daily, op)
			all = append(all, t)
		}
	}
	return all
})

// offered reports whether an operation is a tool: one that keeps the protocol going is
// not, nor one with a secret that must not pass through a model's context.
func offered(o flow.Info) bool { return o.Effect != flow.Protocol && !o.Secret }

// choice is what was chosen at start.
type choice struct {
	tools    []*Tool        // in the order of their names
	missing  []*Tool        // the others
	barred   map[*Tool]bool // those of them that a person has left out by name
	refused  []string       // names of those that were asked for by name, but write
	readOnly bool
}

// choose finds the tools that o asks for. Names of sets and tools that do not exist are
// refused with those that do.
func choose(o Options) (*choice, error) {
	all := every()
	chosen := map[*Tool]bool{}
	sets := o.Toolsets
	if len(sets) == 0 {
		sets = []string{DefaultSet}
	}
	for _, set := range sets {
		set = strings.TrimSpace(set)
		if !slices.Contains(setNames(all), set) {
			return nil, fmt.Errorf("there is no toolset %q; %s", set, meant(set, setNames(all)))
		}
		for _, t := range all {
			if t.in(set) {
				chosen[t] = true
			}
		}
	}
	named := map[*Tool]bool{}
	if err := mark(all, o.Tools, named); err != nil {
		return nil, err
	}
	maps.Copy(chosen, named)
	chosen[all[0]] = true // flow_status tells what is missing
	c := &choice{readOnly: o.ReadOnly, barred: map[*Tool]bool{}}
	if err := mark(all, o.ExcludeTools, c.barred); err != nil {
		return nil, err
	}
	for _, t := range all {
		if chosen[t] && !c.barred[t] && (t.Effect == flow.Reads || !o.ReadOnly) {
			c.tools = append(c.tools, t)
		} else {
			c.missing = append(c.missing, t)
		}
		if named[t] && o.ReadOnly && t.Effect != flow.Reads {
			c.refused = append(c.refused, t.Name)
		}
	}
	slices.SortFunc(c.tools, func(a, b *Tool) int { return cmp.Compare(a.Name, b.Name) })
	return c, nil
}

// mark adds the tools with the given names, with or without flow_ before them.
func mark(all []*Tool, names []string, marked map[*Tool]bool) error {
	for _, called := range names {
		called = strings.TrimSpace(called)
		i := slices.IndexFunc(all, func(t *Tool) bool { return t.Name == called || t.Name == "flow_"+called })
		if i < 0 {
			return fmt.Errorf("there is no tool %q; %s", called, meant(called, toolNames(all)))
		}
		marked[all[i]] = true
	}
	return nil
}

// meant says which name was perhaps meant, or which there are.
func meant(called string, names []string) string {
	for _, name := range []string{called, "flow_" + called} {
		if near := Nearest(name, names); near != "" {
			return "did you mean " + near + "?"
		}
	}
	return "there are " + strings.Join(names, ", ")
}

// NoTool says of a tool that is not offered whether there is one of that name, and how to
// get it.
func (o Options) NoTool(name string) string {
	c, err := choose(o)
	if err != nil {
		return "" // no server starts with such options
	}
	if said := c.off(name); said != "" {
		return "It " + said + "."
	}
	if near := Nearest(name, toolNames(every())); near != "" {
		return fmt.Sprintf("Did you mean %s?", near)
	}
	if c.on(statusName) {
		return statusName + " tells which there are."
	}
	return "tools/list tells which there are."
}

// on reports whether a tool is offered.
func (c *choice) on(name string) bool {
	return slices.ContainsFunc(c.tools, func(t *Tool) bool { return t.Name == name })
}

// off says why a tool is not offered and how to get it; of one that is, or that there is
// not, nothing.
func (c *choice) off(name string) string {
	i := slices.IndexFunc(c.missing, func(t *Tool) bool { return t.Name == name })
	switch {
	case i < 0:
		return ""
	case c.readOnly && c.missing[i].Effect != flow.Reads:
		return "is off, because this server was started with --read-only"
	case c.barred[c.missing[i]]:
		return "is off, because this server was started with --exclude-tools"
	}
	return fmt.Sprintf("is off; --tools %s, when the server is started, turns it on", name)
}

// mentioned finds what is called as a tool is.
var mentioned = regexp.MustCompile(`\bflow_[a-z0-9_]+`)

// offIn says of the tools that a text sends its reader to which of them are off, in
// sentences to put behind it. What stands in quotes are names of others.
func (c *choice) offIn(text string) string {
	said := ""
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			continue
		}
		for _, name := range mentioned.FindAllString(part, -1) {
			if why := c.off(name); why != "" && !strings.Contains(said, name+" ") {
				said += " " + name + " " + why + "."
			}
		}
	}
	return said
}

func (t *Tool) in(set string) bool {
	return set == AllSet || set == DefaultSet && t.daily || set == string(t.Group)
}

// setNames returns the names of all tool sets.
func setNames(all []*Tool) []string {
	names := []string{DefaultSet, AllSet}
	for _, t := range all {
		if !slices.Contains(names, string(t.Group)) {
			names = append(names, string(t.Group))
		}
	}
	return names
}

func toolNames(tools []*Tool) []string {
	names := make([]string, len(tools))
	for i, t := range tools {
		names[i] = t.Name
	}
	slices.Sort(names)
	return names
}
