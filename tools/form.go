package tools

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// form is a set of parameters as models write them: names in snake case without the
// endings of identifiers, nested structs lifted to the top. It is made once from the
// type of an operation's input, and leads back to the parameters of the wire.
type form struct {
	fields []*field
	order  []*field        // the same as they are resolved: teams, channels, all else
	lifted map[string]bool // loose names of the structs whose members were lifted
}

// field is one parameter.
type field struct {
	name        string
	path        []string // where the operation takes it; none when the tool itself does
	kind        kind
	list        bool
	typ         reflect.Type // of a value, or of a list's entry, in the model
	form        *form        // of an object's members
	required    bool
	local       localFile
	silent      bool // accepted without being told of
	implied     bool // the account's team when it has only one
	fallback    any  // what it is when left out, or nil
	description string
	rules       string // the jsonschema tag
	elsewhere   string // what to do instead, when a value is refused
}

// localFile says that a parameter is a path on this machine, and what for. It is the tag
// local of a field.
type localFile string

const (
	sourceFile   localFile = "source"   // a file that the operation reads
	targetFile   localFile = "target"   // a file that the operation makes
	attachedFile localFile = "attached" // a file that the tool itself reads, or an attachment that there is
	targetFolder localFile = "folder"   // a folder that the tool itself opens
)

// formOf makes the form of a struct type, with further fields that the tool itself takes.
func formOf(t reflect.Type, own ...*field) (*form, error) {
	f := &form{lifted: map[string]bool{}}
	for _, m := range members(t) {
		if err := f.add(m); err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, m.Name, err)
		}
	}
	for _, field := range own {
		if f.field(field.name) == nil {
			f.fields = append(f.fields, field)
		}
	}
	f.implyTeam()
	f.order = slices.Clone(f.fields)
	slices.SortStableFunc(f.order, func(a, b *field) int { return a.kind.rank() - b.kind.rank() })
	return f, nil
}

func (f *form) add(m member) error {
	elem, list := elements(m.Type)
	p := &field{
		name: snake(m.wire), path: []string{m.wire}, kind: kindOf(elem), list: list, typ: elem,
		required: !m.optional, description: m.Tag.Get("jsonschema_description"), rules: m.Tag.Get("jsonschema"),
		silent: m.Tag.Get("tool") == "silent", local: localFile(m.Tag.Get("local")),
	}
	switch {
	case p.kind.reference():
		p.name, p.typ = referenceName(m.wire), reflect.TypeFor[string]()
		p.description += suffixes[p.kind]
	case p.kind == object:
		inner, err := formOf(elem)
		if err != nil {
			return err
		}
		if !list && f.lift(m, inner) {
			return nil
		}
		p.form, p.typ = inner, inner.model()
	}
	p.description = inOurWords(p.description)
	if f.field(p.name) != nil {
		return fmt.Errorf("two parameters are called %s", p.name)
	}
	f.fields = append(f.fields, p)
	return nil
}

// suffixes say what is accepted beside identifiers, which results show too.
var suffixes = map[kind]string{
	teamID:    " Name or link.",
	channelID: ` "general", "@ana" or link.`,
	accountID: ` "@ana" or link.`,
	messageID: " [ref] or link.",
}

// lift makes the members of a nested struct parameters of their own, unless a name is
// taken already.
func (f *form) lift(m member, inner *form) bool {
	for _, p := range inner.fields {
		if f.field(p.name) != nil {
			return false
		}
	}
	for _, p := range inner.fields {
		up := *p
		up.path = append([]string{m.wire}, p.path...)
		up.required = p.required && !m.optional
		up.implied = p.implied && !m.optional
		f.fields = append(f.fields, &up)
	}
	f.lifted[loose(m.wire)] = true
	return true
}

// implyTeam makes the team something one need not say: that of a channel, or the only one.
func (f *form) implyTeam() {
	team, channel := f.first(teamID), f.first(channelID)
	if team == nil {
		return
	}
	if channel == nil {
		if team.required {
			team.implied, team.required = true, false
			team.description = "Team, if you have several." + suffixes[teamID]
		}
		return
	}
	team.implied = false
	team.required = false
	team.silent = channel.required
}

// mustSay makes a team that would be implied a parameter that must be given.
func (p *field) mustSay(description string) {
	p.required, p.implied, p.description = true, false, description
}

// first returns the first field of a kind at the top, or nil.
func (f *form) first(k kind) *field {
	i := slices.IndexFunc(f.fields, func(p *field) bool { return p.kind == k && !p.list })
	if i < 0 {
		return nil
	}
	return f.fields[i]
}

// field returns the field with a name, or nil.
func (f *form) field(name string) *field {
	i := slices.IndexFunc(f.fields, func(p *field) bool { return p.name == name })
	if i < 0 {
		return nil
	}
	return f.fields[i]
}

// typed returns the first field of a type, or nil.
func (f *form) typed(t reflect.Type) *field {
	i := slices.IndexFunc(f.fields, func(p *field) bool { return p.typ == t && !p.list })
	if i < 0 {
		return nil
	}
	return f.fields[i]
}

// mentions reports whether there is a parameter with a name that is a message.
func (f *form) mentions(name string) bool {
	p := f.field(name)
	return p != nil && p.kind == messageID
}

// names returns the names of all parameters that are told of.
func (f *form) names() []string {
	var all []string
	for _, p := range f.fields {
		if !p.silent {
			all = append(all, p.name)
		}
	}
	return all
}

// model returns a struct type whose fields are those of the form that are told of, for
// its schema.
func (f *form) model() reflect.Type {
	return f.modelOf(func(p *field) bool { return !p.silent })
}

// fullModel has the fields that are accepted without being told of, too.
func (f *form) fullModel() reflect.Type { return f.modelOf(func(*field) bool { return true }) }

func (f *form) modelOf(in func(*field) bool) reflect.Type {
	var fields []reflect.StructField
	for _, p := range f.fields {
		if !in(p) {
			continue
		}
		typ := p.typ
		if p.list {
			typ = reflect.SliceOf(typ)
		}
		fields = append(fields, structField(p.name, typ, !p.required, p.description, p.rules))
	}
	return structWith(fields)
}

// structField describes a field of a model type.
func structField(name string, typ reflect.Type, optional bool, description, rules string) reflect.StructField {
	option := ""
	if optional {
		option = ",omitzero"
	}
	tag := `json:"` + name + option + `"`
	if description != "" {
		tag += " jsonschema_description:" + strconv.Quote(description)
	}
	if rules != "" {
		tag += " jsonschema:" + strconv.Quote(rules)
	}
	return reflect.StructField{Type: typ, Tag: reflect.StructTag(tag)}
}

// structWith makes a struct type; the Go names of its fields mean nothing.
func structWith(fields []reflect.StructField) reflect.Type {
	for i := range fields {
		fields[i].Name = "F" + strconv.Itoa(i)
	}
	return reflect.StructOf(fields)
}

// apiName finds what may be the name of an operation, or of a parameter in a nested one.
var apiName = regexp.MustCompile(`\b[A-Z][A-Za-z]*(\.[A-Z][A-Za-z]*)?\b`)

// inOurWords replaces what a text calls by the names of the API: GetDevices by
// flow_get_devices, Filters.Before by before. What stands in quotes stays as it is.
func inOurWords(text string) string {
	parts := strings.Split(text, `"`)
	for i := 0; i < len(parts); i += 2 {
		parts[i] = apiName.ReplaceAllStringFunc(parts[i], inOurWord)
	}
	return strings.Join(parts, `"`)
}

// inOurWords replaces what an error calls by the names of the API, also those of parameters
// of this form: MemberID by member.
func (f *form) inOurWords(err error) error {
	e, ok := errors.AsType[*flow.Error](err)
	if _, whole := errors.AsType[*told](err); !ok || whole {
		return err
	}
	return &flow.Error{Code: e.Code, Message: f.said(err.Error())}
}

func (f *form) said(text string) string {
	parts := strings.Split(text, `"`)
	for i := 0; i < len(parts); i += 2 {
		parts[i] = apiName.ReplaceAllStringFunc(parts[i], func(word string) string {
			if word == "RequestID" {
				return idempotencyKey
			}
			for _, p := range f.fields {
				if word == strings.Join(p.path, ".") || len(p.path) > 1 && word == p.path[len(p.path)-1] {
					return p.name
				}
			}
			return word
		})
	}
	return strings.Join(parts, `"`)
}

func inOurWord(word string) string {
	if _, nested, ok := strings.Cut(word, "."); ok {
		return snake(nested)
	}
	if op, ok := flow.Lookup(word); ok && offered(op.Info()) && strings.Contains(snake(word), "_") {
		return toolName(word)
	}
	return word
}
