package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// shape says how results of one type are shown. It is made once from the Go type.
type shape struct {
	model reflect.Type // what the schema is made from
	show  shower
	each  shower // shows an entry, where it is a list of records
}

type shower func(context.Context, *viewer, json.RawMessage) (any, error)

// viewer shows one result. It collects what is said once for the whole of it.
type viewer struct {
	*namer
	ids     map[string]string // identifiers of the names shown
	removed int               // characters that were taken out of foreign text
}

func (s *service) viewer(ctx context.Context) *viewer {
	return &viewer{namer: s.namer(ctx), ids: map[string]string{}}
}

func (v *viewer) clean(text string) safe {
	s, removed := clean(text)
	v.removed += removed
	return s
}

// use remembers that a name is shown.
func (v *viewer) use(n name) name {
	if id, ok := v.exact[n]; ok {
		v.ids[string(n)] = id
	}
	return n
}

// keep remembers all names in what is shown.
func (v *viewer) keep(shown any) { maps.Copy(v.ids, v.named(shown)) }

// named returns the identifiers of the names in what is shown.
func (v *viewer) named(shown any) map[string]string {
	ids := map[string]string{}
	walk(shown, func(n name) {
		if id, ok := v.exact[n]; ok {
			ids[string(n)] = id
		}
	})
	return ids
}

// unused is named without what was remembered before.
func (v *viewer) unused(shown any) map[string]string {
	ids := v.named(shown)
	maps.DeleteFunc(ids, func(called, _ string) bool { _, known := v.ids[called]; return known })
	return ids
}

// walk visits all names in what is shown.
func walk(shown any, visit func(name)) {
	switch shown := shown.(type) {
	case name:
		visit(shown)
	case message:
		visit(shown.Channel)
		visit(shown.Sender)
	case items:
		for _, one := range shown {
			walk(one, visit)
		}
	case record:
		for _, e := range shown {
			walk(e.value, visit)
		}
	case dictionary:
		for _, e := range shown {
			visit(name(e.key))
			walk(e.value, visit)
		}
	}
}

// words are clean text of a record.
func (v *viewer) words(text string) safe { return v.clean(text).withoutPictures() }

// call returns the name of an identifier of a kind.
func (v *viewer) call(ctx context.Context, k kind, id string) name {
	switch k {
	case teamID:
		return v.team(ctx, flow.OrgID(id))
	case channelID:
		return v.channel(ctx, flow.ChannelID(id))
	case accountID:
		return v.account(ctx, flow.AccountID(id))
	}
	return name(v.clean(id))
}

// shapeOf makes the shape of a type. Identifiers of the kinds in known are left out of
// records, because the whole result is about one of them.
func shapeOf(t reflect.Type, known map[kind]bool) shape {
	elem, isList := elements(t)
	switch {
	case kindOf(elem) == transcript:
		return messageShape(elem, isList, known[channelID])
	case isList:
		return listShape(shapeOf(elem, known))
	}
	t = elem
	if t == reflect.TypeFor[flow.Notification]() {
		return eventShape()
	}
	k := kindOf(t)
	switch k {
	case words:
		return shape{model: reflect.TypeFor[string](), show: showWords}
	case plain:
		return plainShape(t)
	case object:
		return recordShape(t, known)
	case table:
		return tableShape(t, known)
	case anything:
		return shape{model: ofRawMessage, show: showAnything}
	}
	return shape{model: reflect.TypeFor[string](), show: showReference(k)}
}

func listShape(inner shape) shape {
	show := func(ctx context.Context, v *viewer, raw json.RawMessage) (any, error) {
		var all []json.RawMessage
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, err
		}
		shown := make(items, len(all))
		for i, one := range all {
			var err error
			if shown[i], err = inner.show(ctx, v, one); err != nil {
				return nil, err
			}
		}
		return shown, nil
	}
	return shape{reflect.SliceOf(inner.model), show, inner.show}
}

func showWords(_ context.Context, v *viewer, raw json.RawMessage) (any, error) {
	var text string
	err := json.Unmarshal(raw, &text)
	return v.words(text), err
}

func plainShape(t reflect.Type) shape {
	return shape{model: t, show: func(_ context.Context, _ *viewer, raw json.RawMessage) (any, error) {
		value := reflect.New(t)
		err := json.Unmarshal(raw, value.Interface())
		return value.Elem().Interface(), err
	}}
}

func showMoment(_ context.Context, _ *viewer, raw json.RawMessage) (any, error) {
	var milliseconds int64
	if err := json.Unmarshal(raw, &milliseconds); err != nil || milliseconds == 0 {
		return nil, err
	}
	return instant(milliseconds), nil
}

// instant is a time in UTC to the second, which is as exact as anybody reads. RFC 3339
// has no years after 9999.
func instant(milliseconds int64) time.Time {
	latest := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
	return time.UnixMilli(min(max(milliseconds, 0), latest)).UTC().Truncate(time.Second)
}

func showReference(k kind) func(context.Context, *viewer, json.RawMessage) (any, error) {
	return func(ctx context.Context, v *viewer, raw json.RawMessage) (any, error) {
		id, err := identifier(raw)
		if err != nil || id == "" {
			return name(""), err
		}
		if k == messageID {
			return mention{v.clean(id), v.refs.of(flow.MessageID(id))}, nil
		}
		return v.call(ctx, k, id), nil
	}
}

// identifier reads an identifier, and cuts one that is longer than any can be.
func identifier(raw json.RawMessage) (id string, err error) {
	err = json.Unmarshal(raw, &id)
	return id[:min(len(id), longestShown)], err
}

// showOwn shows the identifier of what the record is about.
func showOwn(k kind) func(context.Context, *viewer, json.RawMessage) (any, error) {
	return func(ctx context.Context, v *viewer, raw json.RawMessage) (any, error) {
		id, err := identifier(raw)
		if err != nil || id == "" {
			return name(""), err
		}
		if k == messageID {
			return mention{v.clean(id), v.refs.of(flow.MessageID(id))}, nil
		}
		return ownID{v.clean(id), v.call(ctx, k, id), linkTo(k, id)}, nil
	}
}

// linkTo returns the link to what an identifier alone can be linked by.
func linkTo(k kind, id string) flow.Link {
	switch k {
	case teamID:
		return flow.Link{Org: flow.OrgID(id)}
	case channelID:
		return flow.Link{Channel: flow.ChannelID(id)}
	case accountID:
		return flow.Link{Account: flow.AccountID(id)}
	}
	return flow.Link{}
}

// showAnything cleans every text in JSON of any form.
func showAnything(_ context.Context, v *viewer, raw json.RawMessage) (any, error) {
	value, err := decodeJSON(raw)
	return v.cleanAll(value), err
}

func (v *viewer) cleanAll(value any) any {
	switch value := value.(type) {
	case string:
		return v.words(value)
	case []any:
		for i := range value {
			value[i] = v.cleanAll(value[i])
		}
		return items(value)
	case map[string]any:
		return v.sorted(value)
	}
	return value
}

// column is one member of a record.
type column struct {
	wire, key string
	required  bool
	shape     shape
}

func recordShape(t reflect.Type, known map[kind]bool) shape {
	var columns []column
	var fields []reflect.StructField
	inChannel := slices.ContainsFunc(members(t), func(m member) bool {
		_, isList := elements(m.Type)
		return kindOf(m.Type) == channelID && !isList && !m.own()
	})
	for _, m := range members(t) {
		k := kindOf(m.Type)
		if !m.own() && (known[k] || k == teamID && inChannel) {
			continue // the whole result, or the channel, says which
		}
		c := columnOf(m, k, known)
		columns = append(columns, c)
		fields = append(fields, structField(c.key, c.shape.model, !c.required, "", m.Tag.Get("jsonschema")))
	}
	return shape{model: structWith(fields), show: showRecord(columns)}
}

func columnOf(m member, k kind, known map[kind]bool) column {
	c := column{wire: m.wire, key: snake(m.wire), required: !m.optional, shape: shapeOf(m.Type, known)}
	switch {
	case k.reference() && m.own():
		c.shape.show = showOwn(k)
	case k.reference():
		c.key = referenceName(m.wire)
	case strings.HasSuffix(m.wire, "Time") && m.Type.Kind() == reflect.Int64:
		c.shape = shape{model: reflect.TypeFor[time.Time](), show: showMoment}
		c.required = false
	}
	return c
}

// showRecord fills in what a backend left out, so that a result always has the form that
// its schema promises.
func showRecord(columns []column) func(context.Context, *viewer, json.RawMessage) (any, error) {
	return func(ctx context.Context, v *viewer, raw json.RawMessage) (any, error) {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			return nil, err
		}
		var shown record
		for _, c := range columns {
			raw, given := members[c.wire]
			if !given || string(raw) == "null" {
				if !c.required {
					continue
				}
				raw = zeroOf(c.shape.model)
			}
			value, err := c.shape.show(ctx, v, raw)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.wire, err)
			}
			if value != nil || c.required {
				shown = append(shown, entry{c.key, value})
			}
		}
		return shown, nil
	}
}

// zeroOf returns the JSON of nothing in a type.
func zeroOf(t reflect.Type) json.RawMessage {
	switch t.Kind() {
	case reflect.String:
		return json.RawMessage(`""`)
	case reflect.Bool:
		return json.RawMessage("false")
	case reflect.Slice:
		if t != ofRawMessage {
			return json.RawMessage("[]")
		}
		return json.RawMessage("null")
	case reflect.Struct, reflect.Map:
		return json.RawMessage("{}")
	}
	return json.RawMessage("0")
}
