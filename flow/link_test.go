package flow_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestLinks(t *testing.T) {
	for text, want := range map[string]flow.Link{
		"flow://orgs/O":                         {Org: "O"},
		"flow://channels/C":                     {Channel: "C"},
		"flow://channels/C/messages?limit=5":    {Channel: "C"},
		"flow://channels/C/messages/M":          {Channel: "C", Message: "M"},
		"flow://accounts/A":                     {Account: "A"},
		"flow://attachments/F":                  {Attachment: "F"},
		"flow://channels/a%2Fb":                 {Channel: "a/b"},
		"flow://channels/C/messages/..%2F..%2F": {Channel: "C", Message: "../../"},
	} {
		got, ok := flow.ParseLink(text)
		if !ok {
			t.Errorf("%s is not understood", text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"", "general", "flow://", "flow://channels", "flow://channels/",
		"flow://channels/C/members", "flow://channels/C/messages/M/x", "https://channels/C", "flow://channels/%zz"} {
		if got, ok := flow.ParseLink(text); ok {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

// FuzzLink checks that what is understood can be said again, and means the same.
func FuzzLink(f *testing.F) {
	f.Add("flow://channels/C/messages/M")
	f.Add("flow://orgs/%2e%2e")
	f.Fuzz(func(t *testing.T, text string) {
		link, ok := flow.ParseLink(text)
		if !ok {
			return
		}
		again, ok := flow.ParseLink(link.String())
		if !ok || again != link {
			t.Errorf("%q means %+v, whose address %q means %+v", text, link, link.String(), again)
		}
	})
}

func TestIDs(t *testing.T) {
	id := flow.NewID()
	if len(id) != 52 {
		t.Errorf("an id has %d characters, want 52", len(id))
	}
	raw, ok := flow.DecodeID(id)
	if !ok || flow.EncodeID(raw) != id {
		t.Errorf("%s does not decode to itself", id)
	}
	for _, text := range []string{"general", "abc", "AAA", id[:51] + "B", "äöü"} {
		if _, ok := flow.DecodeID(text); ok {
			t.Errorf("%q is taken for an id", text)
		}
	}
}
