package policy

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Gate is a [flow.Dialer] of backends that do only what a policy allows, and show nothing
// else. It serves one account.
type Gate struct {
	policy  *Policy
	dialer  flow.Dialer
	atlas   *atlas
	origins *origins
	meter   *meter
	heard   heard
}

// New returns a gate before the backends of a dialer. A nil policy allows everything. The
// log is told once of each remark; nil discards it.
func New(p *Policy, dialer flow.Dialer, log *slog.Logger) *Gate {
	if p == nil {
		p = &Policy{}
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	seen := &origins{}
	return &Gate{policy: p, dialer: dialer, atlas: newAtlas(p, log), origins: seen, meter: newMeter(p.Limits), heard: heard{origins: seen}}
}

// Endpoint implements [flow.Dialer].
func (g *Gate) Endpoint(ctx context.Context) (flow.Endpoint, error) {
	endpoint, err := g.dialer.Endpoint(ctx)
	if err == nil {
		endpoint.Caller = guarded{g, endpoint.Caller}
	}
	return endpoint, err
}

// HeardBefore reports whether words of other people were read that a call may follow: for
// one that sends something to a channel words of elsewhere, since a person last agreed to
// such a call there; for any other that is seen by others, such as adding somebody, words
// of anywhere.
func (g *Gate) HeardBefore(op flow.AnyOperation, to flow.ChannelID) bool {
	switch {
	case own[op], quiet[op], op == flow.AnyOperation(flow.NewDirectConversation): // of which nobody has anything before something is said in it
		return false
	case op.Info().Effect == flow.Writes && to != "":
		return g.heard.elsewhere(to)
	}
	return g.heard.anywhere()
}

// HeardUntil says how much was heard until now, in a number that rises.
func (g *Gate) HeardUntil() uint64 { return g.heard.until() }

// Accepted says that a person has agreed to a message to a channel: what was heard until
// the question was asked is no reason to ask about this channel any more. What was read
// while the person thought about it is one.
func (g *Gate) Accepted(to flow.ChannelID, until uint64) { g.heard.accept(to, until) }

// Remarks says in sentences which patterns of the policy have no effect, or another one
// than they seem to, as of when the channels were last looked up.
func (g *Gate) Remarks() []string { return g.atlas.remarks() }

// judging is the call of which only the judgement is wanted, in its context.
type judging struct {
	gate   *Gate
	method string
}

// Judge tells of a call whether the policy refuses it, and does not do it. The caller must
// be a client of this gate.
func (g *Gate) Judge(ctx context.Context, c flow.Caller, method string, params json.RawMessage) error {
	_, err := c.Call(context.WithValue(ctx, judging{}, judging{g, method}), method, params)
	return err
}

// guarded is a backend behind the gate.
type guarded struct {
	gate *Gate
	past flow.Caller
}

// Call implements [flow.Caller].
func (c guarded) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	g := c.gate
	judged := ctx.Value(judging{}) == judging{g, method}
	if !g.policy.Closes() && !g.meter.counts() && !g.policy.Has(ForeignWords) {
		if judged {
			return json.RawMessage("null"), nil
		}
		return c.past.Call(ctx, method, params)
	}
	op, ok := flow.Lookup(method)
	if !ok {
		return nil, flow.Errorf(flow.Unsupported, "the policy of this server knows no method %q", method)
	}
	p, err := c.passage(op, params)
	if err != nil {
		return nil, err
	}
	if g.policy.Closes() {
		if err := p.admit(ctx); err != nil {
			return nil, err
		}
	}
	if judged {
		return json.RawMessage("null"), g.meter.judge(p.in, op, p.call.Request)
	}
	settle, err := g.meter.take(p.in, op, p.call.Request)
	if err != nil {
		return nil, err
	}
	result, err := p.pass(ctx, params)
	settle(err)
	if err != nil {
		return nil, err
	}
	return p.show(ctx, result)
}

// pass has the backend do the call.
func (p *passage) pass(ctx context.Context, params json.RawMessage) (json.RawMessage, error) {
	if in, ok := p.in.Interface().(flow.SearchInput); ok && p.op == flow.Search && in.ChannelID == "" && p.policy.Closes() {
		return p.search(ctx, in)
	}
	return p.backend.Call(ctx, p.op.Info().Name, params)
}

// passage is one call on its way through the gate.
type passage struct {
	*Gate
	op     flow.AnyOperation
	effect flow.Effect
	call   flow.Call
	in     reflect.Value
	out    reflect.Type
	past   flow.Caller // on the session of the call

	backend flow.Caller
}

func (c guarded) passage(op flow.AnyOperation, params json.RawMessage) (*passage, error) {
	in, out := op.Types()
	p := &passage{Gate: c.gate, op: op, effect: op.Info().Effect, in: reflect.New(in).Elem(), out: out, backend: c.past}
	if len(params) > 0 {
		if err := json.Unmarshal(params, &p.call); err != nil {
			return nil, flow.Errorf(flow.Invalid, "%s: the parameters must be one JSON object", op.Info().Name)
		}
		if err := json.Unmarshal(params, p.in.Addr().Interface()); err != nil {
			return nil, flow.Errorf(flow.Invalid, "%s: the parameters are not of the documented form", op.Info().Name)
		}
	}
	p.past = flow.Session{Caller: c.past, ID: p.call.Session}
	return p, nil
}

// own are operations that change nothing but what the account itself sees, though they do
// it to a channel: reading a channel is enough to be allowed them.
var own = map[flow.AnyOperation]bool{
	flow.SetChannelReadHWM:        true,
	flow.StartAttachmentDownload:  true,
	flow.CancelAttachmentDownload: true,
}

var errReadOnly = flow.Errorf(flow.Denied, "the policy of this server lets you read this channel, and not change it or write to it")

// absent is the answer about what is closed and about what does not exist.
func absent(kind string) error {
	return flow.Errorf(flow.NotFound, "there is no such %s, or this account cannot see it", kind)
}

// admit refuses a call that reaches what is closed.
func (p *passage) admit(ctx context.Context) error {
	if p.effect == flow.Protocol {
		return nil
	}
	if opaque(p.in.Type()) || opaque(p.out) {
		return flow.Errorf(flow.Denied, "%s takes or gives JSON of any form, which the policy of this server cannot look into: "+
			"it is refused while some channels are closed", p.op.Info().Name)
	}
	var t touched
	t.touch(p.in, "")
	for _, id := range t.channels {
		if err := p.mayTouch(ctx, id, "channel"); err != nil {
			return err
		}
	}
	for _, id := range t.stray {
		if err := p.mayName(ctx, id); err != nil {
			return err
		}
	}
	if len(t.channels)+len(t.stray) == 0 && p.publishes() {
		return flow.Errorf(flow.Denied, "the policy of this server lets you change nothing outside of channels that others can see; "+
			"a person can allow it with write = true in [account]")
	}
	for _, id := range t.attachments {
		if err := p.mayUse(ctx, id); err != nil {
			return err
		}
	}
	return p.mayMake(ctx)
}

// mayName admits a message that stands beside no channel when it was shown or made here.
func (p *passage) mayName(ctx context.Context, id flow.MessageID) error {
	channel, known := p.origins.of(string(id))
	if !known || channel == "" {
		return absent("message")
	}
	return p.mayTouch(ctx, channel, "message")
}

// mayTouch admits what is in a channel. What is in a closed one is not there.
func (p *passage) mayTouch(ctx context.Context, channel flow.ChannelID, what string) error {
	v, err := p.atlas.look(ctx, p.past, channel)
	switch {
	case err != nil:
		return err
	case !v.read:
		return absent(what)
	case !v.write && p.effect != flow.Reads && !own[p.op]:
		return errReadOnly
	}
	return nil
}

// quiet are operations that name no channel and that others see nothing of: files before
// they are sent, and settings of the account alone. A new operation is taken for one that
// others see.
var quiet = map[flow.AnyOperation]bool{
	flow.NewAttachment:          true,
	flow.CancelAttachmentUpload: true,
	flow.UpdateAttachmentPath:   true,
	flow.SetAccountPreferences:  true,
	flow.SetDeviceName:          true,
}

// publishes reports whether the call changes what others see, while that is not allowed.
func (p *passage) publishes() bool {
	return !p.policy.Account.Write && p.effect != flow.Reads && !p.op.Info().Starts &&
		!own[p.op] && !quiet[p.op] && !makesChannel(p.out)
}

// mayUse admits attachments that were made here or seen in a channel that may be read.
func (p *passage) mayUse(ctx context.Context, id flow.AttachmentID) error {
	channel, known := p.origins.of(string(id))
	if !known {
		return flow.Errorf(flow.NotFound, "there is no such attachment among those that were made or shown here; read its message first")
	}
	if channel == "" {
		return nil
	}
	v, err := p.atlas.look(ctx, p.past, channel)
	if err == nil && !v.read {
		return flow.Errorf(flow.NotFound, "there is no such attachment among those that were made or shown here; read its message first")
	}
	return err
}

// mayMake refuses to make a channel that would be closed.
func (p *passage) mayMake(ctx context.Context) error {
	if p.effect == flow.Reads || !makesChannel(p.out) {
		return nil
	}
	var at place
	var err error
	switch in := p.in.Interface().(type) {
	case flow.NewChannelInput:
		at, err = p.atlas.future(ctx, p.past, in.OrgID, in.Name, "")
	case flow.NewDirectConversationInput:
		at, err = p.atlas.future(ctx, p.past, in.OrgID, "", in.MemberID)
	default:
		return flow.Errorf(flow.Denied, "%s makes a channel of which nobody knows whether the policy of this server opens it", p.op.Info().Name)
	}
	if err == nil && !p.policy.judge(at).write {
		return flow.Errorf(flow.Denied, "the policy of this server opens no channel that would be called %q", at)
	}
	return err
}

// show takes out of a result what is closed, and remembers what was read.
func (p *passage) show(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
	if !p.policy.Closes() && !p.policy.Has(ForeignWords) {
		return raw, nil
	}
	out := reflect.New(p.out)
	if err := json.Unmarshal(raw, out.Interface()); err != nil {
		return nil, flow.Errorf(flow.Internal, "%s: the backend's result is not of the documented form", p.op.Info().Name)
	}
	if p.policy.Closes() {
		p.observe(out.Elem())
		if err := p.prune(ctx, out.Elem()); err != nil {
			return nil, err
		}
	}
	p.heard.meet(p.op, out.Elem())
	p.heard.read(ctx, p.op, p.in, out.Elem())
	if !p.policy.Closes() {
		return raw, nil
	}
	shown, err := json.Marshal(out.Interface())
	if string(shown) == "null" && p.out.Kind() == reflect.Slice {
		return json.RawMessage("[]"), err
	}
	return shown, err
}

func (p *passage) prune(ctx context.Context, out reflect.Value) error {
	made := p.effect != flow.Reads && p.effect != flow.Protocol
	if made && makesChannel(p.out) {
		p.atlas.forget()
		return nil // it was judged before it was made
	}
	about := beside(p.in, "")
	pr := pruner{gate: p.Gate, ctx: ctx, past: p.past, made: made, blank: p.effect == flow.Protocol}
	whole := pr.prune(out, about)
	if pr.err == nil && !whole {
		return absent("channel")
	}
	return pr.err
}

// observe forgets what is known of channels when notifications tell that something about
// them has changed.
func (p *passage) observe(out reflect.Value) {
	all, ok := out.Interface().(flow.Notifications)
	if !ok {
		return
	}
	for _, n := range all {
		switch n.Type {
		case flow.HWMEvent.Type(), flow.MessageDeletionEvent.Type():
		case flow.MessageEvent.Type():
			change, err := flow.MessageEvent.Decode(n)
			if err != nil || len(change.ChannelMessages) > 0 {
				p.atlas.forget()
			}
		default:
			p.atlas.forget()
		}
	}
}
