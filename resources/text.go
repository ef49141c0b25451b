package resources

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

const mimeJSON = "application/json"

// encode writes v as JSON on one line. Characters that hide or reorder text are written
// as escapes: whoever decodes the JSON has them back, whoever shows it raw is not fooled.
func encode(v any) (string, error) {
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", fmt.Errorf("write as JSON: %w", err)
	}
	text := strings.TrimSuffix(plain.String(), "\n")
	if strings.IndexFunc(text, hidden) < 0 {
		return text, nil
	}
	var out strings.Builder
	out.Grow(len(text) + 64)
	for _, r := range text { // outside of strings JSON is ASCII
		switch {
		case !hidden(r):
			out.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String(), nil
}

// hidden reports whether a reader would not see r, or see what follows in another order.
// The two joiners are not among them, without which emoji and some scripts fall apart.
func hidden(r rune) bool {
	switch {
	case r < 0x7F:
		return r < ' '
	case r == '\u200c' || r == '\u200d':
		return false
	case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
		return true
	case r == '\u2028' || r == '\u2029', // line breaks to some
		r >= 0xE0100 && r <= 0xE01EF,                               // selectors that can carry hidden text
		r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0', // blanks that count as letters
		r == '\u034f', r == '\u2800':
		return true
	}
	return false
}

// label is foreign text for a name or title: on one line, without what is hidden.
func label(name string) string {
	name = strings.Map(func(r rune) rune {
		if hidden(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, "\uFFFD"))
	return strings.Join(strings.Fields(name), " ")
}
