package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"reflect"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// decodeArguments reads the arguments of a call: one object, or nothing. Models now and
// then write the object into a string, which is read too.
func decodeArguments(raw json.RawMessage) (map[string]any, error) {
	value, err := decodeJSON(raw)
	if text, ok := value.(string); ok && err == nil {
		value, err = decodeJSON([]byte(text))
	}
	switch v := value.(type) {
	case map[string]any:
		return v, err
	case nil:
		if err == nil || errors.Is(err, io.EOF) {
			return map[string]any{}, nil
		}
	}
	return nil, errors.New("the arguments must be one JSON object")
}

// decodeJSON reads one JSON value. Numbers stay as they are written.
func decodeJSON(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

// mend returns args with the mistakes put right that models make often and whose meaning
// is beyond doubt:
//
//   - a name in the spelling of the API (ChannelID, channel_id) for ours (channel),
//   - the members of a nested object inside that object instead of at the top,
//   - null for leaving a parameter out,
//   - "42" for 42, 42 for "42", "true" for true, 5.0 for 5,
//   - one thing for a list of one, and the other way round,
//   - an object or a list as JSON inside a string,
//   - the name of a state for its letter: member for m.
//
// Everything else stays as it is, for the check to refuse.
func (f *form) mend(args map[string]any) map[string]any {
	mended := make(map[string]any, len(args))
	for name, value := range args {
		p := f.field(name)
		if p == nil {
			p = f.called(name, args)
		}
		inner, isObject := parsed(value).(map[string]any)
		switch {
		case value == nil && p != nil:
		case p != nil:
			mended[p.name] = p.mend(value)
		case isObject && f.lifted[loose(name)]:
			for name, value := range f.mend(inner) {
				if _, twice := mended[name]; !twice {
					mended[name] = value
				}
			}
		default:
			mended[name] = value
		}
	}
	return mended
}

// called returns the one field that name must mean though it is not its name, unless
// that field is given too.
func (f *form) called(name string, args map[string]any) *field {
	var found *field
	for _, p := range f.fields {
		wire := ""
		if len(p.path) > 0 {
			wire = p.path[len(p.path)-1]
		}
		if loose(name) == loose(p.name) || loose(name) == loose(wire) {
			if _, given := args[p.name]; found != nil || given {
				return nil
			}
			found = p
		}
	}
	return found
}

func (p *field) mend(value any) any {
	if !p.list {
		if list, ok := value.([]any); ok && len(list) == 1 && p.kind != anything {
			value = list[0]
		}
		return p.mendOne(value)
	}
	list, ok := parsed(value).([]any)
	if !ok {
		list = []any{value}
	}
	mended := make([]any, len(list))
	for i, one := range list {
		mended[i] = p.mendOne(one)
	}
	return mended
}

func (p *field) mendOne(value any) any {
	switch p.typ.Kind() {
	case reflect.String:
		if n, ok := value.(json.Number); ok {
			return n.String()
		}
		if p.typ == reflect.TypeFor[flow.MemberState]() {
			return stateOf(value)
		}
	case reflect.Bool:
		switch text, _ := value.(string); strings.ToLower(text) {
		case "true":
			return true
		case "false":
			return false
		}
	case reflect.Int, reflect.Int64:
		return wholeNumber(value)
	case reflect.Struct:
		if inner, ok := parsed(value).(map[string]any); ok && p.form != nil {
			return p.form.mend(inner)
		}
	case reflect.Map, reflect.Slice, reflect.Interface:
		return parsed(value)
	}
	return value
}

// stateOf returns the letter of a state that is called by its name.
func stateOf(value any) any {
	text, _ := value.(string)
	for state, called := range stateNames {
		if strings.EqualFold(strings.TrimSpace(text), called) {
			return string(state)
		}
	}
	return value
}

// wholeNumber writes a number that is whole without point and exponent, also one that
// stands in a string.
func wholeNumber(value any) any {
	text := ""
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = strings.TrimSpace(v)
	}
	if len(text) > 20 { // an exponent must not make it grow without bounds
		return value
	}
	if r, ok := new(big.Rat).SetString(text); ok && !strings.ContainsAny(text, "/_xXbBoOpP") && r.IsInt() && r.Num().IsInt64() {
		return json.Number(r.Num().String())
	}
	return value
}

// parsed returns the object or list that stands as JSON in a string, and anything else
// as it is.
func parsed(value any) any {
	text, ok := value.(string)
	text = strings.TrimSpace(text)
	if !ok || text == "" || text[0] != '{' && text[0] != '[' {
		return value
	}
	if inner, err := decodeJSON([]byte(text)); err == nil {
		return inner
	}
	return value
}
