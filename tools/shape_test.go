package tools

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/schemas"
)

// sampleOutput has every kind of member that results may have.
type sampleOutput struct {
	ID        flow.ChannelID                      `json:"id"`
	OrgID     flow.OrgID                          `json:"orgId"`
	Owner     *flow.AccountID                     `json:"ownerAccountId,omitzero"`
	LastTime  int64                               `json:"lastTime"`
	Key       []byte                              `json:"key"`
	Share     float64                             `json:"share"`
	Muted     bool                                `json:"muted"`
	Prefs     map[string]json.RawMessage          `json:"prefs"`
	State     map[flow.OrgID]map[string]flow.Peer `json:"state"`
	Pinned    *flow.Message                       `json:"pinned,omitzero"`
	Members   []*flow.Peer                        `json:"members"`
	Channels  []flow.ChannelID                    `json:"channelIds"`
	Extra     any                                 `json:"extra"`
	Untouched string                              `json:"-"`
}

// TestShapes shows full and empty values of all forms, which must fit their schemas.
func TestShapes(t *testing.T) {
	full := `{"id":"C","orgId":"O","ownerAccountId":"A","lastTime":1000,"key":"aGk=","share":0.5,"muted":true,
		"prefs":{"a\u202e":{"deep":["x\u0000"]}},"state":{"O":{"x":{"accountId":"A","username":"u","serverURI":""}}},
		"pinned":{"id":"M","text":"hi","creationTime":1},"members":[{"accountId":"A","username":"u","serverURI":"s"}],
		"channelIds":["C"],"extra":[1,{"a":null}]}`
	tests := []struct {
		name string
		t    reflect.Type
		raw  string
		want string
	}{
		{"full", reflect.TypeFor[sampleOutput](), full,
			`{"id":"C","org":"O","owner":"A","last_time":"1970-01-01T00:00:01Z","key":"aGk=","share":0.5,"muted":true,` +
				`"prefs":{"a":{"deep":["x"]}},"state":{"O":{"x":{"account":"A","username":"u","server_uri":"","key_ring":"","fingerprint":"","verified":false}}},` +
				`"pinned":{"id":"M","time":"1970-01-01T00:00:00Z","sender":"","text":"hi"},` +
				`"members":[{"account":"A","username":"u","server_uri":"s","key_ring":"","fingerprint":"","verified":false}],"channels":["C"],"extra":[1,{"a":null}],"link":"flow://channels/C","hidden_characters_removed":2}`},
		{"empty", reflect.TypeFor[sampleOutput](), `{}`,
			`{"id":"","org":"","key":"","share":0,"muted":false,"prefs":{},"state":{},"members":[],"channels":[],"extra":null,"links":"flow://channels/{channel}/messages/{id}"}`},
		{"a struct behind a pointer", reflect.TypeFor[*flow.Org](), `{"id":"O","name":"n"}`,
			`{"id":"O","name":"n","discoverable":false,"state":"","link":"flow://orgs/O"}`},
		{"a map", reflect.TypeFor[map[flow.OrgID]int](), `{"O":1}`, `{"get_thing":{"O":1},"links":"flow://orgs/{org}"}`},
		{"raw JSON", reflect.TypeFor[json.RawMessage](), `{"a":[true]}`, `{"get_thing":{"a":[true]}}`},
		{"truth", reflect.TypeFor[bool](), `true`, `{"get_thing":true}`},
		{"texts", reflect.TypeFor[[]string](), `["a"]`, `{"get_things":["a"]}`},
		{"no texts", reflect.TypeFor[[]string](), `null`, `{"get_things":[]}`},
		{"hits", reflect.TypeFor[[]flow.SearchHit](), `[{"type":"message","data":{"id":"M","channelId":"C","text":"t"}}]`,
			`{"messages":[{"id":"M","time":"1970-01-01T00:00:00Z","channel":"C","sender":"","text":"t"}],"links":"flow://channels/{channel}/messages/{id}"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, err := formOf(reflect.TypeFor[struct{}]())
			if err != nil {
				t.Fatal(err)
			}
			v := viewOf("TheThing", f, test.t)
			v.key = strings.Replace(v.key, "the_", "get_", 1)
			schema, err := schemas.Output(v.model())
			if err != nil {
				t.Fatal(err)
			}
			viewer := &viewer{
				namer: &namer{service: &service{refs: &refs{}}, memo: map[string]name{}, exact: map[name]string{}},
				ids:   map[string]string{},
			}
			a, err := v.answer(t.Context(), &call{resolver: resolver{service: viewer.service}}, viewer, json.RawMessage(test.raw))
			if err != nil {
				t.Fatal(err)
			}
			got, err := a.marshal()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("shown as\n%s\nwant\n%s", got, test.want)
			}
			value, err := decodeJSON(got)
			if err != nil {
				t.Fatal(err)
			}
			checker, err := schemas.Compile(schema)
			if err != nil {
				t.Fatal(err)
			}
			if problems := checker.Check(value); len(problems) > 0 {
				t.Errorf("%s does not fit %s: %+v", got, schema, problems)
			}
		})
	}
}
