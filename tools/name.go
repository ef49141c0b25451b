package tools

import (
	"strings"
	"unicode"

	"github.com/flow-mcp/flow-mcp/flow"
)

// snake writes an identifier of the API in lower case with underscores: GetPeerFromID
// is get_peer_from_id, serverURI is server_uri. GraphQL is one word.
func snake(name string) string {
	runes := []rune(strings.ReplaceAll(name, "GraphQL", "Graphql"))
	var out strings.Builder
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			afterLower := unicode.IsLower(runes[i-1]) // a digit belongs to the letter before it
			beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1]) && !ending(runes[i+1:])
			if afterLower || beforeLower && runes[i-1] != '_' {
				out.WriteByte('_')
			}
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// ending reports whether rest only bends the acronym before it, as in IDs and LDAPed.
func ending(rest []rune) bool { return string(rest) == "s" || string(rest) == "ed" }

// toolName is what the tool of an operation is called.
func toolName(operation string) string { return "flow_" + snake(operation) }

// Name returns what the tool of an operation is called, and whether there is one.
func Name(o flow.Info) (string, bool) { return toolName(o.Name), offered(o) }

// title writes the name of an operation in plain words: GetPeerFromID is "Get peer from
// ID", EnumerateOrgs is "List teams".
func title(operation string) string {
	words := strings.Split(snake(operation), "_")
	for i, word := range words {
		switch word {
		case "id", "ldap", "uri", "url", "dm", "hwm", "d2d":
			words[i] = strings.ToUpper(word)
		case "enumerate":
			words[i] = "list"
		case "org", "orgs":
			words[i] = strings.Replace(word, "org", "team", 1)
		}
	}
	words[0] = strings.ToUpper(words[0][:1]) + words[0][1:]
	return strings.Join(words, " ")
}

// referenceName is the snake case of a field that holds an identifier, without the
// ending that says so: OrgID and OrgHashID are org, senderAccountId is sender. ID alone stays id.
func referenceName(field string) string {
	name := snake(field)
	for _, end := range []struct{ from, to string }{
		{"_account_id", ""}, {"_account_ids", ""}, {"_hash_id", ""}, {"_hash_ids", "s"}, {"_id", ""}, {"_ids", "s"},
	} {
		if short, ok := strings.CutSuffix(name, end.from); ok {
			return short + end.to
		}
	}
	return name
}

// loose is the form in which a parameter name that a model made up is compared with the
// real ones: ChannelID, channel_id and channelId are all channel.
func loose(name string) string {
	return strings.ReplaceAll(referenceName(name), "_", "")
}
