package sqlite

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold returns the form of a text in which search compares: without case, accents,
// compatibility forms and runs of blanks.
func fold(text string) string {
	if folded, ok := foldASCII(make([]byte, 0, len(text)), text); ok {
		return string(folded)
	}
	folded := norm.NFKD.String(cases.Fold().String(norm.NFKD.String(text)))
	blank := false
	folded = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) && r != kanaVoiced && r != kanaSemiVoiced {
			return -1
		}
		was := blank
		if blank = unicode.IsSpace(r); !blank {
			return r
		}
		if was {
			return -1
		}
		return ' '
	}, folded)
	return norm.NFC.String(folded)
}

// foldASCII appends the folded form of a text to dst. It reports false when the text
// holds anything but ASCII.
func foldASCII(dst []byte, text string) ([]byte, bool) {
	blank := false
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= utf8.RuneSelf:
			return dst, false
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		was := blank
		if blank = c == ' ' || '\t' <= c && c <= '\r'; blank {
			if was {
				continue
			}
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst, true
}

// The marks that tell one Japanese syllable from another are not accents.
const (
	kanaVoiced     = '\u3099'
	kanaSemiVoiced = '\u309a'
)

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
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
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
