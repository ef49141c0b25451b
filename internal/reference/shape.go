package reference

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// member is a parameter or a field, as it is on the wire.
type member struct {
	name     string
	kind     string // in words, with links
	optional bool
	meaning  string
}

// members returns what a struct has on the wire.
func members(t reflect.Type) []member {
	var all []member
	for i := range t.NumField() {
		f := t.Field(i)
		tag := strings.Split(f.Tag.Get("json"), ",")
		switch {
		case !f.IsExported() || tag[0] == "-":
			continue
		case f.Anonymous && tag[0] == "" && indirect(f.Type).Kind() == reflect.Struct:
			all = append(all, members(indirect(f.Type))...)
			continue
		}
		m := member{name: f.Name, kind: wireType(f.Type), meaning: f.Tag.Get("jsonschema_description")}
		if tag[0] != "" {
			m.name = tag[0]
		}
		m.optional = slices.Contains(tag[1:], "omitzero") || slices.Contains(tag[1:], "omitempty")
		m.kind += constraints(f.Tag.Get("jsonschema"))
		all = append(all, m)
	}
	return all
}

// constraints says in words what a jsonschema tag says of a value.
func constraints(tag string) string {
	var oneOf, rest []string
	for _, part := range strings.Split(tag, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "enum":
			oneOf = append(oneOf, "`"+value+"`")
		case "minimum":
			rest = append(rest, "from "+value)
		case "maximum":
			rest = append(rest, "to "+value)
		case "maxItems":
			rest = append(rest, "of at most "+value)
		}
	}
	if len(oneOf) > 0 {
		rest = append([]string{strings.Join(oneOf, " ")}, rest...)
	}
	if len(rest) == 0 {
		return ""
	}
	return ", " + strings.Join(rest, " ")
}

func indirect(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// wireType says what JSON a Go type is.
func wireType(t reflect.Type) string {
	t = indirect(t)
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return "any JSON"
	case t.Name() == "Nothing":
		return "null"
	case t.Kind() == reflect.Struct:
		return "[" + t.Name() + "](#" + objectAnchor(t) + ")"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "base64 text"
	case t.Kind() == reflect.Slice:
		return "list of " + wireType(t.Elem())
	case t.Kind() == reflect.Map:
		return "object of " + wireType(t.Elem()) + " by " + wireType(t.Key())
	}
	return named(t, basic(t))
}

// basic is the JSON type of what has no parts.
func basic(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "boolean"
	case reflect.Interface:
		return "any JSON"
	case reflect.Float32, reflect.Float64:
		return "number"
	}
	return "integer"
}

// named adds which kind of text or number a type of package flow stands for.
func named(t reflect.Type, json string) string {
	if t.PkgPath() != flowPackage {
		return json
	}
	return t.Name()
}

// objects returns the structs that results and payloads are made of, and those inside of
// parameters, by name.
func objects(results, parameters []reflect.Type) []reflect.Type {
	found := map[reflect.Type]bool{}
	for _, t := range results {
		gather(t, found)
	}
	for _, t := range parameters {
		for i := range t.NumField() {
			gather(t.Field(i).Type, found)
		}
	}
	var all []reflect.Type
	for t := range found {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b reflect.Type) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

func gather(t reflect.Type, found map[reflect.Type]bool) {
	switch t = indirect(t); t.Kind() {
	case reflect.Slice, reflect.Map:
		gather(t.Elem(), found)
	case reflect.Struct:
		if found[t] || t.Name() == "Nothing" {
			return
		}
		found[t] = t.Name() != ""
		for i := range t.NumField() {
			gather(t.Field(i).Type, found)
		}
	}
}

func objectAnchor(t reflect.Type) string { return "object-" + strings.ToLower(t.Name()) }
