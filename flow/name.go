package flow

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is how many characters a name may have.
const MaxName = 200

// self is what every account calls itself wherever a person is named, so that nobody else may
// be called so.
const self = "me"

// CheckUsername refuses what [CheckName] refuses, and what would be taken for whoever reads it.
func CheckUsername(what, name string) error {
	if err := CheckName(what, name); err != nil {
		return err
	}
	if Fold(name) == self {
		return Errorf(Invalid, "%s is %q, which is what everybody calls the own account; choose another", what, name)
	}
	return nil
}

// CheckName refuses with Invalid what cannot be the name of a team or a channel,
// [CheckUsername] that of an account; what says whose name it is. Names are kept as they were given.
func CheckName(what, name string) error {
	switch {
	case !utf8.ValidString(name):
		return Errorf(Invalid, "%s is not valid UTF-8", what)
	case strings.TrimSpace(name) == "" || Fold(name) == "":
		return Errorf(Invalid, "%s is empty; give 1 to %d characters", what, MaxName)
	case utf8.RuneCountInString(name) > MaxName:
		return Errorf(Invalid, "%s is longer than %d characters", what, MaxName)
	case strings.TrimSpace(name) != name:
		return Errorf(Invalid, "%s begins or ends with a blank; leave it out", what)
	case strings.HasPrefix(Fold(name), "@"):
		return Errorf(Invalid, "%s begins with @, which stands before names of people; leave it out", what)
	case strings.ContainsFunc(name, unicode.IsControl):
		return Errorf(Invalid, "%s holds a control character, such as a line feed; leave it out", what)
	}
	return nil
}
