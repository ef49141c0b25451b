package sqlite

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
)

const (
	maxName       = 200 // characters of a name
	defaultServer = "flow.spideroak.com"
)

// checkName refuses what cannot be a name. Names are kept as they were given.
func checkName(what, name string) error {
	switch {
	case !utf8.ValidString(name):
		return flow.Errorf(flow.Invalid, "%s is not valid UTF-8", what)
	case strings.TrimSpace(name) == "" || flow.Fold(name) == "":
		return flow.Errorf(flow.Invalid, "%s is empty; give 1 to %d characters", what, maxName)
	case utf8.RuneCountInString(name) > maxName:
		return flow.Errorf(flow.Invalid, "%s is longer than %d characters", what, maxName)
	case strings.TrimSpace(name) != name:
		return flow.Errorf(flow.Invalid, "%s begins or ends with a blank; leave it out", what)
	case strings.HasPrefix(flow.Fold(name), "@"):
		return flow.Errorf(flow.Invalid, "%s begins with @, which stands before names of people; leave it out", what)
	case strings.ContainsFunc(name, unicode.IsControl):
		return flow.Errorf(flow.Invalid, "%s holds a control character, such as a line feed; leave it out", what)
	}
	return nil
}

// checkLabel refuses a text that is neither empty nor a name.
func checkLabel(what, label string) error {
	if label == "" {
		return nil
	}
	return checkName(what, label)
}

// checkDevice refuses labels of a new device.
func checkDevice(name, platform, osRelease string) error {
	return cmp.Or(checkLabel("DeviceName", name), checkLabel("Platform", platform), checkLabel("OSRelease", osRelease))
}

// serverOf returns the name space of user names that is meant.
func serverOf(uri string) string {
	if uri == "" {
		return defaultServer
	}
	return uri
}
