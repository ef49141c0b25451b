package flow_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]struct {
		clean, line string
		removed     int
	}{
		"":                              {"", "", 0},
		"plain\n text":                  {"plain\n text", "plain text", 0},
		"a\r\nb\rc\vd\u2028e\u0085f":    {"a\nb\nc\nd\ne\nf", "a b c d e f", 0},
		"\u202eon\u200b\x00e\u00a0two ": {"one\u00a0two ", "one two", 3},
		"👩\u200d👧 \u200d":               {"👩\u200d👧 ", "👩\u200d👧", 1},
	} {
		clean, removed := flow.Clean(text)
		if clean != want.clean || removed != want.removed {
			t.Errorf("%q became %q, %d removed; want %q, %d", text, clean, removed, want.clean, want.removed)
		}
		if line := flow.OneLine(text); line != want.line {
			t.Errorf("%q on one line is %q, want %q", text, line, want.line)
		}
	}
}

func TestHiddenCharactersAreEscaped(t *testing.T) {
	text, err := flow.EncodeVisibly(map[string]string{"text": "a\u202eb\u200bc\x00\x1b[31m 👩‍👩‍👧 שלום \U000E0041 <b>&"})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"text":"a\u202eb\u200bc\u0000\u001b[31m 👩‍👩‍👧 שלום \udb40\udc41 <b>&"}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("the JSON (-want +got):\n%s", diff)
	}
}

// Whatever people write, the JSON gives it back and shows nothing hidden.
func FuzzEncodeVisibly(f *testing.F) {
	f.Add("hello")
	f.Add("\u202e\u2066\U000E0001\uFEFF\u00AD\\\"")
	f.Fuzz(func(t *testing.T, said string) {
		text, err := flow.EncodeVisibly([]string{said})
		if err != nil {
			t.Fatal(err)
		}
		flow.ReplaceHidden(string(text), func(r rune) string {
			t.Fatalf("%q shows the hidden character %U", text, r)
			return ""
		})
		var back []string
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		if utf8.ValidString(said) && back[0] != said {
			t.Fatalf("%q came back as %q", said, back[0])
		}
	})
}
