package sqlite

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold returns the form of a text in which search compares: without case, accents,
// compatibility forms, invisible characters and runs of blanks.
func fold(text string) string {
	if folded, ok := foldASCII(make([]byte, 0, len(text)), text); ok {
		return string(folded)
	}
	return foldUnicode(text)
}

// foldUnicode is fold for all that is not ASCII alone.
func foldUnicode(text string) string {
	folded := norm.NFKD.String(cases.Fold().String(norm.NFKD.String(text)))
	var out strings.Builder
	out.Grow(len(folded))
	var base rune // the last one that stayed
	for _, r := range folded {
		switch {
		case invisible(r) || isAccent(base, r):
			continue
		case unicode.IsSpace(r):
			if r = ' '; base == ' ' {
				continue
			}
		case unicode.Is(unicode.Cherokee, r):
			r = unicode.ToUpper(r) // which cases.Fold confuses
		}
		base = r
		if plain, ok := plainLetters[r]; ok {
			out.WriteString(plain)
		} else {
			out.WriteRune(r)
		}
	}
	return norm.NFC.String(out.String())
}

// invisible reports whether nobody sees a character: joiners, soft hyphens, marks of
// direction and the like, and the stroke that only makes an Arabic word longer.
func invisible(r rune) bool {
	return r >= 0x80 && (unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || r == 'ـ')
}

// isAccent reports whether a mark only adorns the letter before it. The vowels of Thai or
// Devanagari are marks too, but parts of words; so are the marks that voice a Japanese
// syllable or silence an Indic one, and what makes another letter of и.
func isAccent(base, r rune) bool {
	const breve = '\u0306'
	if !unicode.Is(unicode.Mn, r) || base == 'и' && r == breve {
		return false
	}
	const voicing, virama = 8, 9 // classes of combining marks
	if class := norm.NFD.PropertiesString(string(r)).CCC(); class == voicing || class == virama {
		return false
	}
	return unicode.Is(unicode.Diacritic, r) || unicode.In(r, unicode.Inherited, unicode.Arabic, unicode.Hebrew, unicode.Syriac)
}

// plainLetters are letters that have no decomposition, with those that are typed in their
// place.
var plainLetters = map[rune]string{
	'ø': "o", 'đ': "d", 'ð': "d", 'ħ': "h", 'ı': "i", 'ł': "l", 'ŧ': "t", 'æ': "ae", 'œ': "oe",
	'ى': "ي", 'ی': "ي", 'ک': "ك", 'ة': "ه",
}

// foldASCII appends the folded form of a text to dst. It reports false when the text
// holds anything but ASCII. A search folds all that is not indexed yet, under load a thousand
// messages and more, so eight bytes go at a time where there is nothing special in them.
func foldASCII(dst []byte, text string) ([]byte, bool) {
	dst = slices.Grow(dst, len(text))
	blank := false
	for len(text) > 0 {
		if len(text) >= 8 {
			eight, plain := foldEight(firstEight(text))
			if plain && !(blank && eight&0xFF == ' ') {
				dst = binary.LittleEndian.AppendUint64(dst, eight)
				blank = eight>>56 == ' '
				text = text[8:]
				continue
			}
		}
		c := text[0]
		text = text[1:]
		was := blank
		switch blank = c == ' ' || '\t' <= c && c <= '\r'; {
		case c >= utf8.RuneSelf:
			return dst, false
		case blank && was:
			continue
		case blank:
			c = ' '
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst, true
}

// firstEight returns the first eight bytes of a text, the first one lowest.
func firstEight(text string) uint64 {
	_ = text[7]
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
}

// foldEight makes capital letters small in eight bytes. They are not plain when there is
// something else to do: with two blanks in a row, other blanks than ' ', or what is no ASCII.
func foldEight(b uint64) (folded uint64, plain bool) {
	const each, tops = 0x0101010101010101, 0x8080808080808080
	if b&tops != 0 {
		return b, false
	}
	// The top bit of each byte of the sum tells whether the byte is so large. None carries.
	from := func(least uint64) uint64 { return b + (0x80-least)*each }
	capitals := from('A') &^ from('Z'+1) & tops
	otherBlanks := from('\t') &^ from('\r'+1) & tops
	blanks := from(' ') &^ from(' '+1) & tops
	return b | capitals>>2, otherBlanks == 0 && blanks&(blanks<<8) == 0
}

// class says what a character is to the index.
type class int

const (
	gap    class = iota // between words
	letter              // part of a word
	dense               // of a script that writes no blanks between words
	symbol              // a word of its own
)

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' {
			return letter
		}
		return gap
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		return dense
	case r == 'ー' || r == '\u3099' || r == '\u309a': // of both Japanese scripts
		return dense
	case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
		return letter
	case unicode.IsSymbol(r):
		return symbol
	}
	return gap
}

// indexText returns what the index is given of a text: its words, folded. FTS5's tokenizer
// for ASCII splits it as [tokens] does.
func indexText(text string) string {
	folded, ascii := foldASCII(make([]byte, 0, len(text)), text)
	if ascii && longestWord(folded) <= maxToken {
		return string(folded)
	}
	return strings.Join(tokens(fold(text)), " ")
}

// longestWord returns the length of the longest word of an ASCII text.
func longestWord(folded []byte) int {
	longest, length := 0, 0
	for _, c := range folded {
		if length++; classOf(rune(c)) == gap {
			length = 0
		}
		longest = max(longest, length)
	}
	return longest
}

// maxToken is how many characters of a word are in the index.
const maxToken = 64

// tokens splits a folded text into the words of the index. A run of a dense script
// becomes its overlapping pairs of characters, and its last character alone, so that any
// part of it begins with a word of the index. They hold nothing that FTS5's tokenizer
// for ASCII would split.
func tokens(folded string) []string {
	var list []string
	var run []rune
	kind := gap
	flush := func() {
		switch {
		case kind == letter:
			list = append(list, string(run[:min(len(run), maxToken)]))
		case kind == dense:
			for i := range len(run) - 1 {
				list = append(list, string(run[i:i+2]))
			}
			list = append(list, string(run[len(run)-1]))
		}
		run = run[:0]
	}
	for _, r := range folded {
		if r == utf8.RuneError {
			r = ' '
		}
		c := classOf(r)
		if c != kind {
			flush()
			kind = c
		}
		switch c {
		case letter, dense:
			run = append(run, r)
		case symbol:
			list = append(list, string(r))
		}
	}
	flush()
	return list
}
