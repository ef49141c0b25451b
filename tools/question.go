package tools

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
)

// question is what a person is asked before a call. It consists of facts: what is done,
// to what by name and id, how much of it, and why it is asked. Never of what others have
// said, whose words could persuade; of a text to be sent, which is what the person agrees
// to, the beginning. Names and texts stand in it cleaned, quoted and cut.
type question struct {
	tool  *Tool
	text  string
	about []byte // what a seal of this question is bound to
	state string // the seal, when the client carries the question
}

// question looks up the facts about a call.
func (c *call) question(ctx context.Context, t *Tool, f *form) (*question, error) {
	identity, err := c.client.Identity(ctx)
	if err != nil {
		return nil, err
	}
	w := witness{call: c, names: c.namer(ctx), sends: t.Effect == flow.Writes}
	w.tell(ctx, f, c.resolved)
	account := w.thing(ctx, accountID, string(identity.AccountID))
	q := &question{tool: t}
	q.text = fmt.Sprintf("%s?\n\n%s\n\nAn AI agent asks for this as %s. You are asked because %s. It is done only if you confirm.",
		t.Title, strings.Join(w.facts, "\n"), account, c.why(t))
	// The facts are bound too: a yes to a channel of three is none to one of three hundred.
	about, err := json.Marshal([]string{t.Name, string(identity.AccountID), string(c.wire), c.text(idempotencyKey), q.text})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(about)
	q.about = sum[:]
	return q, nil
}

// params is the question in the form of the protocol.
func (q *question) params() mcp.ElicitationParams {
	return mcp.ElicitationParams{
		Message: q.text,
		RequestedSchema: map[string]any{
			"type": "object",
			"properties": map[string]any{answerKey: map[string]any{
				"type": "boolean", "title": "Yes: " + q.tool.Title, "default": false,
			}},
			"required": []string{answerKey},
		},
	}
}

// carry asks the client to carry a question to the person, and to call again.
func (c *call) carry(q *question) *mcp.CallToolResult {
	if q == nil {
		return nil
	}
	needs := server.NewInputRequestBuilder(q.state).Elicit(answerKey, q.params())
	if c.rooted {
		needs.Roots(rootsKey)
	}
	return needs.ToolResult()
}

// witness collects the facts about a call.
type witness struct {
	*call
	names   *namer
	facts   []string
	counted bool // it is said how many people see it
	sends   bool // the call sends a text, which the person has to see
}

// tell says of each parameter what it is.
func (w *witness) tell(ctx context.Context, f *form, wire map[string]any) {
	inChannel := w.channel.ID != "" && f.first(channelID) != nil
	for _, p := range f.fields {
		value, given := get(wire, p.path)
		if !given || p.kind == teamID && inChannel {
			continue // the name of the channel begins with its team
		}
		if said := w.fact(ctx, p, value); said != "" {
			w.facts = append(w.facts, p.name+": "+said)
		}
	}
}

// get returns a member of nested objects.
func get(from map[string]any, path []string) (any, bool) {
	if len(path) == 0 {
		return nil, false
	}
	for ; len(path) > 1; path = path[1:] {
		from, _ = from[path[0]].(map[string]any)
	}
	value, ok := from[path[0]]
	return value, ok
}

// fewThings is how many things a question names before it only counts them.
const fewThings = 10

func (w *witness) fact(ctx context.Context, p *field, value any) string {
	list, many := value.([]any)
	if !many || !p.list {
		return w.one(ctx, p, value)
	}
	var named []string
	for _, one := range list[:min(len(list), fewThings)] {
		if said := w.one(ctx, p, one); said != "" {
			named = append(named, said)
		}
	}
	said := fmt.Sprint(len(list))
	if len(named) > 0 {
		said += " (" + strings.Join(named, ", ")
		if len(list) > fewThings {
			said += fmt.Sprintf(", and %d more", len(list)-fewThings)
		}
		said += ")"
	}
	return said
}

func (w *witness) one(ctx context.Context, p *field, value any) string {
	switch v := value.(type) {
	case string:
		return w.word(ctx, p, v)
	case map[string]any:
		if p.form == nil {
			return ""
		}
		inner := witness{call: w.call, names: w.names, counted: true}
		inner.tell(ctx, p.form, v)
		return strings.Join(inner.facts, "; ")
	case json.Number, bool:
		return fmt.Sprint(v)
	}
	return "given"
}

func (w *witness) word(ctx context.Context, p *field, text string) string {
	switch {
	case p.kind == messageID:
		return "[" + w.refs.of(flow.MessageID(text)) + "]"
	case p.kind.reference():
		said := w.thing(ctx, p.kind, text)
		if people := w.people(ctx, p.kind, text); people != "" && !p.list {
			said += ", " + people
		}
		return said
	case slices.Contains(p.choices(), text):
		return text
	case isName(p.name):
		return quote(text)
	case p.name == outgoing && w.sends:
		return count(utf8.RuneCountInString(text), "character") + " to be sent, which begin: " + quoteUpTo(text, longestText)
	}
	return count(utf8.RuneCountInString(text), "character")
}

// isName reports whether a parameter names a thing or a file, so that a person has to see
// it. Any other text is only measured: it may be a message or a password.
func isName(parameter string) bool {
	last := parameter[strings.LastIndex(parameter, "_")+1:]
	return slices.Contains([]string{"name", "username", "filename", "path", "files", "folder"}, last)
}

// thing names something by what it is called and by its id.
func (w *witness) thing(ctx context.Context, k kind, id string) string {
	v := viewer{namer: w.names}
	called := string(v.call(ctx, k, id))
	if strings.Contains(called, id) {
		return quote(called)
	}
	return quote(called) + " (" + quote(id) + ")"
}

// people says how many see what is done, once.
func (w *witness) people(ctx context.Context, k kind, id string) string {
	if w.counted {
		return ""
	}
	n := 0
	switch k {
	case channelID:
		members, err := flow.EnumerateChannelMembers.Call(ctx, w.client, flow.EnumerateChannelMembersInput{ChannelID: flow.ChannelID(id)})
		if err != nil {
			return "members not known"
		}
		for _, m := range members {
			if m.State != flow.Banned {
				n++
			}
		}
	case teamID:
		members, err := flow.EnumerateOrgMembers.Call(ctx, w.client, flow.EnumerateOrgMembersInput{OrgID: flow.OrgID(id)})
		if err != nil {
			return "members not known"
		}
		for _, m := range members {
			if m.State != flow.Banned {
				n++
			}
		}
	default:
		return ""
	}
	w.counted = true
	return count(n, "member")
}

// longestName is how much of a name a question shows, in bytes.
const longestName = 120

// outgoing is the parameter with the text of a message to be sent.
const outgoing = "text"

// longestText is how much of a text to be sent a question shows, in bytes.
const longestText = 200

// quote shows what somebody else named.
func quote(text string) string { return quoteUpTo(text, longestName) }

func quoteUpTo(text string, most int) string {
	shown, _ := clean(text)
	head, left := shown.cut(most)
	if left > 0 {
		return head.quoted() + fmt.Sprintf(" and %d bytes more", left)
	}
	return head.quoted()
}
