package policy

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// List is a list in a policy, for which one text stands too.
type List[T ~string] []T

// UnmarshalText takes one text for a list of it.
func (l *List[T]) UnmarshalText(text []byte) error {
	*l = List[T]{T(text)}
	return nil
}

// forms say by the last part of a key how its value is written.
var forms = map[string]string{
	"confirm":   `"never", or a list such as ["destructive", "first-message"]`,
	"read":      `a list of channels such as ["Home/*"]`,
	"write":     `a list of channels such as ["Home/general"], or true in [account]`,
	"send_from": `a list of folders such as ["~/Documents"]`,
	"save_to":   `a list of folders such as ["~/Downloads"]`,
	"channels":  "a table: [channels] in a line of its own",
	"limits":    "a table: [limits] in a line of its own",
	"files":     "a table: [files] in a line of its own",
	"account":   "a table: [account] in a line of its own",
}

// form says how the value of a key is written.
func form(key []string) string {
	last := key[len(key)-1]
	if said, ok := forms[last]; ok {
		return said
	}
	return "a whole number without quotes, such as 10"
}

// line returns in which line of a policy a key is set, counted from 1; zero when it is in none.
func line(raw []byte, key string) int {
	set := regexp.MustCompile(`^\s*"?` + regexp.QuoteMeta(key) + `"?\s*=`)
	for i, text := range bytes.Split(raw, []byte("\n")) {
		if set.Match(text) {
			return i + 1
		}
	}
	return 0
}

// at says of an error which line of the policy it is about.
func at(raw []byte, key string, err error) error {
	if n := line(raw, key); n > 0 {
		return fmt.Errorf("line %d: %w", n, err)
	}
	return err
}

// checkLimits refuses limits that are none. Zero could be meant as nothing or as no limit,
// so it is not guessed at.
func checkLimits(raw []byte) error {
	var given map[string]any
	if err := toml.Unmarshal(raw, &given); err != nil {
		return err
	}
	for _, table := range []string{"limits", "files"} {
		values, _ := given[table].(map[string]any)
		for _, key := range keys[table] {
			n, isNumber := values[key].(int64)
			if isNumber && n <= 0 {
				return at(raw, key, fmt.Errorf("%s.%s is %d, which is no limit; leave it out for none%s", table, key, n, instead(key)))
			}
		}
	}
	return nil
}

// instead says how nothing at all is allowed.
func instead(key string) string {
	switch {
	case strings.Contains(key, "messages"):
		return ", or forbid all sending with write = [] in [channels]"
	case key == "attachment_bytes_per_hour", key == "max_bytes":
		return ", or forbid all files with send_from = [] and save_to = [] in [files]"
	}
	return ""
}
