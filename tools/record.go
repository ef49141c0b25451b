package tools

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// A result is a tree of records, items and values, from which both of its forms are
// written: JSON for programs, lines for reading. Values are safe, name, ownID,
// mention, message, time.Time, numbers and booleans.
type (
	// record is an object whose members keep their order.
	record []entry
	entry  struct {
		key   string
		value any
	}
	// dictionary is an object with as many members as there are things that it is about.
	dictionary []entry
	items      []any
	// ownID is the identifier of the thing that the record is about: JSON has the
	// identifier, and so has the text of a single record; lists have the name for it.
	ownID struct {
		id   safe
		name name
		link flow.Link
	}
	// mention is a message that is only mentioned: JSON has its identifier, the text
	// its short reference.
	mention struct {
		id  safe
		ref string
	}
)

// MarshalJSON writes the members in their order.
func (r record) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, e := range r {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := marshal(e.key)
		if err != nil {
			return nil, err
		}
		value, err := marshal(e.value)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
}

// MarshalJSON writes the members in their order.
func (d dictionary) MarshalJSON() ([]byte, error) { return record(d).MarshalJSON() }

// MarshalJSON writes the identifier.
func (o ownID) MarshalJSON() ([]byte, error) { return marshal(o.id) }

// MarshalJSON writes the identifier.
func (m mention) MarshalJSON() ([]byte, error) { return marshal(m.id) }

// marshal writes JSON without escaping what only matters inside HTML.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// lines writes a record as a line for each member.
func (r record) lines() string {
	var out strings.Builder
	for _, e := range r {
		key := safe(e.key).inline()
		if isEmpty(e.value) {
			continue
		}
		switch v := e.value.(type) {
		case items:
			fmt.Fprintf(&out, "%s: %d\n", key, len(v))
			for _, one := range v {
				out.WriteString("- " + inline(one) + "\n")
			}
		case safe:
			fmt.Fprintf(&out, "%s: %s\n", key, v.block())
		case ownID:
			fmt.Fprintf(&out, "%s: %s\n", key, v.id.inline())
		default:
			fmt.Fprintf(&out, "%s: %s\n", key, inline(v))
		}
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// inline writes a value as a part of a line.
func inline(v any) string {
	switch v := v.(type) {
	case record:
		return v.inline()
	case dictionary:
		return record(v).inline()
	case items:
		parts := make([]string, len(v))
		for i, one := range v {
			parts[i] = inline(one)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case safe:
		return v.inline()
	case name:
		return v.inline()
	case ownID:
		return v.name.inline()
	case mention:
		return "[" + v.ref + "]"
	case message:
		return v.inline()
	case time.Time:
		return v.Format(time.RFC3339)
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

// inline writes a record on one line: first what it is about, then the members that say
// something more.
func (r record) inline() string {
	var parts []string
	about := ""
	for _, e := range r {
		text := inline(e.value)
		_, named := e.value.(name)
		_, own := e.value.(ownID)
		switch {
		case isEmpty(e.value):
		case about == "" && (named || own):
			about = text
		case about != "" && repeats(about, e.value):
		default:
			parts = append(parts, safe(e.key).inline()+": "+text)
		}
	}
	if about != "" {
		parts = append([]string{about}, parts...)
	}
	return strings.Join(parts, "; ")
}

// isEmpty reports whether a value says nothing that a reader misses.
func isEmpty(value any) bool {
	switch v := value.(type) {
	case safe:
		return v == ""
	case name:
		return v == ""
	case mention:
		return v.id == ""
	case items:
		return len(v) == 0
	}
	return false
}

// repeats reports whether value only says again what a name ends with.
func repeats(about string, value any) bool {
	text, ok := value.(safe)
	about = unquote(about)
	return ok && (about == string(text) || strings.HasSuffix(about, "/"+string(text)) || about == "@"+string(text))
}

// inline writes a name as a part of a line. The @ of a person and the slash between team
// and channel need no quotes; whatever else could end the name does.
func (n name) inline() string {
	if safe(n).bareWith("._-@/") {
		return string(n)
	}
	return safe(n).quoted()
}
