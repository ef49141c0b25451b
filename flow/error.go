package flow

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an [Error] is. A Code is itself an error, so that
// errors.Is(err, flow.NotFound) works on both sides of the process border.
type Code string

// The codes. The set is closed: an error without one of them is Internal.
const (
	// Invalid: the request itself is wrong; it has to be changed.
	Invalid Code = "invalid"
	// NotFound: what the request names does not exist, or may not be seen.
	NotFound Code = "not_found"
	// Denied: the account may not do this.
	Denied Code = "denied"
	// Conflict: the state of things is against it (a name is taken, a key was used).
	Conflict Code = "conflict"
	// Unsupported: this backend cannot do it at all.
	Unsupported Code = "unsupported"
	// Unavailable: nothing happened, because the backend could not be reached; trying
	// again may help.
	Unavailable Code = "unavailable"
	// Unusable: nothing happened, and nothing will until a person mends what the message
	// names: a full disk, a damaged store, a directory that may not be written to.
	Unusable Code = "unusable"
	// Uncertain: the backend went away while it worked; the write may have happened.
	Uncertain Code = "uncertain"
	// UnknownSession: nothing happened, because the backend has no such session: it was never
	// opened, or has ended. Open one, start the account on it and ask again.
	UnknownSession Code = "unknown_session"
	// Internal: a defect on the other side. The details are in its log.
	Internal Code = "internal"
)

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return "flow: " + string(c) }

// Error is a failure that crosses the process border. Message is a sentence for the
// person or model that made the request: what is wrong, and what to do.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return e.Message }

// Is reports whether target is the error's code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Errorf returns an *Error. The format has no %w: what is wrapped stays on this side.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of err: Internal for an error that has none of the set, and
// the empty code for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return orInternal(e.Code)
	}
	return Internal
}
