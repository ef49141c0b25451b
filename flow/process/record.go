package process

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// record is one line of standard error. A backend of ours writes the JSON of slog, and its
// records are logged again as they were; any other line is a record at debug level.
type record struct {
	level   slog.Level
	message string
	members map[string]string
}

// parseRecord reads a line. Everything in it is foreign text, which clean makes fit.
func parseRecord(line, token string) record {
	var written map[string]any
	level, text := slog.LevelDebug, ""
	if line[0] == '{' && json.Unmarshal([]byte(line), &written) == nil {
		text, _ = written[slog.MessageKey].(string)
	}
	name, _ := written[slog.LevelKey].(string)
	if text == "" || level.UnmarshalText([]byte(name)) != nil {
		return record{
			level: slog.LevelDebug, message: "backend says",
			members: map[string]string{"line": clean(line, token)},
		}
	}
	r := record{level: level, message: clean(text, token), members: map[string]string{}}
	for key, value := range written {
		switch key {
		case slog.TimeKey, slog.LevelKey, slog.MessageKey:
		default:
			r.members[clean(key, token)] = clean(fmt.Sprint(value), token)
		}
	}
	return r
}

// attrs returns the members in a fixed order.
func (r record) attrs() []slog.Attr {
	var all []slog.Attr
	for _, key := range slices.Sorted(maps.Keys(r.members)) {
		all = append(all, slog.String(key, r.members[key]))
	}
	return all
}

// String is how an error repeats the record.
func (r record) String() string {
	if line, ok := r.members["line"]; ok && len(r.members) == 1 {
		return line
	}
	words := []string{r.message}
	for _, key := range slices.Sorted(maps.Keys(r.members)) {
		words = append(words, key+"="+r.members[key])
	}
	return strings.Join(words, " ")
}
