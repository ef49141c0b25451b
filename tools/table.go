package tools

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// tableShape shows a map. Keys that are identifiers become names.
func tableShape(t reflect.Type, known map[kind]bool) shape {
	inner, k := shapeOf(t.Elem(), known), kindOf(t.Key())
	show := func(ctx context.Context, v *viewer, raw json.RawMessage) (any, error) {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			return nil, err
		}
		shown := dictionary{}
		for _, key := range slices.Sorted(maps.Keys(members)) {
			value, err := inner.show(ctx, v, members[key])
			if err != nil {
				return nil, err
			}
			shown = append(shown, entry{string(v.call(ctx, k, key)), value})
		}
		return shown, nil
	}
	return shape{model: reflect.MapOf(reflect.TypeFor[string](), inner.model), show: show}
}

// sorted shows the members of an object without a type, in the order of their names.
func (v *viewer) sorted(members map[string]any) dictionary {
	shown := dictionary{}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		shown = append(shown, entry{string(v.clean(key)), v.cleanAll(members[key])})
	}
	return shown
}

// eventShape shows notifications, whose payload has the form that their type says.
func eventShape() shape {
	payloads := map[flow.NotificationType]shape{}
	for _, e := range flow.Events() {
		payloads[e.Type()] = shapeOf(e.DataType(), nil)
	}
	outer := recordShape(reflect.TypeFor[flow.Notification](), nil)
	show := func(ctx context.Context, v *viewer, raw json.RawMessage) (any, error) {
		var n flow.Notification
		if err := json.Unmarshal(raw, &n); err != nil {
			return nil, err
		}
		payload, known := payloads[n.Type]
		if !known {
			payload.show = showAnything
		}
		data, err := payload.show(ctx, v, n.Data)
		if err != nil {
			return nil, err
		}
		shown := record{{"type", v.clean(string(n.Type))}, {"data", data}}
		if n.Seq != 0 {
			shown = append(shown, entry{"seq", n.Seq})
		}
		return shown, nil
	}
	return shape{model: outer.model, show: show}
}
