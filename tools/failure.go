package tools

import (
	"context"
	"errors"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// explain says in words for a model what went wrong and what to do about it. Defects
// are not described: what they say is of no use to a model, and perhaps not for it.
func (s *service) explain(t *Tool, c flow.Code, err error) string {
	text := describe(err)
	text += s.choice.offIn(text)
	switch c {
	case flow.Unavailable:
		again := " Try again in a moment."
		if s.choice.on(statusName) {
			again = " Try again in a moment; " + statusName + " tells more."
		}
		if t.Effect == flow.Reads {
			return "The backend could not be reached: " + text + again
		}
		return "Nothing was changed, because the backend could not be reached: " + text + again
	case flow.Uncertain:
		if t.Effect == flow.Writes {
			return "It is not known whether this was done: " + text + " Repeat it with the same " + idempotencyKey +
				" if you gave one, which never does it twice; otherwise look first."
		}
		return "It is not known whether this was done: " + text + " Look before you repeat it."
	case flow.Unsupported:
		return text + " The backend in use does not offer this."
	case flow.Internal:
		return "Something went wrong inside the server. Its log has the details; the arguments were not at fault."
	}
	return text
}

// stopped reports whether err only says that the call was cancelled or took too long.
func stopped(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// describe writes an error as a sentence of ours, in which no text of others can pose as
// another line.
func describe(err error) string {
	text, _ := clean(inOurWords(err.Error()))
	text, left := text.cut(2000)
	if left > 0 {
		text += "..."
	}
	return sentence(text.block())
}

// sentence ends text with a full stop, unless it has an end.
func sentence(text string) string {
	if text == "" || strings.ContainsRune(".?!}", rune(text[len(text)-1])) {
		return text
	}
	return text + "."
}
