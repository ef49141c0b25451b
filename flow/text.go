package flow

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// ReplaceHidden returns text with what instead says in place of every character that a
// reader would not see, or that would make others be seen in another order: controls,
// invisible, direction-changing and tag characters. Line feeds, tabs and blanks are seen.
// Joiners, variation selectors and flags stay where scripts and emoji need them. The
// result is valid UTF-8.
func ReplaceHidden(text string, instead func(rune) string) string {
	if plainASCII(text) {
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	runes := []rune(text)
	var before rune // the last one that stayed
	for i := 0; i < len(runes); {
		r := runes[i]
		if n := flagTags(runes[i+1:]); r == flag && n > 0 {
			out.WriteString(string(runes[i : i+1+n]))
			i, before = i+1+n, r
			continue
		}
		if hides(before, r, runes[i+1:]) {
			said := instead(r)
			out.WriteString(said)
			if said != "" {
				before, _ = utf8.DecodeLastRuneInString(said)
			}
		} else {
			out.WriteRune(r)
			before = r
		}
		i++
	}
	return out.String()
}

// Clean returns text fit to be shown: without what [ReplaceHidden] finds, and with \n for
// everything that terminals and readers take for the end of a line. It says how many
// characters were removed.
func Clean(text string) (clean string, removed int) {
	clean = ReplaceHidden(lineBreaks.Replace(text), func(rune) string {
		removed++
		return ""
	})
	return clean, removed
}

var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// OneLine returns text fit to be a name or a title: clean, and on one line.
func OneLine(text string) string {
	clean, _ := Clean(text)
	return strings.Join(strings.Fields(clean), " ")
}

// EncodeVisibly writes v as JSON on one line. Characters that hide or reorder text are
// written as escapes: whoever decodes the JSON has them back, whoever shows it as it is is
// not fooled.
func EncodeVisibly(v any) ([]byte, error) {
	plain, err := encode(v)
	if err != nil {
		return nil, fmt.Errorf("write as JSON: %w", err)
	}
	return []byte(ReplaceHidden(string(plain), escape)), nil // outside of strings JSON is ASCII
}

// escape writes a character in the way of JSON.
func escape(r rune) string {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// plainASCII reports whether text hides nothing, which is the common case.
func plainASCII(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c < ' ' && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// hides reports whether r is hidden between the rune before it and the rest.
func hides(before, r rune, rest []rune) bool {
	switch {
	case r == zwj || r == zwnj:
		return !joins(before, r, rest)
	case unicode.Is(unicode.Variation_Selector, r):
		return !selects(before, r)
	}
	return hidden(r)
}

const (
	zwnj      = 0x200C
	zwj       = 0x200D
	flag      = 0x1F3F4 // black flag, which tags turn into that of a part of a country
	cancelTag = 0xE007F
)

func hidden(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case unicode.In(r, unicode.Cc, unicode.Co, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point):
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
