package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/folders"
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

	op    flow.AnyOperation      // that the tool does in the end, if it is one
	daily bool                   // in the default set
	roots bool                   // it tells of the client's folders
	works func() (*works, error) // made when it is first needed, since most tools never are
}

// works is how a tool understands its parameters and makes its result.
type works struct {
	form    *form
	result  reflect.Type // a struct that has the schema of the result
	checker *schemas.Checker
	run     func(context.Context, *call) (*answer, error)
}

// Schemas makes the schemas of the parameters and the result from their Go types. They
// are of JSON Schema 2020-12.
func (t *Tool) Schemas() (input, output json.RawMessage, err error) {
	w, err := t.works()
	if err != nil {
		return nil, nil, err
	}
	if input, err = schemas.Input(w.form.model()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	if output, err = schemas.Output(w.result); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	return input, output, nil
}

// ready compiles the schema of the parameters, of all that are accepted.
func (w *works) ready() (*works, error) {
	input, err := schemas.Input(w.form.fullModel())
	if err != nil {
		return nil, err
	}
	w.checker, err = schemas.Compile(input)
	return w, err
}

// MCP returns the tool as an entry of tools/list, with the published schemas. A test
// keeps them equal to those made from the types.
func (t *Tool) MCP() (mcp.Tool, error) {
	input, output, ok := schemas.Published(t.Name)
	if !ok {
		var err error
		if input, output, err = t.Schemas(); err != nil {
			return mcp.Tool{}, err
		}
	}
	return t.entry(input, output), nil
}

func (t *Tool) entry(input, output json.RawMessage) mcp.Tool {
	entry := mcp.NewToolWithRawSchema(t.Name, t.Description, input)
	entry.Title = t.Title
	entry.RawOutputSchema = output
	entry.Annotations = mcp.ToolAnnotation{
		ReadOnlyHint:    mcp.ToBoolPtr(t.Effect == flow.Reads),
		DestructiveHint: mcp.ToBoolPtr(t.Effect == flow.Destroys),
		IdempotentHint:  mcp.ToBoolPtr(t.Effect != flow.Writes),
		OpenWorldHint:   mcp.ToBoolPtr(t.OpenWorld),
	}
	return entry
}

// answer is the result of a tool in both of its forms, each of which says everything,
// and what can be shown in neither.
type answer struct {
	text       string
	structured any
	content    []mcp.Content
	needs      *mcp.CallToolResult // what the client has to answer first; then there is nothing else
}

// marshal writes the structured form.
func (a *answer) marshal() (json.RawMessage, error) {
	if r, ok := a.structured.(record); ok {
		return r.MarshalJSON() // as json.Encoder would call it, but without reading it once more
	}
	return marshal(a.structured)
}

// call is one use of a tool, with its parameters understood.
type call struct {
	resolver
	args     map[string]any  // as the model meant them
	resolved map[string]any  // as the operation takes them
	wire     json.RawMessage // the same as JSON
	staged   []folders.Staged
	asked    map[string]folders.Sum // files by their paths or attachments, as a person was asked about them
	content  []mcp.Content          // of the result, beside its text
	missing  flow.Missing           // what the operation has not read
	note     string                 // what else there is to know of what was done
	existed  bool                   // nothing was changed, since it was so before
	rooted   bool                   // the client of 2026-07-28 has to say in every round which folders it has
}

// use understands the arguments, and does what they ask for. Back is what a client brings
// back that was asked to put a question to a person.
func (t *Tool) use(ctx context.Context, s *service, raw json.RawMessage, back mcp.MultiRoundTripParams) (*answer, error) {
	w, err := t.works()
	if err != nil {
		return nil, err
	}
	args, err := decodeArguments(raw)
	if err != nil {
		return nil, flow.Errorf(flow.Invalid, "%s%s", sentence(err.Error()), w.form.exampled())
	}
	args = w.form.mend(args)
	if err := w.form.check(w.checker, args); err != nil {
		return nil, err
	}
	for _, p := range w.form.fields {
		if _, given := args[p.name]; !given && p.fallback != nil {
			args[p.name] = p.fallback
		}
	}
	c := &call{resolver: resolver{service: s}, args: args}
	tells := t.roots && !s.choice.readOnly
	needs, err := c.learnRoots(ctx, tells || w.form.namesFile(args), back)
	if tells && err != nil {
		c.roots, err = []string{}, nil // it is what calls with files are held to
	}
	if needs != nil || err != nil {
		return &answer{needs: needs}, err
	}
	defer c.unstage()
	if c.resolved, err = c.resolve(ctx, w.form, args); err != nil {
		return nil, err
	}
	if c.wire, err = json.Marshal(c.resolved); err != nil {
		return nil, err
	}
	if err := c.takesNothing(ctx, t, w.form); err != nil {
		return nil, err
	}
	if q, err := c.consent(ctx, t, w.form, back); q != nil || err != nil {
		return &answer{needs: c.carry(q)}, err
	}
	if err := c.stage(ctx, w.form); err != nil {
		return nil, err
	}
	a, err := w.run(ctx, c)
	if err == nil && c.sends(t) && !c.previews() {
		c.written.add(c.channel.ID)
	}
	return a, w.form.inOurWords(c.blame(w.form, err))
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
func composite[In, Out any](t Tool, run func(*call, context.Context, In) (Out, string, error)) *Tool {
	t.daily = true
	t.works = sync.OnceValues(func() (*works, error) {
		in, err := formOf(reflect.TypeFor[In]())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		w := &works{form: in, result: reflect.TypeFor[Out]()}
		w.run = func(ctx context.Context, c *call) (*answer, error) {
			var in In
			if err := json.Unmarshal(c.wire, &in); err != nil {
				return nil, fmt.Errorf("read the parameters of %s: %w", t.Name, err)
			}
			out, text, err := run(c, ctx, in)
			if err != nil {
				return nil, err
			}
			return &answer{text: cutText(text), structured: out, content: c.content}, nil
		}
		return w.ready()
	})
	return &t
}
