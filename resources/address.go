package resources

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
)

// kind says what an address leads to.
type kind int

const (
	atMe kind = iota + 1
	atInbox
	atOrg
	atAccount
	atChannel
	atMessages
	atMessage
	atAttachment
	atEvents
)

// address is the URI of a resource, taken apart.
type address struct {
	kind    kind
	ref     string         // names the org, account, channel or file: an id or, from clients, a name
	message flow.MessageID // atMessage
	page    page           // atMessages
	offset  *int64         // atAttachment; nil for the whole file
	after   *flow.Cursor   // atEvents; nil for the current end
}

// page is a part of a channel's history. At most one of before and after is set.
type page struct {
	before, after flow.MessageID
	limit         int // 0 for the default
}

const (
	maxURI       = 4096 // bytes
	maxSegment   = 1024 // bytes of an id or name
	defaultLimit = 50
	maxLimit     = 500
)

// String returns the address as a URI.
func (a address) String() string {
	switch a.kind {
	case atMe:
		return "flow://me"
	case atInbox:
		return "flow://inbox"
	case atOrg:
		return flow.Link{Org: flow.OrgID(a.ref)}.String()
	case atAccount:
		return flow.Link{Account: flow.AccountID(a.ref)}.String()
	case atChannel:
		return flow.Link{Channel: flow.ChannelID(a.ref)}.String()
	case atMessages:
		return flow.Link{Channel: flow.ChannelID(a.ref)}.String() + "/messages" + a.page.query()
	case atMessage:
		return flow.Link{Channel: flow.ChannelID(a.ref), Message: a.message}.String()
	case atAttachment:
		link := flow.Link{Attachment: flow.AttachmentID(a.ref)}.String()
		if a.offset != nil {
			link += "?offset=" + strconv.FormatInt(*a.offset, 10)
		}
		return link
	case atEvents:
		if a.after == nil {
			return "flow://events"
		}
		return "flow://events?after=" + strconv.FormatInt(int64(*a.after), 10)
	}
	return ""
}

func (p page) query() string {
	var parts []string
	if p.before != "" {
		parts = append(parts, "before="+url.QueryEscape(string(p.before)))
	}
	if p.after != "" {
		parts = append(parts, "after="+url.QueryEscape(string(p.after)))
	}
	if p.limit != 0 {
		parts = append(parts, "limit="+strconv.Itoa(p.limit))
	}
	if len(parts) == 0 {
		return ""
	}
	return "?" + strings.Join(parts, "&")
}

// parse reads a URI. The error is for the client: NotFound for a URI that leads nowhere,
// Invalid for one whose form is wrong.
func parse(uri string) (address, error) {
	rest, ok := strings.CutPrefix(uri, "flow://")
	if !ok || len(uri) > maxURI || strings.Contains(uri, "#") {
		return address{}, nowhere(uri)
	}
	path, query, asked := strings.Cut(rest, "?")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		plain, err := url.PathUnescape(part)
		if err != nil || !proper(plain) {
			return address{}, flow.Errorf(flow.Invalid, "the URI %s is not well-formed: %q is no id or name", shown(uri), shown(part))
		}
		parts[i] = plain
	}
	a, ok := place(parts)
	if !ok {
		return address{}, nowhere(uri)
	}
	if !asked {
		return a, nil
	}
	if err := a.ask(query); err != nil {
		return address{}, flow.Errorf(flow.Invalid, "the URI %s cannot be read: %v", shown(uri), err)
	}
	return a, nil
}

// proper reports whether s can be an id or a name.
func proper(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= maxSegment && utf8.ValidString(s)
}

// place finds the kind of a path.
func place(parts []string) (address, bool) {
	switch {
	case len(parts) == 1 && parts[0] == "me":
		return address{kind: atMe}, true
	case len(parts) == 1 && parts[0] == "inbox":
		return address{kind: atInbox}, true
	case len(parts) == 1 && parts[0] == "events":
		return address{kind: atEvents}, true
	case len(parts) == 2 && parts[0] == "orgs":
		return address{kind: atOrg, ref: parts[1]}, true
	case len(parts) == 2 && parts[0] == "accounts":
		return address{kind: atAccount, ref: parts[1]}, true
	case len(parts) == 2 && parts[0] == "attachments":
		return address{kind: atAttachment, ref: parts[1]}, true
	case len(parts) == 2 && parts[0] == "channels":
		return address{kind: atChannel, ref: parts[1]}, true
	case len(parts) == 3 && parts[0] == "channels" && parts[2] == "messages":
		return address{kind: atMessages, ref: parts[1]}, true
	case len(parts) == 4 && parts[0] == "channels" && parts[2] == "messages":
		return address{kind: atMessage, ref: parts[1], message: flow.MessageID(parts[3])}, true
	}
	return address{}, false
}

// ask reads what comes after the question mark.
func (a *address) ask(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("the part after ? is not well-formed")
	}
	for name, list := range values {
		if len(list) != 1 {
			return fmt.Errorf("%q stands there %d times", shown(name), len(list))
		}
		if err := a.set(name, list[0]); err != nil {
			return err
		}
	}
	if a.page.before != "" && a.page.after != "" {
		return fmt.Errorf("give before or after, not both")
	}
	return nil
}

func (a *address) set(name, value string) error {
	switch {
	case a.kind == atMessages && (name == "before" || name == "after"):
		if !proper(value) {
			return fmt.Errorf("%s must be a message id", name)
		}
		if name == "before" {
			a.page.before = flow.MessageID(value)
		} else {
			a.page.after = flow.MessageID(value)
		}
		return nil
	case a.kind == atMessages && name == "limit":
		limit, err := strconv.Atoi(value)
		if err != nil || limit < 1 || limit > maxLimit {
			return fmt.Errorf("limit must be a number from 1 to %d", maxLimit)
		}
		a.page.limit = limit
		return nil
	case a.kind == atAttachment && name == "offset":
		offset, err := strconv.ParseInt(value, 10, 64)
		if err != nil || offset < 0 {
			return fmt.Errorf("offset must be a number of bytes")
		}
		a.offset = &offset
		return nil
	case a.kind == atEvents && name == "after":
		after, err := strconv.ParseInt(value, 10, 64)
		if err != nil || after < 0 {
			return fmt.Errorf("after must be a cursor, a number that an earlier answer called next")
		}
		a.after = new(flow.Cursor(after))
		return nil
	}
	return fmt.Errorf("there is no parameter %q here", shown(name))
}

func nowhere(uri string) error {
	return flow.Errorf(flow.NotFound, "there is no resource %s; resources/list and resources/templates/list say which there are", shown(uri))
}

// shown shortens a client's text for an error.
func shown(text string) string {
	const most = 200
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
