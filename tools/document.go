package tools

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/flow-mcp/flow-mcp/flow"
)

// maxDocument is the longest GraphQL document, in bytes.
const maxDocument = 32 << 10

// onlyQueries refuses a GraphQL document that could change something. A backend of another
// make may have mutations for everything, and the tool is known to change nothing. What
// cannot be read here is not passed on, since nobody knows what it does.
func onlyQueries(args map[string]any) error {
	document, _ := args["query"].(string)
	if len(document) > maxDocument {
		return flow.Errorf(flow.Invalid, "query has %d bytes, and %d are allowed", len(document), maxDocument)
	}
	read, err := parser.ParseQuery(&ast.Source{Input: document})
	if err != nil {
		return flow.Errorf(flow.Invalid, "query is no GraphQL document: %v", err)
	}
	for _, op := range read.Operations {
		if op.Operation != ast.Query {
			return flow.Errorf(flow.Denied, "query holds a %s, and this tool only runs queries; use the tool of what you want to do", op.Operation)
		}
	}
	return nil
}
