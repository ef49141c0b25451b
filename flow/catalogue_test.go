package flow_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// TestEveryMethodHasOneRow holds the catalogue against the interface that engines
// implement. Flow spells AccountId and DeviceId where Go says ID.
func TestEveryMethodHasOneRow(t *testing.T) {
	rows := map[string]int{}
	for _, op := range flow.Catalogue() {
		rows[strings.ToLower(op.Info().Name)]++
	}
	engine := reflect.TypeFor[flow.Engine]()
	for i := range engine.NumMethod() {
		name := strings.ToLower(engine.Method(i).Name)
		if rows[name] != 1 {
			t.Errorf("method %s has %d rows, want 1", engine.Method(i).Name, rows[name])
		}
		delete(rows, name)
	}
	for name := range rows {
		t.Errorf("row %s is bound to no method of Engine", name)
	}
}

func TestRowsAreDescribed(t *testing.T) {
	effects := []flow.Effect{flow.Reads, flow.Writes, flow.Sets, flow.Destroys, flow.Protocol}
	for _, op := range flow.Catalogue() {
		info := op.Info()
		if !strings.HasSuffix(info.Summary, ".") || len(info.Summary) < 20 {
			t.Errorf("%s: the summary is no sentence: %q", info.Name, info.Summary)
		}
		if !slices.Contains(effects, info.Effect) {
			t.Errorf("%s: unknown effect %q", info.Name, info.Effect)
		}
		in, out := op.Types()
		if in.Kind() != reflect.Struct {
			t.Errorf("%s: the parameters are %s, want a struct", info.Name, in)
		}
		if info.Effect != flow.Protocol {
			described(t, info.Name, in)
			described(t, info.Name, out)
		}
	}
}

// What waits by nature is not taken for a backend that hangs.
func TestWaits(t *testing.T) {
	tests := []struct {
		method, params string
		want           time.Duration
	}{
		{"WaitForNotification", `{}`, flow.Forever},
		{"EnumerateEvents", `{}`, 0},
		{"EnumerateEvents", `{"WaitMilliseconds":1500}`, 1500 * time.Millisecond},
		{"EnumerateEvents", `{"WaitMilliseconds":-1}`, 0},
		{"EnumerateEvents", `{"WaitMilliseconds":"long"}`, 0},
		{"EnumerateEvents", `[`, 0},
		{"SendMessage", `{}`, 0},
		{"Unheard", `{}`, 0},
	}
	for _, tt := range tests {
		if got := flow.Waits(tt.method, json.RawMessage(tt.params)); got != tt.want {
			t.Errorf("%s%s waits %v, want %v", tt.method, tt.params, got, tt.want)
		}
	}
}

func TestEventsAreDescribed(t *testing.T) {
	seen := map[flow.NotificationType]bool{}
	for _, e := range flow.Events() {
		if seen[e.Type()] {
			t.Errorf("two rows are of type %s", e.Type())
		}
		seen[e.Type()] = true
		if !strings.HasSuffix(e.Summary(), ".") {
			t.Errorf("%s: the summary is no sentence: %q", e.Type(), e.Summary())
		}
		described(t, string(e.Type()), e.DataType())
	}
}

// described checks that every field of ours below typ says what it is.
func described(t *testing.T, where string, typ reflect.Type) {
	t.Helper()
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		described(t, where, typ.Elem())
	case reflect.Struct:
		for i := range typ.NumField() {
			f := typ.Field(i)
			if f.Tag.Get("jsonschema_description") == "" && !f.Anonymous {
				t.Errorf("%s: field %s.%s is not described", where, typ.Name(), f.Name)
			}
			described(t, where+"."+f.Name, f.Type)
		}
	}
}
