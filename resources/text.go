package resources

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/flow-mcp/flow-mcp/flow"
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
	return flow.ReplaceHidden(text, escape), nil // outside of strings JSON is ASCII
}

// escape writes a character in the way of JSON.
func escape(r rune) string {
	if r > 0xFFFF {
		high, low := utf16.EncodeRune(r)
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// label is foreign text for a name or title: on one line, without what is hidden.
func label(name string) string {
	name = flow.ReplaceHidden(name, func(r rune) string {
		if unicode.IsSpace(r) {
			return " "
		}
		return ""
	})
	return strings.Join(strings.Fields(name), " ")
}
