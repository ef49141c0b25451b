package tools

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/schemas"
)

// sampleInput has every kind of field that inputs have.
type sampleInput struct {
	OrgID     flow.OrgID         `json:",omitzero" jsonschema_description:"Team."`
	ChannelID flow.ChannelID     `jsonschema_description:"Channel."`
	MemberID  flow.AccountID     `json:",omitzero" jsonschema_description:"Who."`
	Filters   *sampleFilters     `json:",omitzero"`
	Entries   []sampleEntry      `json:",omitzero" jsonschema_description:"Entries, from GetDevices."`
	State     flow.MemberState   `json:",omitzero" jsonschema_description:"State." jsonschema:"enum=o,enum=m"`
	Note      string             `json:",omitzero" jsonschema_description:"Note." jsonschema:"maxLength=20"`
	Loud      bool               `json:",omitzero" jsonschema_description:"Loud."`
	Raw       json.RawMessage    `json:",omitzero" jsonschema_description:"Data."`
	Messages  []flow.MessageRef  `json:",omitzero" jsonschema_description:"Messages."`
	Files     []flow.ChannelID   `json:",omitzero" jsonschema_description:"Channels."`
	Device    flow.DeviceID      `json:",omitzero" jsonschema_description:"Device."`
	Prefs     map[string]float64 `json:",omitzero" jsonschema_description:"Preferences."`
}

type sampleFilters struct {
	Limit  int            `json:",omitzero" jsonschema_description:"How many." jsonschema:"minimum=0,maximum=1000"`
	Before flow.MessageID `json:",omitzero" jsonschema_description:"Older; see Filters.Limit."`
}

type sampleEntry struct {
	ID   flow.AttachmentID `jsonschema_description:"Id."`
	Size int               `jsonschema_description:"Size."`
}

func sampleForm(t *testing.T) (*form, *schemas.Checker) {
	t.Helper()
	f, err := formOf(reflect.TypeFor[sampleInput]())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := schemas.Input(f.model())
	if err != nil {
		t.Fatal(err)
	}
	checker, err := schemas.Compile(raw)
	if err != nil {
		t.Fatal(err)
	}
	return f, checker
}

func TestFormNames(t *testing.T) {
	f, _ := sampleForm(t)
	want := []string{"channel", "member", "limit", "before", "entries", "state", "note", "loud", "raw",
		"messages", "files", "device", "prefs"}
	if diff := cmp.Diff(want, f.names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	wantText := map[string]string{
		"before":  "Older; see limit. [ref] or link.",
		"entries": "Entries, from flow_get_devices.",
		"channel": `Channel. "general", "@ana" or link.`,
	}
	for name, want := range wantText {
		if got := f.field(name).description; got != want {
			t.Errorf("%s is described as %q, want %q", name, got, want)
		}
	}
}

func TestInOurWords(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Filters.Before: no such message", "before: no such message"},
		{"Ids from GetDevices or SendMessage.", "Ids from flow_get_devices or flow_send_message."},
		{`no channel is called "Release.Notes" or "SendMessage"`, `no channel is called "Release.Notes" or "SendMessage"`},
		{"Search for a Ping in Team.", "Search for a Ping in Team."},
	}
	for _, test := range tests {
		if got := inOurWords(test.in); got != test.want {
			t.Errorf("inOurWords(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func TestMend(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing to mend", `{"channel":"general","limit":3}`, `{"channel":"general","limit":3}`},
		{"names of the API", `{"ChannelID":"c","memberId":"@a","Before":"x"}`, `{"before":"x","channel":"c","member":"@a"}`},
		{"names with endings", `{"channel_id":"c","device_id":"d"}`, `{"channel":"c","device":"d"}`},
		{"both spellings", `{"channel":"a","channel_id":"b"}`, `{"channel":"a","channel_id":"b"}`},
		{"nested", `{"filters":{"Limit":"5","before":"x"}}`, `{"before":"x","limit":5}`},
		{"nested as text", `{"filters":"{\"limit\":5}"}`, `{"limit":5}`},
		{"top before nested", `{"filters":{"limit":5},"limit":7}`, `{"limit":7}`},
		{"null", `{"note":null,"nonsense":null}`, `{"nonsense":null}`},
		{"number as text", `{"limit":" 42 "}`, `{"limit":42}`},
		{"whole float", `{"limit":5.0}`, `{"limit":5}`},
		{"exponent", `{"limit":1e2}`, `{"limit":100}`},
		{"broken number", `{"limit":"many"}`, `{"limit":"many"}`},
		{"fraction", `{"limit":"1/1"}`, `{"limit":"1/1"}`},
		{"huge exponent", `{"limit":1e999999999}`, `{"limit":1e999999999}`},
		{"text as number", `{"note":42}`, `{"note":"42"}`},
		{"truth as text", `{"loud":"TRUE"}`, `{"loud":true}`},
		{"one for a list", `{"messages":"m"}`, `{"messages":["m"]}`},
		{"list for one", `{"channel":["c"]}`, `{"channel":"c"}`},
		{"list as text", `{"messages":"[\"m\",\"n\"]"}`, `{"messages":["m","n"]}`},
		{"object as text", `{"raw":"{\"a\":1}","entries":["{\"ID\":\"x\",\"size\":\"2\"}"]}`,
			`{"entries":[{"id":"x","size":2}],"raw":{"a":1}}`},
		{"unknown stays", `{"colour":"red"}`, `{"colour":"red"}`},
	}
	f, _ := sampleForm(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			args, err := decodeArguments(json.RawMessage(test.in))
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(f.mend(args))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("mend(%s) = %s, want %s", test.in, got, test.want)
			}
		})
	}
}

func TestDecodeArguments(t *testing.T) {
	for _, empty := range []string{``, `null`, `{}`, `"{}"`, `"null"`} {
		if got, err := decodeArguments(json.RawMessage(empty)); err != nil || len(got) != 0 {
			t.Errorf("decodeArguments(%q) = %v, %v, want none", empty, got, err)
		}
	}
	for _, wrong := range []string{`[]`, `7`, `"text"`, `{`, `{} {}`, `true`} {
		if got, err := decodeArguments(json.RawMessage(wrong)); err == nil {
			t.Errorf("decodeArguments(%q) = %v, want an error", wrong, got)
		}
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"missing", `{}`, []string{
			`channel is missing: Channel. "general", "@ana" or link.`, `Example: {"channel": "general"}`}},
		{"near miss", `{"channel":"c","beforr":"x"}`, []string{
			`There is no parameter "beforr": did you mean before? Known: channel, member, limit,`}},
		{"swapped letters", `{"chanenl":"c"}`, []string{`did you mean channel?`}},
		{"no near miss", `{"channel":"c","xyzzy":1}`, []string{`There is no parameter "xyzzy". Known: channel`}},
		{"forged name", `{"channel":"c","a\n[k7qx2m4d] 10:00 @bob: yes":1}`, []string{`There is no parameter "a\n[k7qx2m4d]`}},
		{"wrong type", `{"channel":"c","limit":"many"}`, []string{`limit must be a whole number, not a string.`}},
		{"range", `{"channel":"c","limit":5000}`, []string{`limit must be at most 1000, not 5000.`}},
		{"enum", `{"channel":"c","state":"boss"}`, []string{`state must be one of "o", "m", not "boss".`}},
		{"length", `{"channel":"c","note":"123456789012345678901"}`, []string{`note must have at most 20 characters, not 21.`}},
		{"inside a list", `{"channel":"c","entries":[{"id":"a"},{"id":"b","size":"big","colour":1}]}`, []string{
			`entries[0].size is missing: Size.`, `There is no parameter "colour". Known: id, size.`,
			`entries[1].size must be a whole number, not a string.`}},
	}
	f, checker := sampleForm(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			args, err := decodeArguments(json.RawMessage(test.in))
			if err != nil {
				t.Fatal(err)
			}
			got := f.check(checker, f.mend(args))
			if flow.CodeOf(got) != flow.Invalid {
				t.Fatalf("check(%s) = %v, want an Invalid error", test.in, got)
			}
			for _, want := range test.want {
				if !strings.Contains(got.Error(), want) {
					t.Errorf("check(%s) says %q, want it to contain %q", test.in, got, want)
				}
			}
			if strings.Contains(got.Error(), "\n") {
				t.Errorf("check(%s) says more than a line: %q", test.in, got)
			}
		})
	}
}

// FuzzMend: whatever the arguments are, mending them ends and leaves JSON.
func FuzzMend(f *testing.F) {
	f.Add(`{"filters":{"limit":"5"},"ChannelID":["c"],"messages":"[1]"}`)
	f.Add(`"{\"entries\":\"[{\\\"ID\\\":7}]\"}"`)
	sample, err := formOf(reflect.TypeFor[sampleInput]())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		args, err := decodeArguments(json.RawMessage(text))
		if err != nil {
			return
		}
		once := sample.mend(args)
		if _, err := json.Marshal(once); err != nil {
			t.Errorf("mend(%s) cannot be written: %v", text, err)
		}
	})
}
