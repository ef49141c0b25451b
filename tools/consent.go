package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Ask says whether a person at the client is asked before a call.
type Ask int

// The answers to that.
const (
	// DoNotAsk leaves it to the host, which shows its user what it calls.
	DoNotAsk Ask = iota
	// AskIfPossible asks where the client can show a question, and goes on where it cannot.
	AskIfPossible
	// AskOrRefuse asks, and does nothing where the client cannot show a question.
	AskOrRefuse
)

// Consent says before which calls a person is asked. The zero value asks before none.
type Consent struct {
	// Destructive is for calls that remove something that others can miss.
	Destructive Ask
	// Writing is for all calls that change something.
	Writing Ask
	// First is for the first call that writes to a channel since the server started.
	First Ask
	// Foreign is for calls of which Heard says that words of other people were read before
	// that they may follow. The channel is that of the call, or empty.
	Foreign Ask
	Heard   func(flow.AnyOperation, flow.ChannelID) bool
	// HeardUntil says how much Heard goes by at present. Accepted is told of that, as it was
	// when a person was asked, when that person has agreed to a call that sends something to
	// a channel.
	HeardUntil func() uint64
	Accepted   func(to flow.ChannelID, until uint64)
	// Judge says whether an operation would be refused in any case, so that nobody is asked
	// for nothing. It does not do it.
	Judge func(ctx context.Context, c flow.Caller, method string, params json.RawMessage) error
}

// judge refuses what no yes of a person could make possible.
func (c *call) judge(ctx context.Context, t *Tool) error {
	if c.asking.Judge == nil || t.op == nil {
		return nil
	}
	caller, err := c.caller(ctx)
	if err != nil {
		return err
	}
	return c.asking.Judge(ctx, caller, t.op.Info().Name, c.wire)
}

// why says by which rule a person is asked before a call of t.
func (c *call) why(t *Tool) string {
	switch {
	case t.Effect == flow.Destroys && c.asking.Destructive != DoNotAsk:
		return "it removes something"
	case c.asking.Writing != DoNotAsk:
		return "every call that changes something is asked about"
	case c.asking.First != DoNotAsk && c.isFirst(t):
		return "it is the first message to this channel since the start"
	case !c.sends(t):
		return "it changes something, and words of other people were read before"
	}
	return "words of other people elsewhere were read before"
}

// sends reports whether the call sends something to a channel.
func (c *call) sends(t *Tool) bool { return t.Effect == flow.Writes && c.channel.ID != "" }

// isFirst reports whether nothing was sent to the channel before.
func (c *call) isFirst(t *Tool) bool { return c.sends(t) && !c.written.has(c.channel.ID) }

// heardUntil is what a yes to a question that is asked now is good for.
func (c *call) heardUntil() uint64 {
	if c.asking.HeardUntil == nil {
		return 0
	}
	return c.asking.HeardUntil()
}

// agreed remembers what a yes is good for.
func (c *call) agreed(t *Tool, until uint64) {
	if c.asking.Accepted != nil && c.sends(t) {
		c.asking.Accepted(c.channel.ID, until)
	}
}

// rule returns how to ask before a call of t.
func (c *call) rule(t *Tool) Ask {
	ask := DoNotAsk
	if t.Effect == flow.Destroys {
		ask = c.asking.Destructive
	}
	if t.Effect != flow.Reads {
		ask = max(ask, c.asking.Writing)
	}
	if c.isFirst(t) {
		ask = max(ask, c.asking.First)
	}
	if t.Effect != flow.Reads && t.op != nil && c.asking.Heard != nil && c.asking.Heard(t.op, c.channel.ID) {
		ask = max(ask, c.asking.Foreign)
	}
	return ask
}

// written are the channels that were written to since the server started.
type written struct {
	mu       sync.Mutex
	channels map[flow.ChannelID]bool
}

func (w *written) has(id flow.ChannelID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.channels[id]
}

func (w *written) add(id flow.ChannelID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.channels == nil {
		w.channels = map[flow.ChannelID]bool{}
	}
	w.channels[id] = true
}

// previewName is the parameter by which a call only tells what it would do.
const previewName = "preview"

func (c *call) previews() bool {
	only, _ := c.args[previewName].(bool)
	return only
}

// answerKey names the only question of a call among the client's answers.
const answerKey = "confirm"

// consent asks a person about the call, where the rules say so. It returns nil when the
// call may go on; a question when the client has to carry it to the person and call again;
// and an error when the call must not be done.
func (c *call) consent(ctx context.Context, t *Tool, f *form, back mcp.MultiRoundTripParams) (*question, error) {
	ask := c.rule(t)
	answered := back.RequestState != "" // though by now nobody would be asked, a no is a no
	if c.previews() || ask == DoNotAsk && !answered {
		return nil, nil
	}
	if !canElicit(ctx) {
		if ask == AskOrRefuse {
			return nil, refused(t, "it needs the consent of a person, and this client cannot ask one (it did not declare elicitation). "+
				"A person can do it in a client that can, or change the confirmation rules of this server")
		}
		return nil, nil
	}
	if err := c.judge(ctx, t); err != nil {
		return nil, err
	}
	until := c.heardUntil()
	q, err := c.question(ctx, t, f)
	if err != nil {
		return nil, err
	}
	switch {
	case !server.IsModernRequest(ctx):
		if err = q.put(ctx); err == nil {
			err = c.still(ctx, t, f, q)
		}
	case !answered:
		q.state = c.seals.seal(q.about, until)
		return q, nil
	default:
		if until, err = c.seals.open(back.RequestState, q.about); err != nil {
			return nil, refused(t, fmt.Sprintf("the confirmation does not hold: %v. Call again without it to ask anew", err))
		}
		err = q.settle(server.ElicitationResponse(back.InputResponses, answerKey))
	}
	if err == nil {
		c.agreed(t, until)
	}
	return nil, err
}

// still refuses what is not any more what the person was shown.
func (c *call) still(ctx context.Context, t *Tool, f *form, q *question) error {
	now, err := c.question(ctx, t, f)
	if err == nil && !bytes.Equal(now.about, q.about) {
		err = refused(t, "what it is about has changed since the person was asked, a file, a name or the members perhaps. Call again to ask about it as it is now")
	}
	return err
}

func refused(t *Tool, why string) error {
	return flow.Errorf(flow.Denied, "Nothing was done. %s: %s", t.Title, why)
}

// canElicit reports whether the client of a request shows forms to a person. A capability
// that names no mode means forms.
func canElicit(ctx context.Context) bool {
	can := capabilities(ctx).Elicitation
	return can != nil && (can.Form != nil || can.URL == nil)
}

// capabilities returns what the client of a request has declared: in the request itself
// from 2026-07-28 on, before in the handshake.
func capabilities(ctx context.Context) mcp.ClientCapabilities {
	if server.IsModernRequest(ctx) {
		if declared := server.RequestProtocolInfoFromContext(ctx).ClientCapabilities; declared != nil {
			return *declared
		}
		return mcp.ClientCapabilities{}
	}
	if session, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo); ok {
		return session.GetClientCapabilities()
	}
	return mcp.ClientCapabilities{}
}

// put asks a client that shook hands, and waits for the answer.
func (q *question) put(ctx context.Context) error {
	session, ok := server.ClientSessionFromContext(ctx).(server.SessionWithElicitation)
	if !ok {
		return refused(q.tool, "the connection cannot carry a question to a person")
	}
	waiting, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	got, err := session.RequestElicitation(waiting, mcp.ElicitationRequest{
		Request: mcp.Request{Method: string(mcp.MethodElicitationCreate)},
		Params:  q.params(),
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(waiting.Err(), context.DeadlineExceeded):
		return refused(q.tool, fmt.Sprintf("nobody answered the question within %v", answerTime))
	case err != nil:
		return refused(q.tool, fmt.Sprintf("the client did not bring an answer from a person: %v", err))
	}
	return q.settle(got)
}

// settle returns nil when the answer is a yes.
func (q *question) settle(got *mcp.ElicitationResult) error {
	if got == nil {
		return refused(q.tool, "the client brought no answer from a person")
	}
	switch got.Action {
	case mcp.ElicitationResponseActionAccept:
		content, _ := got.Content.(map[string]any)
		if yes, _ := content[answerKey].(bool); yes {
			return nil
		}
		return refused(q.tool, "the person sent the form without confirming")
	case mcp.ElicitationResponseActionDecline:
		return refused(q.tool, "the person declined. Do not try again unless they ask for it")
	case mcp.ElicitationResponseActionCancel:
		return refused(q.tool, "the person closed the question without an answer")
	}
	return refused(q.tool, "the client brought an answer that is neither accept, decline nor cancel")
}

// describe says in words what is asked about, and what that means with a client.
func (c Consent) describe(can bool) string {
	strongest := max(c.Destructive, c.Writing, c.First, c.Foreign)
	if strongest == DoNotAsk {
		return "a person is asked before no call"
	}
	var before []string
	for _, rule := range []struct {
		ask  Ask
		what string
	}{
		{c.Writing, "every call that changes something"},
		{c.Destructive, "calls that destroy something"},
		{c.First, "the first message to a channel"},
		{c.Foreign, "what others see after others' words elsewhere were read"},
	} {
		if rule.ask != DoNotAsk {
			before = append(before, rule.what)
		}
	}
	if c.Writing == strongest {
		before = before[:1]
	}
	what := strings.Join(before, ", ")
	switch {
	case can:
		return "a person is asked before " + what
	case strongest == AskOrRefuse:
		return "a person would have to be asked before " + what + "; this client cannot ask, so that is refused"
	}
	return "a person would be asked before " + what + ", but this client cannot ask"
}
