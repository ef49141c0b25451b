package tools

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// NameOf returns the name of the tool that an operation becomes.
func NameOf(op flow.AnyOperation) string { return toolName(op.Info().Name) }

// ArgumentsOf makes arguments for a tool: all that it takes, or what it has to have.
// References become what ids holds for their type.
func ArgumentsOf(t *Tool, all bool, ids map[string]string) (json.RawMessage, error) {
	w, err := t.works()
	if err != nil {
		return nil, err
	}
	return json.Marshal(w.form.sample(all, ids))
}

func (f *form) sample(all bool, ids map[string]string) map[string]any {
	args := map[string]any{}
	for _, p := range f.fields {
		if p.required || all && !p.silent {
			args[p.name] = p.sample(all, ids)
		}
	}
	return args
}

func (p *field) sample(all bool, ids map[string]string) any {
	var value any = "words"
	switch _, choices, _ := strings.Cut(p.rules, "enum="); {
	case p.kind.reference():
		value = ids[p.kind.String()]
	case p.kind == object:
		value = p.form.sample(all, ids)
	case p.kind == table || p.kind == anything:
		value = map[string]any{}
	case choices != "":
		value, _, _ = strings.Cut(choices, ",")
	case p.kind == plain && p.typ.Kind() == reflect.Bool:
		value = true
	case p.kind == plain:
		value = 1
	}
	if p.list {
		return []any{value}
	}
	return value
}

// TracedArguments makes arguments for a tool with all that it takes, silently or not, but
// for those that say how it is called and not what is done. Traces are, for each of them,
// what a person must see of it.
func TracedArguments(t *Tool, ids map[string]string, file, folder string) (args json.RawMessage, traces map[string][]string, err error) {
	w, err := t.works()
	if err != nil {
		return nil, nil, err
	}
	tr := tracer{ids: ids, file: file, folder: folder, traces: map[string][]string{}}
	args, err = json.Marshal(tr.form(w.form))
	return args, tr.traces, err
}

type tracer struct {
	ids          map[string]string
	file, folder string
	traces       map[string][]string
}

func (tr *tracer) form(f *form) map[string]any {
	args := map[string]any{}
	for _, p := range f.fields {
		if p.name == idempotencyKey || p.name == previewName {
			continue
		}
		value, trace := tr.value(p)
		args[p.name], tr.traces[p.name] = value, append(trace, p.name+": ")
		if p.kind == teamID && f.first(channelID) != nil {
			tr.traces[p.name] = trace // in the name of the channel
		}
		if p.list {
			args[p.name] = []any{value}
		}
	}
	return args
}

func (tr *tracer) value(p *field) (value any, trace []string) {
	text, choices := "some "+p.name, p.choices()
	switch {
	case p.local == sourceFile || p.local == attachedFile:
		return tr.file, []string{filepath.Base(tr.file)}
	case p.local == targetFile:
		return filepath.Join(tr.folder, text), []string{text}
	case p.local == targetFolder:
		return tr.folder, []string{tr.folder}
	case p.kind == messageID:
		id := flow.MessageID(tr.ids[p.kind.String()])
		return id, []string{"[" + id.Ref() + "]"}
	case p.kind.reference():
		called := tr.ids[p.kind.String()]
		return called, []string{called}
	case p.kind == object:
		return tr.form(p.form), nil
	case p.kind == table || p.kind == anything:
		return map[string]any{text: "value of " + text}, []string{text, "value of " + text}
	case len(choices) > 0:
		return choices[0], choices[:1]
	case p.kind == words:
		if endsIn(p.name, "password", "secret", "code") {
			return text, nil
		}
		return text, []string{text}
	case p.typ.Kind() == reflect.Bool:
		return true, []string{"true"}
	}
	return 1, []string{"1"}
}

// String names the kinds that references are of.
func (k kind) String() string {
	switch k {
	case teamID:
		return "team"
	case channelID:
		return "channel"
	case accountID:
		return "account"
	case messageID:
		return "message"
	case deviceID:
		return "device"
	case attachmentID, opaqueID:
		return "other"
	}
	return fmt.Sprint(int(k))
}
