package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
)

// checkFilename refuses what cannot be the name of a file on every machine or would lie
// about itself where it is shown.
func checkFilename(name string) error {
	bad := func(why string) error {
		return flow.Errorf(flow.Invalid, "the file name %q %s; give the file another name", clip(name), why)
	}
	switch {
	case name == "" || name == "." || name == "..":
		return bad("names no file")
	case !utf8.ValidString(name):
		return bad("is not valid UTF-8")
	case len(name) > flow.MaxFilename:
		return bad(fmt.Sprintf("is longer than %d bytes", flow.MaxFilename))
	case strings.ContainsAny(name, `/\`):
		return bad("holds a path separator")
	case strings.ContainsFunc(name, hidden):
		return bad("holds a control character, a line separator or a mark that turns the direction of text")
	}
	return nil
}

// hidden reports whether a character ends the line or changes how others are shown.
func hidden(r rune) bool {
	turns := r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || turns
}

// reserved are names that Windows takes for devices, with any extension.
var reserved = map[string]bool{
	"CON": true, "PRN": true, "AUX": true, "NUL": true,
	"CONIN$": true, "CONOUT$": true,
	"COM1": true, "COM2": true, "COM3": true, "COM4": true, "COM5": true, "COM6": true, "COM7": true, "COM8": true, "COM9": true,
	"LPT1": true, "LPT2": true, "LPT3": true, "LPT4": true, "LPT5": true, "LPT6": true, "LPT7": true, "LPT8": true, "LPT9": true,
	"COM¹": true, "COM²": true, "COM³": true, "LPT¹": true, "LPT²": true, "LPT³": true,
}

// safeName turns the name that somebody else gave a file into one that can be made in any
// directory, does not hide there and means nothing to the system.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || hidden(r) || strings.ContainsRune(`/\<>:"|?*`, r) {
			return '_'
		}
		return r
	}, name)
	const dropped = ". " // by Windows, at the end
	if name = strings.TrimRight(name, dropped); name == "" {
		return "file"
	}
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-") {
		name = "_" + name
	}
	stem, _, _ := strings.Cut(name, ".")
	if reserved[strings.ToUpper(strings.TrimSpace(stem))] {
		name = "_" + name
	}
	return strings.TrimRight(shorten(name, flow.MaxFilename), dropped)
}

// numbered is the n-th name to try for a file: "a.txt", "a (2).txt", "a (3).txt".
func numbered(name string, n int) string {
	if n <= 1 {
		return name
	}
	suffix := fmt.Sprintf(" (%d)", n)
	ext := extension(name)
	return shorten(strings.TrimSuffix(name, ext), flow.MaxFilename-len(suffix)-len(ext)) + suffix + ext
}

// shorten cuts a name to a number of bytes, before its extension.
func shorten(name string, most int) string {
	if len(name) <= most {
		return name
	}
	ext := extension(name)
	stem := strings.TrimSuffix(name, ext)[:max(0, most-len(ext))]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return stem + ext
}

// extension is what follows the last dot, if it looks like one.
func extension(name string) string {
	ext := filepath.Ext(name)
	if len(ext) > 32 || len(ext) == len(name) {
		return ""
	}
	return ext
}
