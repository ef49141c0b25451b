package tools

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
)

// question is what a person is asked before a call. It consists of facts: what is done,
// to what by its name, how much of it, and why it is asked. Never of what others have
// said, whose words could persuade; of own messages to be deleted the beginning, and of
// what is to be sent or stored, which is what the person agrees to, all: what a question
// has no room for is refused. Names and texts stand in it cleaned, and quoted or behind
// bars. Nothing that is given leaves no trace in it.
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
	w := witness{call: c, names: c.namer(ctx), me: identity.AccountID, sends: t.Effect == flow.Writes}
	if err := w.tell(ctx, f, c.resolved); err != nil {
		return nil, err
	}
	account := w.thing(ctx, accountID, string(identity.AccountID))
	q := &question{tool: t}
	q.text = fmt.Sprintf("%s?\n\n%s\n\nAn AI agent asks for this as %s. You are asked because %s. It is done only if you confirm.",
		t.Title, strings.Join(w.facts, "\n"), account, c.why(t))
	if len(q.text) > longestQuestion {
		advice := "Store less, or less at once"
		if w.sends {
			advice = "Do it in parts, each with a question of its own; a long text can go as a file"
		}
		return nil, refused(t, fmt.Sprintf("a person has to see all of it before, which takes %d bytes, and a question has %d. %s",
			len(q.text), longestQuestion, advice))
	}
	if q.about, err = c.about(t, account, w.facts); err != nil {
		return nil, err
	}
	return q, nil
}

// longestQuestion is how much a person is asked to read, in bytes: about four pages.
const longestQuestion = 8_000

// about is what a yes holds for. The facts are in it too: a yes to a channel of three is
// none to one of three hundred. So are the files as they were: another content is another
// question. Why it is asked is not: that may have changed by another call.
func (c *call) about(t *Tool, account string, facts []string) ([]byte, error) {
	whole, err := json.Marshal([]any{t.Name, account, string(c.wire), c.text(idempotencyKey), facts, c.asked})
	if err != nil {
		return nil, fmt.Errorf("bind the question about %s: %w", t.Name, err)
	}
	sum := sha256.Sum256(whole)
	return sum[:], nil
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
