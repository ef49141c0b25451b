package tools

import (
	"reflect"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// messageLinks is the form of links to messages of several channels.
const messageLinks = "flow://channels/{channel}/messages/{id}"

// linkForm returns the form of links to what values of a type tell of: the most exact
// ones, with what is to be filled in called as results call it. It is said once, which
// costs less than a link for each thing.
func linkForm(t reflect.Type) string {
	switch {
	case holds(t, transcript):
		return messageLinks
	case holds(t, messageID):
		return "flow://channels/{channel}/messages/{message}"
	case holds(t, channelID):
		return "flow://channels/" + blank(t, channelID, "{channel}")
	case holds(t, accountID):
		return "flow://accounts/" + blank(t, accountID, "{account}")
	case holds(t, teamID):
		return "flow://orgs/" + blank(t, teamID, "{org}")
	}
	return ""
}

// blank is what stands for an identifier in the form of a link.
func blank(t reflect.Type, k kind, otherwise string) string {
	if kindOf(t) == object && slices.ContainsFunc(members(t), func(m member) bool { return m.own() && kindOf(m.Type) == k }) {
		return "{id}"
	}
	return otherwise
}

// holds reports whether values of t have something of a kind in them.
func holds(t reflect.Type, k kind) bool {
	t, _ = elements(t)
	if t == reflect.TypeFor[flow.Notification]() {
		return true // it may be of any type
	}
	switch kindOf(t) {
	case k:
		return true
	case object:
		return slices.ContainsFunc(members(t), func(m member) bool { return holds(m.Type, k) })
	case table:
		return holds(t.Key(), k) || holds(t.Elem(), k)
	}
	return false
}
