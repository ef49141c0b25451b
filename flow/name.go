package flow

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is how many characters a name may have.
const MaxName = 200

// CheckName refuses with Invalid what cannot be the name of an account, a team or a
// channel; what says whose name it is. Names are kept as they were given.
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
