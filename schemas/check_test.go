package schemas_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/schemas"
)

const checked = `{"type":"object","additionalProperties":false,"required":["text","to"],"properties":{
	"text":{"type":"string","minLength":1,"maxLength":5},
	"to":{"type":"array","minItems":1,"maxItems":2,"uniqueItems":true,"items":{"type":"string","pattern":"^a"}},
	"state":{"type":"string","enum":["o","b"]},
	"limit":{"type":"integer","minimum":0,"maximum":10},
	"when":{"type":"string","format":"date-time"},
	"deep":{"type":"object","additionalProperties":false,"properties":{"yes":{"type":"boolean"}}}}}`

func TestCheck(t *testing.T) {
	c, err := schemas.Compile(json.RawMessage(checked))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, value string
		want        []schemas.Problem
	}{
		{"fits", `{"text":"hi","to":["ab"],"limit":10}`, nil},
		{"unknown and missing", `{"txt":"hi","a":1}`, []schemas.Problem{
			{Missing: []string{"text", "to"}}, {Unknown: []string{"a", "txt"}}}},
		{"too long", `{"text":"hello world","to":["ab"]}`, []schemas.Problem{
			{Path: []string{"text"}, Rule: "must have at most 5 characters, not 11"}}},
		{"empty", `{"text":"","to":[]}`, []schemas.Problem{
			{Path: []string{"text"}, Rule: "must not be empty"},
			{Path: []string{"to"}, Rule: "must not be empty"}}},
		{"list", `{"text":"a","to":["x","ab","ab"]}`, []schemas.Problem{
			{Path: []string{"to"}, Rule: "must have at most 2 entries, not 3"},
			{Path: []string{"to"}, Rule: "must not hold the same entry twice"},
			{Path: []string{"to", "0"}, Rule: `must match ^a, unlike "x"`}}},
		{"enum", `{"text":"a","to":["a"],"state":"x"}`, []schemas.Problem{
			{Path: []string{"state"}, Rule: `must be one of "o", "b", not "x"`}}},
		{"range", `{"text":"a","to":["a"],"limit":-1}`, []schemas.Problem{
			{Path: []string{"limit"}, Rule: "must be at least 0, not -1"}}},
		{"type", `{"text":7,"to":"a","limit":1.5,"deep":{"yes":null}}`, []schemas.Problem{
			{Path: []string{"deep", "yes"}, Rule: "must be true or false, not null"},
			{Path: []string{"limit"}, Rule: "must be a whole number, not a number"},
			{Path: []string{"text"}, Rule: "must be a string, not a number"},
			{Path: []string{"to"}, Rule: "must be a list, not a string"}}},
		{"format", `{"text":"a","to":["a"],"when":"noon"}`, []schemas.Problem{
			{Path: []string{"when"}, Rule: `must be a date-time, unlike "noon"`}}},
		{"not an object", `[]`, []schemas.Problem{{Path: []string{}, Rule: "must be an object, not a list"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := c.Check(decode(t, test.value))
			if diff := cmp.Diff(test.want, got, equateEmpty); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

var equateEmpty = cmp.FilterPath(
	func(p cmp.Path) bool { return p.Last().String() == ".Path" },
	cmp.Comparer(func(a, b []string) bool { return strings.Join(a, "/") == strings.Join(b, "/") }),
)

func decode(t *testing.T, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCompileRefusesWhatIsNoSchema(t *testing.T) {
	for _, text := range []string{`{`, `{"type":"strong"}`, `{"minimum":"1"}`} {
		if _, err := schemas.Compile(json.RawMessage(text)); err == nil {
			t.Errorf("Compile(%s) succeeded", text)
		}
	}
}
