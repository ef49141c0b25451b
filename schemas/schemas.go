// Package schemas turns Go types into JSON Schemas, and says in sentences what keeps a
// value from fitting one. It also holds the published schemas: one file for each tool
// (exactly its entry in tools/list) and one for each notification.
//
// Every schema it makes is of draft 2020-12 and has the form that the widest range of
// model providers accepts: the root is an object, nothing is a reference, nothing is a
// bare true or false in place of a schema. Names come from json tags, descriptions from
// jsonschema_description tags, constraints from jsonschema tags; a field is required
// unless its json tag says omitzero or omitempty.
package schemas

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// Input returns the schema of parameters of type t, a struct. Members that t does not
// have are forbidden. A [json.RawMessage] is an object.
func Input(t reflect.Type) (json.RawMessage, error) {
	s, err := reflected(t, &jsonschema.Reflector{}, "object")
	return marshal(t, s, err)
}

// Output returns the schema of results of type t, a struct: the members that every result
// has, without descriptions and formats, since a host may pay for each word of it in every request.
// Further members are allowed, so that a client which keeps the schema of an older server
// does not refuse the results of a newer one. A [json.RawMessage] may be anything.
func Output(t reflect.Type) (json.RawMessage, error) {
	s, err := reflected(t, &jsonschema.Reflector{AllowAdditionalProperties: true}, "")
	if err == nil {
		prune(s)
	}
	return marshal(t, s, err)
}

// prune leaves the members that are always there.
func prune(s *jsonschema.Schema) {
	s.Description, s.Format = "", ""
	for p := s.Properties.Oldest(); p != nil; {
		key, inner := p.Key, p.Value
		p = p.Next()
		if !slices.Contains(s.Required, key) {
			s.Properties.Delete(key)
			continue
		}
		prune(inner)
	}
	for _, inner := range []*jsonschema.Schema{s.Items, s.AdditionalProperties} {
		if inner != nil {
			prune(inner)
		}
	}
}

// Document returns a schema of t that stands alone in a file: with its dialect, a title
// and a description. It is as lenient as [Output], and t may also be a list of structs.
func Document(title, description string, t reflect.Type) (json.RawMessage, error) {
	inner := t
	if t.Kind() == reflect.Slice {
		inner = t.Elem()
	}
	s, err := reflected(inner, &jsonschema.Reflector{AllowAdditionalProperties: true}, "")
	if err == nil && inner != t {
		s = &jsonschema.Schema{Type: "array", Items: s}
	}
	if err == nil {
		s.Version, s.Title, s.Description = jsonschema.Version, title, description
	}
	return marshal(t, s, err)
}

// reflected sets r up and asks it; raw is the JSON type of untyped values, or empty.
func reflected(t reflect.Type, r *jsonschema.Reflector, raw string) (*jsonschema.Schema, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is not a struct", t)
	}
	if err := finite(t, nil); err != nil {
		return nil, err
	}
	r.Anonymous, r.DoNotReference, r.ExpandedStruct = true, true, true
	r.Mapper = func(t reflect.Type) *jsonschema.Schema {
		if t == rawMessage || t.Kind() == reflect.Interface {
			// Extras that are not nil keep an empty schema from being written as true.
			return &jsonschema.Schema{Type: raw, Extras: map[string]any{}}
		}
		return nil
	}
	s := r.ReflectFromType(t)
	s.Version = "" // 2020-12 goes without saying in MCP, and older clients know no other dialect's name
	return s, nil
}

var (
	rawMessage = reflect.TypeFor[json.RawMessage]()
	moment     = reflect.TypeFor[time.Time]()
)

// finite refuses types that have no finite schema or none at all, on which the reflector
// would overflow the stack or panic. The types above t are those that it is a part of.
func finite(t reflect.Type, above []reflect.Type) error {
	for _, outer := range above {
		if outer == t {
			return fmt.Errorf("%s contains itself", t)
		}
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return finite(t.Elem(), above)
	case reflect.Map:
		if k := t.Key().Kind(); k != reflect.String {
			return fmt.Errorf("%s has keys that are not strings", t)
		}
		return finite(t.Elem(), above)
	case reflect.Struct:
		if t == moment {
			return nil
		}
		for _, f := range reflect.VisibleFields(t) {
			if !f.IsExported() || strings.HasPrefix(f.Tag.Get("json"), "-") {
				continue
			}
			if err := finite(f.Type, append(above[:len(above):len(above)], t)); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer, reflect.Uintptr:
		return fmt.Errorf("%s cannot be JSON", t)
	}
	return nil
}

func marshal(t reflect.Type, s *jsonschema.Schema, err error) (json.RawMessage, error) {
	if err == nil {
		var raw []byte
		if raw, err = json.Marshal(s); err == nil {
			return raw, nil
		}
	}
	return nil, fmt.Errorf("make a schema of %s: %w", t, err)
}
