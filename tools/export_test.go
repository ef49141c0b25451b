package tools

import (
	"encoding/json"
	"fmt"
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
	case opaqueID:
		return "other"
	}
	return fmt.Sprint(int(k))
}
