package tools

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
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

// clean returns text fit to be shown, and how many characters were removed.
func clean(text string) (s safe, removed int) {
	shown, removed := flow.Clean(text)
	return safe(shown), removed
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

// Runs of more line breaks than foldOver are no layout: they become foldTo.
const (
	foldOver = 10
	foldTo   = 2
)

// fold returns s without long runs of empty lines, and how many lines were left out.
func (s safe) fold() (folded safe, lines int) {
	if !strings.Contains(string(s), strings.Repeat("\n", foldOver+1)) {
		return s, 0
	}
	var out strings.Builder
	for rest := string(s); rest != ""; {
		text, _, _ := strings.Cut(rest, "\n")
		after := strings.TrimLeft(rest[len(text):], "\n")
		breaks := len(rest) - len(text) - len(after)
		kept := breaks
		if breaks > foldOver {
			kept = foldTo
		}
		out.WriteString(text)
		out.WriteString(strings.Repeat("\n", kept))
		lines += breaks - kept
		rest = after
	}
	return safe(out.String()), lines
}

// cut returns the beginning of s whose characters cost at most n bytes, and how many bytes
// are left out.
func (s safe) cut(n int) (head safe, left int) {
	for i, r := range s {
		if n -= cost(r); n < 0 {
			return s[:i], len(s) - i
		}
	}
	return s, 0
}

// cutMiddle returns the beginning and the end of s, which together cost at most n bytes,
// and how many bytes are left out between them.
func (s safe) cutMiddle(n int) (head, tail safe, left int) {
	over := s.cost() - n
	if over <= 0 {
		return s, "", 0
	}
	head, _ = s.cut(n / 2)
	tail = s[len(head):]
	for i, r := range tail {
		if over <= 0 {
			return head, tail[i:], i
		}
		over -= cost(r)
	}
	return head, "", len(tail)
}

// cost is the most bytes that s takes in a result.
func (s safe) cost() (n int) {
	for _, r := range s {
		n += cost(r)
	}
	return n
}

// cost is the most bytes that a character takes in a result: JSON and quotes escape some,
// and a block has a bar after each line break.
func cost(r rune) int {
	switch r {
	case '\n':
		return len("\n" + bar)
	case '"', '\\', '\t':
		return 2
	}
	return utf8.RuneLen(r)
}

// picture finds the content of pictures and the like that stand in a text as data: URIs.
var picture = regexp.MustCompile(`(data:[\w.+-]+/[\w.+-]+(?:;[\w=.-]+)*;base64,)[A-Za-z0-9+/=_-]{200,}`)

// withoutPictures returns s with the size of each data: URI in place of what no model can
// read.
func (s safe) withoutPictures() safe { return s.without("data:") }

// withoutImages returns s with the size of each picture in place of what no person can read.
func (s safe) withoutImages() safe { return s.without("data:image/") }

func (s safe) without(beginning string) safe {
	return safe(picture.ReplaceAllStringFunc(string(s), func(uri string) string {
		if !strings.HasPrefix(uri, beginning) {
			return uri
		}
		kind, content, _ := strings.Cut(uri, ",")
		return fmt.Sprintf("%s,(%d characters)", kind, len(content))
	}))
}
