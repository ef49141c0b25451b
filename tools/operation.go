package tools

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Parameters that tools take beside those of their operations.
const (
	idempotencyKey = "idempotency_key"
	queryName      = "query"
	offsetName     = "offset"
)

// view says how the result of an operation becomes the result of a tool.
type view struct {
	key     string        // under which a result that is no struct stands
	kind    kind          // of the result, or of its entries
	list    bool          // the result is a list
	nothing bool          // there is no result
	paged   bool          // the result is a page of a channel's history
	newest  bool          // messages come newest first
	known   map[kind]bool // what the parameters say of all of the result
	op      flow.AnyOperation
	shape   shape
	file    string // the parameter of the operation that names the file which all of it is about
	action  string // what was done, for those without a result
	form    *form  // what was asked for
	links   string // form of links to what it tells of, for one that has no link of its own
}

// operationTool makes the tool of an operation.
func operationTool(op flow.AnyOperation) *Tool {
	info := op.Info()
	in, out := op.Types()
	t := &Tool{
		Name: toolName(info.Name), Title: title(info.Name), Description: inOurWords(info.Summary),
		Group: info.Group, Effect: info.Effect, OpenWorld: reaches(in) || reaches(out), op: op,
	}
	retitle(op, t)
	t.works = sync.OnceValues(func() (*works, error) {
		f, err := formOf(in, append(ownFields(info.Effect, out), narrowing(op)...)...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		adjust(op, f)
		v := viewOf(info.Name, f, out)
		v.op, v.action, v.form = op, t.Title, f
		v.newest = v.paged || op == flow.SearchMessageResults
		if less, ok := shownAs[op]; ok {
			v.shape = shapeOf(less, v.known)
		}
		w := &works{form: f, result: v.model(), run: func(ctx context.Context, c *call) (*answer, error) {
			return v.operate(ctx, c, op)
		}}
		return w.ready()
	})
	return t
}

// operate does the operation and shows what came of it.
func (v *view) operate(ctx context.Context, c *call, op flow.AnyOperation) (*answer, error) {
	if op == flow.GraphQL {
		if err := onlyQueries(c.args); err != nil {
			return nil, err
		}
	}
	caller, err := c.caller(ctx)
	if err != nil {
		return nil, err
	}
	c.existed = op == flow.NewDirectConversation && c.talks(ctx)
	calling, receipt := flow.WithReceipt(ctx)
	raw, err := op.Forward(calling, caller, c.wire)
	if err != nil {
		return nil, err
	}
	if op == flow.EnumeratePeerAccounts {
		if raw, err = c.people(ctx, raw); err != nil {
			return nil, err
		}
	}
	if op == flow.NewAttachment {
		c.remember(raw)
	}
	if op == flow.ChangeUsername {
		c.dir.Observe(flow.Notification{Type: flow.Connected}) // the backend tells of it, too, but later
	}
	c.tell(ctx, op, raw, receipt)
	a, err := v.answer(ctx, c, c.viewer(ctx), raw)
	if err != nil {
		return nil, fmt.Errorf("%s: the backend's result is not of the documented form: %w", op.Info().Name, err)
	}
	return a, nil
}

// caller returns who carries the call: with the idempotency key, where there is one. A
// backend that does not know such keys would do the same twice, so it is not asked.
func (c *call) caller(ctx context.Context) (flow.Caller, error) {
	key := c.text(idempotencyKey)
	if key == "" {
		return c.client, nil
	}
	identity, err := c.client.Identity(ctx)
	if err != nil {
		return nil, err
	}
	if !identity.Backend.Idempotent {
		return nil, flow.Errorf(flow.Unsupported, "%s cannot be kept here: leave it out, and look before you repeat a call", idempotencyKey)
	}
	return c.client.Keyed(flow.RequestID(key)), nil
}

// ownFields returns what a tool takes beside the parameters of its operation.
func ownFields(effect flow.Effect, out reflect.Type) []*field {
	_, isList := elements(out)
	switch {
	case effect == flow.Writes:
		return []*field{{
			name: idempotencyKey, kind: words, typ: reflect.TypeFor[string](), rules: "maxLength=128",
			description: "Repeats with the same key are done once.",
		}}
	case effect == flow.Reads && isList && kindOf(out) != transcript:
		return []*field{{
			name: queryName, kind: words, typ: reflect.TypeFor[string](),
			description: "Entries with this text only.",
		}, {
			name: offsetName, kind: plain, typ: reflect.TypeFor[int](), rules: "minimum=0",
			description: "Skip so many.",
		}}
	}
	return nil
}

func viewOf(operation string, f *form, out reflect.Type) *view {
	elem, isList := elements(out)
	v := &view{kind: kindOf(elem), list: isList, known: map[kind]bool{}}
	if p := f.first(channelID); p != nil && p.required {
		v.known[channelID], v.known[teamID] = true, true
	} else if p := f.first(teamID); p != nil && (p.required || p.implied) {
		v.known[teamID] = true
	}
	v.shape = shapeOf(out, v.known)
	if v.kind.reference() && !v.list {
		v.shape.show = showOwn(v.kind)
	}
	if p := f.field("attachment"); p != nil && p.required {
		v.file = p.path[0]
	}
	v.nothing = out == reflect.TypeFor[flow.Nothing]()
	v.key = resultName(operation, out)
	v.links = linkForm(elem)
	v.paged = v.kind == transcript && f.mentions("before") && f.mentions("after")
	return v
}

// resultName is what a result is called that is not an object: after its type, or after
// the operation where the type has no name.
func resultName(operation string, t reflect.Type) string {
	elem, isList := elements(t)
	called := snake(elem.Name())
	switch {
	case kindOf(elem) == transcript:
		called = "message"
	case elem.PkgPath() != flowPackage:
		called = snake(operation)
		for _, verb := range []string{"get_", "is_", "fetch_"} {
			called = strings.TrimPrefix(called, verb)
		}
	}
	if isList && !strings.HasSuffix(called, "s") {
		called += "s"
	}
	return called
}

// model returns the type that the schema of the result is made from: what is always in
// it, which the link, the identifiers of names and the notes on what is missing are not.
func (v *view) model() reflect.Type {
	text := reflect.TypeFor[string]()
	var fields []reflect.StructField
	switch {
	case v.known[channelID]:
		fields = append(fields, structField("channel", text, false, "", ""))
	case v.known[teamID]:
		fields = append(fields, structField("org", text, false, "", ""))
	}
	inner := v.shape.model
	switch {
	case v.nothing:
		fields = append(fields, structField("done", reflect.TypeFor[bool](), false, "", ""))
	case v.kind == object && !v.list:
		for i := range inner.NumField() {
			f := inner.Field(i)
			fields = append(fields, reflect.StructField{Type: f.Type, Tag: f.Tag})
		}
	default:
		fields = append(fields, structField(v.key, inner, false, "", ""))
	}
	return structWith(fields)
}
