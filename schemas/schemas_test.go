package schemas_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/schemas"
)

type state string

type inner struct {
	Name string `json:"name" jsonschema_description:"A name, with a comma."`
}

type sample struct {
	Zebra  string          `jsonschema_description:"First stays first."`
	Apple  int             `json:"apple,omitzero" jsonschema_description:"Optional." jsonschema:"minimum=0,maximum=10"`
	State  state           `json:"state" jsonschema:"enum=o,enum=b"`
	Inner  *inner          `json:"inner,omitzero"`
	List   []inner         `json:"list"`
	Raw    json.RawMessage `json:"raw,omitzero" jsonschema_description:"Whatever."`
	Any    any             `json:"any,omitzero"`
	When   time.Time       `json:"when,omitzero"`
	Table  map[string]int  `json:"table,omitzero"`
	Hidden string          `json:"-"`
	secret string
}

func TestInput(t *testing.T) {
	_ = sample{}.secret
	got, err := schemas.Input(reflect.TypeFor[sample]())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"properties":{` +
		`"Zebra":{"type":"string","description":"First stays first."},` +
		`"apple":{"type":"integer","maximum":10,"minimum":0,"description":"Optional."},` +
		`"state":{"type":"string","enum":["o","b"]},` +
		`"inner":{"properties":{"name":{"type":"string","description":"A name, with a comma."}},"additionalProperties":false,"type":"object","required":["name"]},` +
		`"list":{"items":{"properties":{"name":{"type":"string","description":"A name, with a comma."}},"additionalProperties":false,"type":"object","required":["name"]},"type":"array"},` +
		`"raw":{"type":"object","description":"Whatever."},` +
		`"any":{"type":"object"},` +
		`"when":{"type":"string","format":"date-time"},` +
		`"table":{"additionalProperties":{"type":"integer"},"type":"object"}},` +
		`"additionalProperties":false,"type":"object","required":["Zebra","state","list"]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

func TestOutputHasWhatIsAlwaysThere(t *testing.T) {
	type result struct {
		Any   any     `json:"any" jsonschema_description:"Not told."`
		List  []inner `json:"list"`
		Maybe string  `json:"maybe,omitzero"`
	}
	got, err := schemas.Output(reflect.TypeFor[result]())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"properties":{"any":{},` +
		`"list":{"items":{"properties":{"name":{"type":"string"}},"type":"object","required":["name"]},"type":"array"}},` +
		`"type":"object","required":["any","list"]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

func TestDocument(t *testing.T) {
	got, err := schemas.Document("things", "Sent when there are things.", reflect.TypeFor[[]inner]())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"$schema":"https://json-schema.org/draft/2020-12/schema",` +
		`"items":{"properties":{"name":{"type":"string","description":"A name, with a comma."}},"type":"object","required":["name"]},` +
		`"type":"array","title":"things","description":"Sent when there are things."}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

type loop struct {
	Next []*loop `json:"next"`
}

func TestRefusedTypes(t *testing.T) {
	tests := map[string]reflect.Type{
		"contains itself": reflect.TypeFor[loop](),
		"not a struct":    reflect.TypeFor[[]string](),
		"a function":      reflect.TypeFor[struct{ F func() }](),
		"integer keys":    reflect.TypeFor[struct{ M map[int]string }](),
	}
	for name, typ := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := schemas.Input(typ); err == nil {
				t.Errorf("%s has the schema %s, want an error", typ, got)
			}
		})
	}
}
