package policy

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/flow-mcp/flow-mcp/flow"
)

// pruner takes out of one result what belongs to channels that may not be read.
type pruner struct {
	gate  *Gate
	ctx   context.Context
	past  flow.Caller // past the gate
	made  bool        // the call has made what its result names
	blank bool        // empty a channel's place rather than take out all around it
	err   error       // that a channel could not be judged

	open, closed int // how many channels were seen
}

func (p *pruner) readable(id flow.ChannelID) bool {
	v, err := p.gate.atlas.look(p.ctx, p.past, id)
	if err != nil {
		p.err = err
	}
	if v.read {
		p.open++
	} else {
		p.closed++
	}
	return v.read
}

// prune reports whether v may be shown, after it has taken out what may not. Channel is
// the one that stands beside v.
func (p *pruner) prune(v reflect.Value, channel flow.ChannelID) bool {
	switch v.Type() {
	case ofChannel:
		return v.IsZero() || p.readable(flow.ChannelID(v.String()))
	case ofAttachment, ofMessage:
		return v.IsZero() || p.origin(v.String(), channel)
	case ofNotification:
		return p.notification(v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil() || p.prune(v.Elem(), channel)
	case reflect.Struct:
		return p.structure(v, beside(v, channel))
	case reflect.Slice:
		if v.Type() != ofRaw && !v.IsNil() {
			p.list(v, channel)
		}
	case reflect.Map:
		p.table(v, channel)
	}
	return true
}

// origin judges a message or an attachment by its channel, and remembers that.
func (p *pruner) origin(id string, channel flow.ChannelID) bool {
	if channel == "" && p.made {
		p.gate.origins.learn(id, "")
		return true
	}
	if channel != "" {
		p.gate.origins.learn(id, channel)
		return true // the channel itself is judged where it stands
	}
	channel, known := p.gate.origins.of(id)
	return known && (channel == "" || p.readable(channel))
}

// structure takes a whole struct out when a part of it belongs to a closed channel.
func (p *pruner) structure(v reflect.Value, channel flow.ChannelID) bool {
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() || p.prune(v.Field(i), channel) {
			continue
		}
		if !p.blank {
			return false
		}
		v.Field(i).SetZero()
	}
	return true
}

func (p *pruner) list(v reflect.Value, channel flow.ChannelID) {
	kept := 0
	for i := range v.Len() {
		if p.prune(v.Index(i), channel) {
			v.Index(kept).Set(v.Index(i))
			kept++
		}
	}
	v.SetLen(kept)
}

func (p *pruner) table(v reflect.Value, channel flow.ChannelID) {
	for _, key := range v.MapKeys() {
		around := channel
		if key.Type() == ofChannel {
			around = flow.ChannelID(key.String())
		}
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(v.MapIndex(key))
		if p.prune(key, channel) && p.prune(value, around) {
			v.SetMapIndex(key, value)
		} else {
			v.SetMapIndex(key, reflect.Value{})
		}
	}
}

// payloads are the types of what notifications carry.
var payloads = func() map[flow.NotificationType]reflect.Type {
	all := map[flow.NotificationType]reflect.Type{}
	for _, e := range flow.Events() {
		all[e.Type()] = e.DataType()
	}
	return all
}()

// notification shows a notification of a known type without what is closed, and not at
// all when nothing else was in it.
func (p *pruner) notification(v reflect.Value) bool {
	n := v.Addr().Interface().(*flow.Notification)
	typ, known := payloads[n.Type]
	if !known {
		return false
	}
	data := reflect.New(typ)
	if err := json.Unmarshal(n.Data, data.Interface()); err != nil {
		return false
	}
	inner := *p
	inner.open, inner.closed, inner.blank = 0, 0, false
	whole := inner.prune(data.Elem(), "")
	p.err = inner.err
	if !whole || inner.closed > 0 && inner.open == 0 {
		return false
	}
	raw, err := json.Marshal(data.Interface())
	if err != nil {
		return false
	}
	n.Data = raw
	return true
}
