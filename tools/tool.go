package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/schemas"
)

// Tool is one tool, as tools/list shows it.
type Tool struct {
	// Name is what it is called by.
	Name string
	// Title is the name in plain words.
	Title string
	// Description says what it does, when to use it and what its limits are.
	Description string
	// Group is the tool set that it belongs to, beside all and perhaps default.
	Group flow.Group
	// Effect is what it does to the world.
	Effect flow.Effect
	// OpenWorld is whether it shows or reaches other people's words.
	OpenWorld bool
	// InputSchema and OutputSchema are of JSON Schema 2020-12.
	InputSchema, OutputSchema json.RawMessage

	form    *form
	checker func() (*schemas.Checker, error)
	daily   bool // in the default set
	run     func(context.Context, *call) (*answer, error)
}

// answer is the result of a tool in both of its forms, each of which says everything.
type answer struct {
	text       string
	structured any
}

// call is one use of a tool, with its parameters understood.
type call struct {
	resolver
	args map[string]any  // as the model meant them
	wire json.RawMessage // as the operation takes them
}

// complete makes the schemas of the tool from the types of its parameters and results.
func (t *Tool) complete(in *form, out reflect.Type) (err error) {
	t.form = in
	t.checker = sync.OnceValues(func() (*schemas.Checker, error) { return schemas.Compile(t.InputSchema) })
	if t.InputSchema, err = schemas.Input(in.model()); err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	if t.OutputSchema, err = schemas.Output(out); err != nil {
		return fmt.Errorf("%s: %w", t.Name, err)
	}
	return nil
}

// use understands the arguments, and does what they ask for.
func (t *Tool) use(ctx context.Context, s *service, raw json.RawMessage) (*answer, error) {
	args, err := decodeArguments(raw)
	if err != nil {
		return nil, flow.Errorf(flow.Invalid, "%s. Example: %s", sentence(err.Error()), t.form.example())
	}
	args = t.form.mend(args)
	silent := t.form.setAside(args)
	checker, err := t.checker()
	if err != nil {
		return nil, err
	}
	if err := t.form.check(checker, args); err != nil {
		return nil, err
	}
	maps.Copy(args, silent)
	for _, p := range t.form.fields {
		if _, given := args[p.name]; !given && p.fallback != nil {
			args[p.name] = p.fallback
		}
	}
	c := &call{resolver: resolver{service: s}, args: args}
	wire, err := c.resolve(ctx, t.form, args)
	if err != nil {
		return nil, err
	}
	if c.wire, err = json.Marshal(wire); err != nil {
		return nil, err
	}
	return t.run(ctx, c)
}

// text returns a text argument, or nothing.
func (c *call) text(name string) string {
	text, _ := c.args[name].(string)
	return text
}

// number returns a number argument, or what it is when left out.
func (c *call) number(name string, otherwise int) int {
	n, ok := c.args[name].(json.Number)
	if !ok {
		return otherwise
	}
	whole, err := n.Int64()
	if err != nil {
		return otherwise
	}
	return int(whole)
}

// composite makes a tool that is not one operation. In has parameters in the manner of
// the operations' inputs, and Out results with json tags.
func composite[In, Out any](t Tool, run func(*call, context.Context, In) (Out, string, error)) (*Tool, error) {
	in, err := formOf(reflect.TypeFor[In]())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	t.run = func(ctx context.Context, c *call) (*answer, error) {
		var in In
		if err := json.Unmarshal(c.wire, &in); err != nil {
			return nil, fmt.Errorf("read the parameters of %s: %w", t.Name, err)
		}
		out, text, err := run(c, ctx, in)
		if err != nil {
			return nil, err
		}
		return &answer{text, out}, nil
	}
	return &t, t.complete(in, reflect.TypeFor[Out]())
}
