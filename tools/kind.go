package tools

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// kind is what a value means to a model.
type kind int

const (
	plain        kind = iota // a number, or true or false
	words                    // text
	teamID                   // an identifier that has a name
	channelID                // another
	accountID                // another
	messageID                // an identifier that has a short reference
	deviceID                 // an identifier whose name only the account itself knows
	attachmentID             // an identifier of a file
	opaqueID                 // any other identifier
	object                   // a struct
	table                    // a map
	anything                 // JSON without a type
	transcript               // messages, which have a form of their own
)

var (
	ofRawMessage = reflect.TypeFor[json.RawMessage]()
	flowPackage  = reflect.TypeFor[flow.OrgID]().PkgPath()
)

// kindOf says what values of t mean. Pointers and lists are those of their elements.
func kindOf(t reflect.Type) kind {
	switch t {
	case reflect.TypeFor[flow.OrgID]():
		return teamID
	case reflect.TypeFor[flow.ChannelID]():
		return channelID
	case reflect.TypeFor[flow.AccountID]():
		return accountID
	case reflect.TypeFor[flow.MessageID](), reflect.TypeFor[flow.MessageRef]():
		return messageID
	case reflect.TypeFor[flow.Message](), reflect.TypeFor[flow.SearchHit]():
		return transcript
	case reflect.TypeFor[flow.DeviceID]():
		return deviceID
	case reflect.TypeFor[flow.AttachmentID]():
		return attachmentID
	case ofRawMessage:
		return anything
	}
	switch t.Kind() {
	case reflect.String:
		if t.PkgPath() == flowPackage && strings.HasSuffix(t.Name(), "ID") {
			return opaqueID
		}
		return words
	case reflect.Slice:
		if isBytes(t) {
			return words
		}
		return kindOf(t.Elem())
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Struct:
		return object
	case reflect.Map:
		return table
	case reflect.Interface:
		return anything
	}
	return plain
}

// reference reports whether k is an identifier.
func (k kind) reference() bool { return k >= teamID && k <= opaqueID }

// rank orders what is resolved: the team helps to find the channel, and that the message.
func (k kind) rank() int {
	switch k {
	case teamID:
		return 0
	case channelID:
		return 1
	}
	return 2
}

// isBytes reports whether t is no list in JSON: raw JSON, or bytes, which are base64.
func isBytes(t reflect.Type) bool { return t.Elem().Kind() == reflect.Uint8 }

// elements returns the type of the entries of lists of t, which is t itself when it is
// no list, and whether it is one. Pointers are what they point to.
func elements(t reflect.Type) (elem reflect.Type, isList bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Slice || isBytes(t) {
		return t, false
	}
	for t = t.Elem(); t.Kind() == reflect.Pointer; {
		t = t.Elem()
	}
	return t, true
}

// reaches reports whether values of t hold, or lead to, what other people say or are:
// teams, channels, messages, people.
func reaches(t reflect.Type) bool {
	t, _ = elements(t)
	switch t {
	case reflect.TypeFor[flow.Peer](), reflect.TypeFor[flow.Notification](), reflect.TypeFor[flow.AttachmentID]():
		return true
	}
	switch kindOf(t) {
	case teamID, channelID, messageID, transcript:
		return true
	case object:
		return slices.ContainsFunc(members(t), func(m member) bool { return reaches(m.Type) })
	case table:
		return reaches(t.Key()) || reaches(t.Elem())
	}
	return false
}

// member is a field of a struct as encoding/json sees it.
type member struct {
	reflect.StructField
	wire     string // its name
	optional bool
}

// members returns the fields of a struct in their order, those of embedded structs
// included: those of an embedded pointer may all be missing.
func members(t reflect.Type) []member {
	var all []member
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		elem, _ := elements(f.Type)
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" && elem.Kind() == reflect.Struct {
			continue
		}
		if name == "" {
			name = f.Name
		}
		optional := strings.Contains(options, "omitzero") || strings.Contains(options, "omitempty")
		all = append(all, member{f, name, optional || mayLack(t, f)})
	}
	return all
}

// mayLack reports whether a field of t is promoted through a pointer.
func mayLack(t reflect.Type, f reflect.StructField) bool {
	for _, i := range f.Index[:len(f.Index)-1] {
		if t = t.Field(i).Type; t.Kind() == reflect.Pointer {
			return true
		}
	}
	return false
}

// own reports whether m is the identifier of the struct itself.
func (m member) own() bool { return strings.EqualFold(m.wire, "id") }
