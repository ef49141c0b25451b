package sqlite

import (
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// What a message and a file take in an answer beside their texts: ids, numbers and the
// names of members.
const (
	messageFrame = 400
	fileFrame    = 150
)

// messageSize is how many bytes a message takes in an answer, at most. Texts are counted
// as JSON, in which a control character is six bytes: whoever writes many of those must
// not make pages that no answer can hold.
func messageSize(text, other string, files []flow.Attachment) int {
	size := messageFrame + jsonSize(text) + jsonSize(other)
	for _, f := range files {
		size += fileFrame + jsonSize(f.Filename)
	}
	return size
}

// jsonSize is how many bytes a text takes as a JSON string, at most.
func jsonSize(text string) int {
	const escaped = len(`\u0000`)
	size := len(text) + len(`""`)
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ':
			size += escaped - 1
		case c == '"' || c == '\\':
			size++
		case c == 0xe2 && isSeparator(text[i:]):
			size += escaped - len("\u2028")
		}
	}
	return size
}

// isSeparator reports whether a text begins with a line or paragraph separator, which are
// no ends of lines in JSON and are in JavaScript, so that they are always escaped.
func isSeparator(text string) bool {
	return strings.HasPrefix(text, "\u2028") || strings.HasPrefix(text, "\u2029")
}
