package flowtest

import (
	"context"
	_ "embed"
	"encoding/json"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// refusals.json holds with which codes the scenarios see each operation fail. A test
// compares it with what they saw.
//
//go:embed refusals.json
var refusals []byte

// refusing are the codes that say something of the request and of the state of things.
var refusing = []flow.Code{flow.Invalid, flow.NotFound, flow.Denied, flow.Conflict, flow.Unsupported}

// Refusals returns the codes with which each operation is known to refuse a request, by
// its name on the wire.
func Refusals() map[string][]flow.Code {
	var known map[string][]flow.Code
	if err := json.Unmarshal(refusals, &known); err != nil {
		panic("flowtest: refusals.json: " + err.Error())
	}
	return known
}

// Seen is what the suite has met in one run.
type Seen struct {
	// Whole says that no scenario was left out.
	Whole bool
	// Refusals are the codes by operation, in a fixed order.
	Refusals map[string][]flow.Code
}

func (c *coverage) seen(whole bool) Seen {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Seen{whole, map[string][]flow.Code{}}
	for method, codes := range c.refused {
		for _, code := range refusing {
			if slices.Contains(codes, code) {
				s.Refusals[method] = append(s.Refusals[method], code)
			}
		}
	}
	return s
}

// unrefusable are the operations that nobody is refused, with the reasons.
var unrefusable = map[string]string{
	"NewSession":             "every other call has to have one",
	"Ping":                   "it asks whether anybody is there",
	"BuildNumber":            "programs decide by it what else they can call",
	"EnumerateLocalAccounts": "programs choose by it which account they start",
}

type everyKey struct{}

// ofEvery returns a context for calls that try all operations alike: their refusals say
// nothing of one of them but that it can be refused.
func ofEvery(ctx context.Context) context.Context { return context.WithValue(ctx, everyKey{}, true) }

type formKey struct{}

// ofForm returns a context for calls that are wrong before it matters which operation they
// are of.
func ofForm(ctx context.Context) context.Context { return context.WithValue(ctx, formKey{}, true) }

// refuse notes that an operation of the catalogue has failed.
func (c *coverage) refuse(ctx context.Context, method string, code flow.Code) {
	if _, ok := flow.Lookup(method); !ok || ctx.Value(formKey{}) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if code == flow.UnknownSession || slices.Contains(refusing, code) {
		c.refusable[method] = true
	}
	if ctx.Value(everyKey{}) == nil && !slices.Contains(c.refused[method], code) {
		c.refused[method] = append(c.refused[method], code)
	}
}
