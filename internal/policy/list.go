package policy

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// List is a list in a policy, for which one text stands too.
type List[T ~string] []T

// UnmarshalText takes one text for a list of it.
func (l *List[T]) UnmarshalText(text []byte) error {
	*l = List[T]{T(text)}
	return nil
}

// forms say by key how its value is written.
var forms = map[string]string{
	"confirm":         `"never", or a list such as ["destructive", "first-message"]`,
	"channels.read":   `a list of channels such as ["Home/*"]`,
	"channels.write":  `a list of channels such as ["Home/general"]`,
	"account.write":   "true or false, without quotes",
	"files.send_from": `a list of folders such as ["~/Documents"]`,
	"files.save_to":   `a list of folders such as ["~/Downloads"]`,
	"channels":        "a table: [channels] in a line of its own",
	"limits":          "a table: [limits] in a line of its own",
	"files":           "a table: [files] in a line of its own",
	"account":         "a table: [account] in a line of its own",
}

// form says how the value of a key is written.
func form(key []string) string {
	if said, ok := forms[strings.Join(key, ".")]; ok {
		return said
	}
	return "a whole number without quotes, such as 10"
}

var header = regexp.MustCompile(`^\s*\[\s*"?([\w-]+)"?\s*\]`)

// line returns in which line of a policy a key such as channels.read is set, counted from
// 1; zero when it is in none of its own.
func line(raw []byte, key string) int {
	name := func(key string) string { return `"?` + regexp.QuoteMeta(key) + `"?\s*` }
	table, last, nested := strings.Cut(key, ".")
	dotted := name(table)
	if nested {
		dotted += `\.\s*` + name(last)
	}
	whole, inside := regexp.MustCompile(`^\s*`+dotted+`=`), regexp.MustCompile(`^\s*`+name(last)+`=`)
	in := ""
	for i, text := range bytes.Split(raw, []byte("\n")) {
		if m := header.FindSubmatch(text); m != nil {
			in = string(m[1])
		}
		if in == "" && whole.Match(text) || nested && in == table && inside.Match(text) {
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

// checkLists refuses what is neither a list nor a text: true and 5 are texts to
// [List.UnmarshalText].
func checkLists(raw []byte, given map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(forms)) {
		table, name, nested := strings.Cut(key, ".")
		values, _ := given[table].(map[string]any)
		if !nested {
			values, name = given, table
		}
		if key != "account.write" && !isText(values[name]) {
			return at(raw, key, fmt.Errorf("%s must be %s", key, forms[key]))
		}
	}
	return nil
}

// isText is false for a value, or a list with one, that only has a text.
func isText(value any) bool {
	switch v := value.(type) {
	case bool, int64, float64:
		return false
	case []any:
		return !slices.ContainsFunc(v, func(one any) bool { return !isText(one) })
	}
	return true
}

// checkLimits refuses limits that are none. Zero could be meant as nothing or as no limit,
// so it is not guessed at.
func checkLimits(raw []byte, given map[string]any) error {
	for _, table := range []string{"limits", "files"} {
		values, _ := given[table].(map[string]any)
		for _, key := range keys[table] {
			n, isNumber := values[key].(int64)
			if isNumber && n <= 0 {
				return at(raw, table+"."+key, fmt.Errorf("%s.%s is %d, which is no limit; leave it out for none%s", table, key, n, instead(key)))
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
