package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/flow-mcp/flow-mcp/flow"
)

const (
	tailLines = 20   // kept to explain a failure
	tailBytes = 2048 // of them that an error repeats
	maxLine   = 8192 // of standard error; what is longer is cut
)

// tail logs what a backend writes to standard error, and keeps the end of it.
type tail struct {
	log *slog.Logger

	mu    sync.Mutex
	token string
	lines []string
}

// hide keeps a token out of log and errors from now on.
func (t *tail) hide(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token = token
}

func (t *tail) read(stderr io.Reader) {
	in := bufio.NewReaderSize(stderr, maxLine)
	for {
		part, err := in.ReadSlice('\n')
		line := string(part)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		t.take(line)
		if err != nil {
			return
		}
	}
}

// take keeps a line as it is, since most are never looked at.
func (t *tail) take(line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	t.mu.Lock()
	token := t.token
	t.lines = append(t.lines, line)
	t.lines = t.lines[max(len(t.lines)-tailLines, 0):]
	t.mu.Unlock()
	said := parseRecord(line, token)
	t.log.LogAttrs(context.Background(), said.level, said.message, said.attrs()...)
}

// secretLike finds what may be a token that was not announced yet: long and without
// structure. Identifiers look the same; in a log they can be spared.
var secretLike = regexp.MustCompile(`[0-9A-Za-z_+=-]{22,}`)

// clean makes a line of a foreign program fit for a log and for an error.
func clean(line, token string) string {
	line = strings.ToValidUTF8(line, "\uFFFD")
	line = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\t' {
			return r
		}
		return -1
	}, line)
	if token != "" {
		line = strings.ReplaceAll(line, token, "[token]")
	}
	line = secretLike.ReplaceAllStringFunc(line, func(word string) string {
		if strings.ContainsAny(word, "0123456789") {
			return "[hidden]"
		}
		return word
	})
	return line
}

// codeMember is what a backend of ours calls the code of an error that ends it.
const codeMember = "code"

// addTo returns err with the last lines. A backend of ours that has said in a record what
// keeps it from running has said all that matters.
func (t *tail) addTo(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == 0 {
		return err
	}
	last := parseRecord(t.lines[len(t.lines)-1], t.token)
	if last.members[codeMember] == string(flow.Unusable) {
		return flow.Errorf(flow.Unusable, "%s", last.message)
	}
	if last.level >= slog.LevelError {
		return fmt.Errorf("%s (%w)", last, err)
	}
	cleaned := make([]string, len(t.lines))
	for i, line := range t.lines {
		cleaned[i] = parseRecord(line, t.token).String()
	}
	text := strings.Join(cleaned, "\n")
	if len(text) > tailBytes {
		text = "..." + strings.ToValidUTF8(text[len(text)-tailBytes:], "")
	}
	return fmt.Errorf("%w; it last said: %s", err, text)
}
