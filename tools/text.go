package tools

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// safe is text that somebody else wrote, made fit to be shown: it is valid UTF-8 without
// control, invisible, direction-changing and tag characters, and its only line break is
// \n. Every foreign text on its way into a result becomes a safe first, and [clean] is
// the only way to make one.
//
// A safe may still say anything. What keeps it from posing as something the server says
// is where it is put: [safe.inline] quotes what could end a field, and [safe.block]
// begins every further line with a bar.
type safe string

// clean returns text fit to be shown, and how many characters were removed. Joiners and
// variation selectors stay where scripts and emoji need them.
func clean(text string) (s safe, removed int) {
	if plainASCII(text) {
		return safe(text), 0
	}
	var out strings.Builder
	out.Grow(len(text))
	runes := []rune(strings.ReplaceAll(text, "\r\n", "\n"))
	var kept rune // the last one written
	for i := 0; i < len(runes); {
		r := runes[i]
		switch {
		case lineBreak(r):
			r = '\n'
		case r == flag && flagTags(runes[i+1:]) > 0:
			n := 1 + flagTags(runes[i+1:])
			out.WriteString(string(runes[i : i+n]))
			i, kept = i+n, r
			continue
		case r == zwj || r == zwnj:
			if !joins(kept, r, runes[i+1:]) {
				r = -1
			}
		case selector(r):
			if !selects(kept, r) {
				r = -1
			}
		case hidden(r):
			r = -1
		}
		if r < 0 {
			removed++
		} else {
			out.WriteRune(r)
			kept = r
		}
		i++
	}
	return safe(out.String()), removed
}

// plainASCII reports whether text needs no cleaning, which is the common case.
func plainASCII(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c < ' ' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

const (
	zwnj      = 0x200C
	zwj       = 0x200D
	flag      = 0x1F3F4 // black flag, which tags turn into that of a part of a country
	cancelTag = 0xE007F
)

func lineBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// hidden reports whether a reader would not see r, or would see other things because
// of it.
func hidden(r rune) bool {
	switch {
	case r == '\t':
		return false
	case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Noncharacter_Code_Point, r):
		return true
	case unicode.Is(unicode.Cf, r):
		return !unicode.Is(unicode.Prepended_Concatenation_Mark, r) && !(r >= 0x13430 && r <= 0x1343F) // seen
	}
	return unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || r == 0x2800 || r == 0x1D159
}

// flagTags returns how many runes of rest make a black flag the flag of England,
// Scotland or Wales; zero when they do not. No other sequence of tags is in use.
func flagTags(rest []rune) int {
	for _, region := range []string{"gbeng", "gbsct", "gbwls"} {
		if len(rest) <= len(region) || rest[len(region)] != cancelTag {
			continue
		}
		same := true
		for i, letter := range region {
			same = same && rest[i] == 0xE0000+letter
		}
		if same {
			return len(region) + 1
		}
	}
	return 0
}

// joins reports whether a joiner between before and rest means something there: between
// parts of an emoji, or after a letter of a script that is written with joiners.
func joins(before, joiner rune, rest []rune) bool {
	if unicode.In(before, joiningScripts...) {
		return true
	}
	if joiner == zwnj || len(rest) == 0 {
		return false
	}
	pictorial := pictograph(before) || before == 0xFE0F || before >= 0x1F3FB && before <= 0x1F3FF
	return pictorial && pictograph(rest[0])
}

func pictograph(r rune) bool {
	return r >= 0x2190 && unicode.Is(unicode.So, r) || r == 0x2194 || r == 0x2195
}

var joiningScripts = []*unicode.RangeTable{
	unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian, unicode.Devanagari, unicode.Bengali,
	unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada,
	unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Tibetan,
}

func selector(r rune) bool { return unicode.Is(unicode.Variation_Selector, r) }

// selects reports whether a variation selector after before can choose another form of it.
func selects(before, s rune) bool {
	switch {
	case s >= 0xE0100:
		return unicode.Is(unicode.Han, before)
	case s >= 0x180B && s <= 0x180F:
		return unicode.Is(unicode.Mongolian, before)
	case s >= 0xFE0E:
		return unicode.In(before, unicode.So, unicode.Sm, unicode.Po, unicode.Nd, unicode.Pd)
	}
	return unicode.In(before, unicode.Sm, unicode.Han, unicode.Myanmar)
}

// bare reports whether s can stand in a line without quotes: nothing in it separates
// fields, and its ends cannot be missed.
func (s safe) bare() bool { return s.bareWith("._-") }

// bareWith is bare with the signs that are harmless where s stands.
func (s safe) bareWith(signs string) bool {
	for i, r := range s {
		switch {
		case r < utf8.RuneSelf && (r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '0' && r <= '9'):
		case strings.ContainsRune(signs, r):
		case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsNumber(r):
		case r == ' ' && i > 0 && i < len(s)-1 && s[i-1] != ' ':
		default:
			return false
		}
	}
	return s != ""
}

// inline returns s as a part of a line: as it is, or quoted on one line when it holds
// anything that could be taken for the end of it.
func (s safe) inline() string {
	if s.bare() {
		return string(s)
	}
	return s.quoted()
}

// quoted returns s on one line in quotes, with escaped quotes, backslashes and breaks.
func (s safe) quoted() string {
	return `"` + escapes.Replace(string(s)) + `"`
}

var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`)

// unquote reads what quoted wrote, and returns anything else as it is: models copy names
// as they are shown.
func unquote(text string) string {
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		if plain, err := strconv.Unquote(text); err == nil {
			return plain
		}
	}
	return text
}

// bar begins every line of a block after its first. No other line of a result begins so.
const bar = "  | "

// block returns s as the end of a line and, where it has several lines, further lines
// that begin with a bar, so that none of them can pose as a line of the server.
func (s safe) block() string { return strings.ReplaceAll(string(s), "\n", "\n"+bar) }

// cut returns the beginning of s in at most n bytes of whole characters, and how many
// bytes are left out.
func (s safe) cut(n int) (head safe, left int) {
	if len(s) <= n {
		return s, 0
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], len(s) - n
}
