package tools_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// TestGraphQLOnlyReads: no document that could change something reaches a backend, of
// whatever make, since the tool says that it changes nothing.
func TestGraphQLOnlyReads(t *testing.T) {
	var passed []string
	p := begin(t, fixed{stub(func(method string, params json.RawMessage) (json.RawMessage, error) {
		var in flow.GraphQLInput
		if method == "GraphQL" && json.Unmarshal(params, &in) == nil {
			passed = append(passed, in.Query)
			return json.RawMessage(`{"data":{}}`), nil
		}
		return json.RawMessage("null"), nil
	})}, "ana", tools.Options{Toolsets: []string{tools.AllSet}, ReadOnly: true})
	call := func(document string) string { return fmt.Sprintf(`{"query":%q}`, document) }
	queries := []string{`{ me { id } }`, `query A { me { id } } query B { me { id } }`, "# mutation\n{ search(text: \"mutation { x }\") { totalCount } }"}
	for _, document := range queries {
		p.does(t, "flow_graphql", call(document))
	}
	for document, want := range map[string]string{
		`mutation { deleteEverything }`:                              "query holds a mutation",
		"#\n\ufeff mutation M($a: ID) { delete(id: $a) }":            "query",
		`query A { me { id } } mutation B { deleteEverything }`:      "query holds a mutation",
		`fragment f on T { x } mutation { a ...f } { me { id } }`:    "query holds a mutation",
		`subscription { messages { text } }`:                         "query holds a subscription",
		`{ me`:                                                       "query is no GraphQL document",
		`mutate { x }`:                                               "query is no GraphQL document",
		"{ me { id } } #" + strings.Repeat("x", 32<<10):              "32768 are allowed",
		strings.Repeat("{a", 20<<10):                                 "32768 are allowed",
		`extend schema { mutation: M } type M { x: ID } { me {id} }`: "query is no GraphQL document",
	} {
		p.cannot(t, "flow_graphql", call(document), want)
	}
	if len(passed) != len(queries) {
		t.Errorf("the backend was asked %q", passed)
	}
}
