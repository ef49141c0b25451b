package tools

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/schemas"
)

// check returns an Invalid error whose text says in sentences everything that is wrong
// with args, and ends with an example.
func (f *form) check(checker *schemas.Checker, args map[string]any) error {
	problems := checker.Check(args)
	if len(problems) == 0 {
		return nil
	}
	var said []string
	for _, p := range problems {
		said = append(said, f.at(p.Path).say(p)...)
	}
	const most = 8
	if len(said) > most {
		said = append(said[:most], fmt.Sprintf("And %d further problems.", len(said)-most))
	}
	return flow.Errorf(flow.Invalid, "%s%s", strings.Join(said, " "), f.exampled())
}

// place is where in the parameters a problem lies.
type place struct {
	name string // of the value, empty for the parameters themselves
	own  *field // the parameter that it is the value of, if it is one
	form *form  // of its members; empty when they are not known
}

// at finds the place that a path leads to.
func (f *form) at(path []string) place {
	here := place{form: f}
	for _, step := range path {
		if _, err := strconv.Atoi(step); err == nil && here.name != "" {
			here.name += "[" + step + "]"
			continue
		}
		p := here.form.field(step)
		if here.name != "" {
			step = here.name + "." + step
		}
		here = place{name: step, own: p, form: &form{}}
		if p != nil && p.form != nil {
			here.form = p.form
		}
	}
	return here
}

func (here place) say(p schemas.Problem) []string {
	var said []string
	for _, name := range p.Missing {
		sentence := here.path(name) + " is missing"
		if p := here.form.field(name); p != nil && p.description != "" {
			sentence += ": " + strings.TrimSuffix(p.description, ".")
		}
		said = append(said, sentence+".")
	}
	for _, name := range p.Unknown {
		said = append(said, here.unknown(name))
	}
	if p.Rule != "" {
		name := here.name
		if name == "" {
			name = "the arguments"
		}
		sentence := name + " " + p.Rule
		if own := here.own; own != nil && len(own.choices()) > 0 && own.description != "" {
			sentence += ". " + strings.TrimSuffix(own.description, ".")
		}
		said = append(said, sentence+".")
		if here.own != nil && here.own.elsewhere != "" {
			said = append(said, here.own.elsewhere)
		}
	}
	return said
}

func (here place) path(name string) string {
	if here.name == "" {
		return name
	}
	return here.name + "." + name
}

// unknown says that there is no parameter of a name, and which was perhaps meant.
func (here place) unknown(name string) string {
	shown, _ := clean(name)
	shown, _ = shown.cut(60)
	known := here.form.names()
	if len(known) == 0 {
		return fmt.Sprintf("There is no parameter %s; this tool takes none.", shown.quoted())
	}
	if near := Nearest(name, known); near != "" {
		return fmt.Sprintf("There is no parameter %s: did you mean %s? Known: %s.",
			shown.quoted(), near, strings.Join(known, ", "))
	}
	return fmt.Sprintf("There is no parameter %s. Known: %s.", shown.quoted(), strings.Join(known, ", "))
}

// Nearest returns the word that name was probably meant to be, or nothing.
func Nearest(name string, among []string) string {
	best, least := "", 3
	for _, word := range among {
		d := distance(loose(name), loose(word))
		if d < least && d*2 <= len(word) || strings.HasPrefix(loose(word), loose(name)) && len(name) > 2 {
			best, least = word, d
		}
	}
	return best
}

// distance is the number of letters to insert, remove, replace or swap with the next
// that lie between a and b; long texts are far from everything.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// exampled ends a sentence about wrong parameters with an example, if there is one to give.
func (f *form) exampled() string {
	if example := f.example(); example != "{}" {
		return " Example: " + example
	}
	return ""
}

// example writes the parameters that must be given, with likely values.
func (f *form) example() string {
	var parts []string
	for _, p := range f.fields {
		if p.required {
			parts = append(parts, fmt.Sprintf("%q: %s", p.name, p.example()))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (p *field) example() string {
	value := `"..."`
	switch {
	case p.kind == teamID:
		value = `"Home"`
	case p.kind == channelID:
		value = `"general"`
	case p.kind == accountID:
		value = `"@ana"`
	case p.kind == messageID:
		value = `"k7qx2m4d"`
	case p.kind == object:
		value = p.form.example()
	case p.kind == table, p.kind == anything:
		value = `{}`
	case p.kind == plain && p.typ.Name() == "bool":
		value = "true"
	case p.kind == plain:
		value = p.exampleNumber()
	}
	if choice := p.choices(); len(choice) > 0 {
		raw, _ := json.Marshal(choice[len(choice)/2]) // a string always encodes
		value = string(raw)
	}
	if p.list {
		return "[" + value + "]"
	}
	return value
}

// exampleNumber is the least that is allowed: copied without a thought, it is the most
// harmless.
func (p *field) exampleNumber() string {
	for rule := range strings.SplitSeq(p.rules, ",") {
		if least, ok := strings.CutPrefix(rule, "minimum="); ok {
			return least
		}
	}
	return "10"
}

// choices returns the only values that the parameter may have, or none.
func (p *field) choices() []string {
	var all []string
	for rule := range strings.SplitSeq(p.rules, ",") {
		if choice, ok := strings.CutPrefix(rule, "enum="); ok {
			all = append(all, choice)
		}
	}
	return slices.Clip(all)
}
