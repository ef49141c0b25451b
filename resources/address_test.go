package resources

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestParse(t *testing.T) {
	for uri, want := range map[string]address{
		"flow://me":                                      {kind: atMe},
		"flow://inbox":                                   {kind: atInbox},
		"flow://events":                                  {kind: atEvents},
		"flow://events?after=0":                          {kind: atEvents, after: new(flow.Cursor(0))},
		"flow://events?after=42":                         {kind: atEvents, after: new(flow.Cursor(42))},
		"flow://orgs/ABC":                                {kind: atOrg, ref: "ABC"},
		"flow://accounts/%40ana":                         {kind: atAccount, ref: "@ana"},
		"flow://channels/ABC":                            {kind: atChannel, ref: "ABC"},
		"flow://channels/Design%2Fgeneral":               {kind: atChannel, ref: "Design/general"},
		"flow://channels/%D7%A9%D7%9C%D7%95%D7%9D":       {kind: atChannel, ref: "שלום"},
		"flow://channels/ABC/messages":                   {kind: atMessages, ref: "ABC"},
		"flow://channels/ABC/messages?limit=5":           {kind: atMessages, ref: "ABC", page: page{limit: 5}},
		"flow://channels/ABC/messages?limit=5&before=M1": {kind: atMessages, ref: "ABC", page: page{limit: 5, before: "M1"}},
		"flow://channels/ABC/messages?after=M1":          {kind: atMessages, ref: "ABC", page: page{after: "M1"}},
		"flow://channels/ABC/messages/M1":                {kind: atMessage, ref: "ABC", message: "M1"},
	} {
		got, err := parse(uri)
		if err != nil {
			t.Errorf("parse(%q): %v", uri, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(address{}, page{})); diff != "" {
			t.Errorf("parse(%q) (-want +got):\n%s", uri, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for uri, want := range map[string]flow.Code{
		"":                                     flow.NotFound,
		"flow://":                              flow.Invalid,
		"http://me":                            flow.NotFound,
		"FLOW://me":                            flow.NotFound,
		"flow://nothing":                       flow.NotFound,
		"flow://me/":                           flow.Invalid,
		"flow://me#x":                          flow.NotFound,
		"flow://me?x=1":                        flow.Invalid,
		"flow://channels":                      flow.NotFound,
		"flow://channels/":                     flow.Invalid,
		"flow://channels/a/b":                  flow.NotFound,
		"flow://channels/..":                   flow.Invalid,
		"flow://channels/%2e%2e":               flow.Invalid,
		"flow://channels/%zz":                  flow.Invalid,
		"flow://channels/%ff":                  flow.Invalid,
		"flow://channels/a//":                  flow.Invalid,
		"flow://channels/a/messages/b/c":       flow.NotFound,
		"flow://channels/a/messages?limit=0":   flow.Invalid,
		"flow://channels/a/messages?limit=501": flow.Invalid,
		"flow://channels/a/messages?limit=x":   flow.Invalid,
		"flow://channels/a/messages?before=":   flow.Invalid,
		"flow://channels/a/messages?before=b&after=c":  flow.Invalid,
		"flow://channels/a/messages?limit=1&limit=2":   flow.Invalid,
		"flow://channels/a/messages?color=red":         flow.Invalid,
		"flow://channels/a/messages?limit=%zz":         flow.Invalid,
		"flow://events?after=-1":                       flow.Invalid,
		"flow://events?after=99999999999999999999":     flow.Invalid,
		"flow://channels/" + strings.Repeat("a", 1025): flow.Invalid,
		"flow://channels/" + strings.Repeat("a", 4096): flow.NotFound,
	} {
		a, err := parse(uri)
		if !errors.Is(err, want) {
			t.Errorf("parse(%.60q) is %+v, %v; want %v", uri, a, err, want)
		}
	}
}

// What was parsed is written as a URI that is parsed to the same, and what is refused is
// refused with a sentence of bounded length.
func FuzzParse(f *testing.F) {
	for _, uri := range []string{
		"flow://me", "flow://events?after=7", "flow://orgs/A", "flow://accounts/%40ana",
		"flow://channels/A%2Fb/messages?before=M&limit=3", "flow://channels/A/messages/M%25",
		"flow://channels/%ff", "flow://channels/A?x#y", "flow://me?%zz=;",
	} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		a, err := parse(uri)
		if err != nil {
			if code := flow.CodeOf(err); code != flow.Invalid && code != flow.NotFound {
				t.Fatalf("refused with the code %s", code)
			}
			if len(err.Error()) > 2000 {
				t.Fatalf("refused in %d bytes", len(err.Error()))
			}
			return
		}
		again, err := parse(a.String())
		if err != nil {
			t.Fatalf("%q became %q, which is refused: %v", uri, a.String(), err)
		}
		if diff := cmp.Diff(a, again, cmp.AllowUnexported(address{}, page{})); diff != "" {
			t.Fatalf("%q became %q, which is another (-first +again):\n%s", uri, a.String(), diff)
		}
	})
}
