package flow_test

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ name, a, b string }{
		{"case", "General", "gENERAL"},
		{"blanks", "  a \t b\u00a0", "a b"},
		{"composed and not", "Zoë", "Zoe\u0308"},
		{"order of marks", "a\u0323\u0302", "ậ"},
		{"full width", "ＡＢＣ", "abc"},
		{"ligature", "ﬁnance", "FINANCE"},
		{"sharp s", "Straße", "STRASSE"},
		{"final sigma", "ΟΔΟΣ", "οδος"},
		{"half width kana", "ｶﾞ", "ガ"},
		{"Hangul letters", "\u1112\u1161\u11ab", "한"},
		{"iota subscript", "ᾳ", "ΑΙ"},
		{"zero width", "ali\u200bce", "alice"},
		{"soft hyphen", "gene\u00adral", "general"},
		{"direction marks", "\u202ealice\u202c", "alice"},
		{"emoji and text form", "❤\ufe0f", "❤"},
		{"Cherokee", "\u13fa\uab70", "\u13f2\u13a0"},
		{"right to left", "עיצוב", "עיצוב"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a, b := flow.Fold(c.a), flow.Fold(c.b); a != b || a == "" {
				t.Errorf("%q folds to %q, and %q to %q", c.a, a, c.b, b)
			}
		})
	}
	for _, c := range []struct{ a, b string }{
		{"resume", "résumé"}, {"か", "が"}, {"general", "generaI1"}, {"👍", "👎"}, {"мой", "мои"}, {"a b", "ab"},
	} {
		if flow.Fold(c.a) == flow.Fold(c.b) {
			t.Errorf("%q and %q are taken for one name", c.a, c.b)
		}
	}
}

// FuzzFold checks that it does not matter in which canonical form a name comes, nor
// whether it has been folded already.
func FuzzFold(f *testing.F) {
	for _, name := range []string{"General", "Zoe\u0308", "ＡＢＣ", "Straße", "ᾳ", "ali\u200bce", "עיצוב 🎨", "\u0345\u0308", "ΐ", "\u1e9e", "\u13fa"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !utf8.ValidString(name) {
			return
		}
		folded := flow.Fold(name)
		for form, other := range map[string]string{
			"folded": folded, "composed": norm.NFC.String(name), "decomposed": norm.NFD.String(name), "with blanks": " " + name + "\n",
		} {
			if got := flow.Fold(other); got != folded {
				t.Errorf("%+q folds to %+q, but %s to %+q", name, folded, form, got)
			}
		}
	})
}

// FuzzFindName looks for a channel by its own name and by what somebody else may type.
func FuzzFindName(f *testing.F) {
	f.Add("general", "genral")
	f.Add("Design/general", "design/GENERAL")
	f.Add("@alice", "me")
	f.Add("flow://channels/X", "flow://channels/%zz")
	f.Add("日本語", "日本")
	f.Fuzz(func(t *testing.T, name, typed string) {
		if !utf8.ValidString(name) {
			return
		}
		w, dir := newTown()
		w.add(flow.Channel{ID: "C-FUZZ", OrgID: "O-1", Name: name})
		for _, ref := range []string{name, typed, "Design/" + name} {
			found, err := dir.FindChannel(t.Context(), ref)
			if code := flow.CodeOf(err); err != nil && code != flow.Invalid && code != flow.NotFound && code != flow.Conflict {
				t.Fatalf("%q: %v", ref, err)
			}
			if err != nil && err.Error() == "" || err == nil && found.ID == "" {
				t.Fatalf("%q: %+v, %v", ref, found, err)
			}
			if flow.Fold(ref) == "" && err == nil {
				t.Errorf("%q, which is nothing, finds %+v", ref, found)
			}
		}
		if _, err := dir.CompleteChannel(t.Context(), typed); err != nil {
			t.Fatal(err)
		}
	})
}
