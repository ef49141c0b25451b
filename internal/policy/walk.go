package policy

import (
	"encoding/json"
	"reflect"

	"github.com/flow-mcp/flow-mcp/flow"
)

var (
	ofChannel      = reflect.TypeFor[flow.ChannelID]()
	ofMessage      = reflect.TypeFor[flow.MessageID]()
	ofAttachment   = reflect.TypeFor[flow.AttachmentID]()
	ofNotification = reflect.TypeFor[flow.Notification]()
	ofRaw          = reflect.TypeFor[json.RawMessage]()
)

// touched is what the parameters of a call name.
type touched struct {
	channels    []flow.ChannelID
	attachments []flow.AttachmentID
	stray       []flow.MessageID // messages that no channel stands beside
}

// touch walks through parameters. Channel is the one that stands beside v.
func (t *touched) touch(v reflect.Value, channel flow.ChannelID) {
	switch v.Type() {
	case ofChannel:
		if !v.IsZero() {
			t.channels = append(t.channels, flow.ChannelID(v.String()))
		}
		return
	case ofAttachment:
		if !v.IsZero() {
			t.attachments = append(t.attachments, flow.AttachmentID(v.String()))
		}
		return
	case ofMessage:
		if !v.IsZero() && channel == "" {
			t.stray = append(t.stray, flow.MessageID(v.String()))
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			t.touch(v.Elem(), channel)
		}
	case reflect.Struct:
		channel = beside(v, channel)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				t.touch(v.Field(i), channel)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			t.touch(v.Index(i), channel)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			t.touch(key, channel)
			t.touch(v.MapIndex(key), channel)
		}
	}
}

// beside returns the channel that stands in a struct, or else the one around it.
func beside(v reflect.Value, around flow.ChannelID) flow.ChannelID {
	for i := range v.NumField() {
		f, field := v.Field(i), v.Type().Field(i)
		if f.Type() == ofChannel && !f.IsZero() {
			return flow.ChannelID(f.String())
		}
		if field.Anonymous && f.Kind() == reflect.Struct {
			if inner := beside(f, ""); inner != "" {
				return inner
			}
		}
	}
	return around
}

// opaque reports whether values of t may hold something that types tell nothing of, and
// that does not stand beside a channel.
func opaque(t reflect.Type) bool {
	switch {
	case t == ofNotification:
		return false // its payload has the type that its name says
	case t == ofRaw || t.Kind() == reflect.Interface:
		return true
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return opaque(t.Elem())
	case reflect.Map:
		return t.Key() != ofChannel && opaque(t.Elem())
	case reflect.Struct:
		if hasChannel(t) {
			return false
		}
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && opaque(f.Type) {
				return true
			}
		}
	}
	return false
}

// hasChannel reports whether structs of t say which channel they are about.
func hasChannel(t reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == ofChannel || f.Anonymous && f.Type.Kind() == reflect.Struct && hasChannel(f.Type) {
			return true
		}
	}
	return false
}

// makesChannel reports whether values of t are, or say, channels: the result of an
// operation that makes one.
func makesChannel(t reflect.Type) bool {
	return t == ofChannel || t.Kind() == reflect.Struct && hasChannel(t)
}
