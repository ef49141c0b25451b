package flow

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// Ref returns eight letters and digits that stand for a message in texts and links. They
// follow from its id, so that every server calls a message the same, and cost a model a
// third of the tokens of the id. That two messages of a channel share one is unlikely,
// found out, and answered with a question.
func (id MessageID) Ref() string {
	sum := sha256.Sum256([]byte(id))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5]))
}

// IsRef reports whether text has the form of what [MessageID.Ref] returns.
func IsRef(text string) bool {
	return len(text) == 8 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
