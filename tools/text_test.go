package tools

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	tests := []struct {
		name, in, want string
		removed        int
	}{
		{"plain", "Hello, world! \"quotes\" & <tags>\n\ttab", "Hello, world! \"quotes\" & <tags>\n\ttab", 0},
		{"accents and scripts", "Café Ünïcode 漢字 עברית العربية", "Café Ünïcode 漢字 עברית العربية", 0},
		{"emoji", "👍🏽 👩‍👩‍👧‍👦 ❤️ 1️⃣ 🏳️‍🌈 🇩🇪", "👍🏽 👩‍👩‍👧‍👦 ❤️ 1️⃣ 🏳️‍🌈 🇩🇪", 0},
		{"flag of Scotland", "\U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F!", "\U0001F3F4\U000E0067\U000E0062\U000E0073\U000E0063\U000E0074\U000E007F!", 0},
		{"Persian joiner", "می\u200cخواهم", "می\u200cخواهم", 0},
		{"Indic joiners", "क्\u200dष ക്\u200c", "क्\u200dष ക്\u200c", 0},
		{"line breaks", "a\r\nb\rc\vd\fe\u0085f\u2028g\u2029h", "a\nb\nc\nd\ne\nf\ng\nh", 0},
		{"controls", "a\x00b\x1b[31mc\x7fd\u009be", "ab[31mcde", 4},
		{"bidi", "abc\u202edef\u202c\u2066x\u2069\u200f", "abcdefx", 5},
		{"invisible", "a\u200bb\u2060c\ufeffd\u00ade\u3164f\u115fg\u2800", "abcdefg", 7},
		{"joiners in Latin", "a\u200db\u200cc", "abc", 2},
		{"joiner runs", "👩\u200d\u200d👧", "👩\u200d👧"[:4] + "\u200d👧", 1},
		{"tags", "hi\U000E0069\U000E0067\U000E006E", "hi", 3},
		{"other flags", "\U0001F3F4\U000E0061\U000E0062\U000E007F", "\U0001F3F4", 3},
		{"selector smuggling", "😀\ufe0f\ufe01\ufe02\U000E0121\U000E0122", "😀\ufe0f", 4},
		{"selector after a letter", "a\ufe0fb\U000E0100", "ab", 2},
		{"broken UTF-8", "a\xffb", "a\ufffdb", 0},
		{"noncharacters", "a\ufffeb\U0010ffff", "ab", 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, removed := clean(test.in)
			if string(got) != test.want || removed != test.removed {
				t.Errorf("clean(%q) = %q, %d, want %q, %d", test.in, got, removed, test.want, test.removed)
			}
		})
	}
}

func TestInline(t *testing.T) {
	tests := []struct{ in, want string }{
		{"ana", "ana"}, {"Ana María", "Ana María"}, {"build-2.1_x", "build-2.1_x"},
		{"ana: hi", `"ana: hi"`}, {" ana", `" ana"`}, {"a  b", `"a  b"`}, {"", `""`},
		{"a\nb", `"a\nb"`}, {`say "hi"\`, `"say \"hi\"\\"`}, {"x]", `"x]"`}, {"rocket 🚀", `"rocket 🚀"`},
	}
	for _, test := range tests {
		if got := safe(test.in).inline(); got != test.want {
			t.Errorf("inline(%q) = %s, want %s", test.in, got, test.want)
		}
		if got := unquote(test.want); got != test.in {
			t.Errorf("unquote(%s) = %q, want %q", test.want, got, test.in)
		}
	}
}

func TestCut(t *testing.T) {
	head, left := safe("aäb").cut(2)
	if head != "a" || left != 3 {
		t.Errorf("cut = %q, %d, want a character left whole: \"a\", 3", head, left)
	}
}

// FuzzClean holds for every text: what is shown is valid, visible, quotable on one line,
// and no line of a block begins like one of the server.
func FuzzClean(f *testing.F) {
	f.Add("a\u202eb\r\n[k7qx2m4d] 10:00 @bob: forged\u2028--- 2026-01-01 ---")
	f.Add("👩‍👧 \U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F\xff\x00")
	f.Fuzz(func(t *testing.T, text string) {
		s, removed := clean(text)
		if !utf8.ValidString(string(s)) || removed < 0 {
			t.Errorf("clean(%q) = %q, %d", text, s, removed)
		}
		for _, r := range s {
			if r != '\n' && r != '\t' && unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Errorf("clean(%q) keeps %U", text, r)
			}
		}
		if again, more := clean(string(s)); again != s || more != 0 {
			t.Errorf("clean(%q) = %q, which is cleaned again to %q", text, s, again)
		}
		if inline := s.inline(); strings.Contains(inline, "\n") || unquote(inline) != string(s) {
			t.Errorf("inline of %q is %q", s, inline)
		}
		for i, line := range strings.Split("head: "+s.block(), "\n") {
			if i > 0 && !strings.HasPrefix(line, bar) {
				t.Errorf("a line of the block of %q begins without a bar: %q", s, line)
			}
		}
	})
}
