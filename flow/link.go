package flow

import (
	"net/url"
	"strings"
)

// Link is a flow:// address: what results carry, what parameters accept beside ids and
// names, and what MCP resources are named by. The zero Link is of no kind.
type Link struct {
	Org        OrgID        // flow://orgs/{orgId}
	Channel    ChannelID    // flow://channels/{channelId}
	Message    MessageID    // flow://channels/{channelId}/messages/{messageId}
	Account    AccountID    // flow://accounts/{accountId}
	Attachment AttachmentID // flow://attachments/{attachmentId}
}

// String returns the address of the most exact thing that l names.
func (l Link) String() string {
	switch {
	case l.Message != "":
		return "flow://channels/" + url.PathEscape(string(l.Channel)) + "/messages/" + url.PathEscape(string(l.Message))
	case l.Channel != "":
		return "flow://channels/" + url.PathEscape(string(l.Channel))
	case l.Org != "":
		return "flow://orgs/" + url.PathEscape(string(l.Org))
	case l.Account != "":
		return "flow://accounts/" + url.PathEscape(string(l.Account))
	case l.Attachment != "":
		return "flow://attachments/" + url.PathEscape(string(l.Attachment))
	}
	return ""
}

// ParseLink reads an address. It reports false for text that is not the address of an
// org, channel, message, account or attachment.
func ParseLink(text string) (Link, bool) {
	path, ok := strings.CutPrefix(text, "flow://")
	if !ok {
		return Link{}, false
	}
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil || plain == "" {
			return Link{}, false
		}
		parts[i] = plain
	}
	switch {
	case len(parts) == 2 && parts[0] == "orgs":
		return Link{Org: OrgID(parts[1])}, true
	case len(parts) == 2 && parts[0] == "accounts":
		return Link{Account: AccountID(parts[1])}, true
	case len(parts) == 2 && parts[0] == "attachments":
		return Link{Attachment: AttachmentID(parts[1])}, true
	case len(parts) >= 2 && parts[0] == "channels":
		l := Link{Channel: ChannelID(parts[1])}
		if len(parts) == 2 || len(parts) == 3 && parts[2] == "messages" {
			return l, true
		}
		if len(parts) == 4 && parts[2] == "messages" {
			l.Message = MessageID(parts[3])
			return l, true
		}
	}
	return Link{}, false
}
