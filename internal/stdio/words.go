package stdio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// choice is what the answer to a request that failed says otherwise than the library
// would: a code, a message, data; zero is no choice. It belongs to one request and is used
// by that request's goroutine only.
type choice struct {
	code    int
	message string
	data    any
}

type choiceKey struct{}

// recordChoice is the error hook: the library knows no way for a handler to choose the
// code of its error, answers every one with -32603, and says what it finds wrong itself in
// the words of Go.
func (s *Server) recordChoice(ctx context.Context, _ any, method mcp.MCPMethod, message any, err error) {
	chosen, ok := ctx.Value(choiceKey{}).(*choice)
	if !ok {
		return
	}
	if bad, ok := errors.AsType[*server.UnparsableMessageError](err); ok {
		chosen.code, chosen.message = mcp.INVALID_PARAMS, unparsable(method, bad)
		return
	}
	switch request := message.(type) {
	case *mcp.ReadResourceRequest:
		chosen.data = map[string]string{"uri": request.Params.URI}
		if errors.Is(err, server.ErrResourceNotFound) {
			chosen.message = fmt.Sprintf("There is no resource %.200q; resources/list and resources/templates/list tell which there are.", request.Params.URI)
		}
	case *mcp.CallToolRequest:
		if errors.Is(err, server.ErrToolNotFound) {
			chosen.message = s.noTool(request.Params.Name)
		}
	case *mcp.GetPromptRequest:
		if errors.Is(err, server.ErrPromptNotFound) {
			chosen.message = fmt.Sprintf("There is no prompt %.100q; prompts/list names those there are.", request.Params.Name)
		}
	}
	type coder interface {
		error
		RPCCode(modern bool) int
	}
	c, ok := errors.AsType[coder](err)
	if !ok {
		return
	}
	chosen.code = c.RPCCode(server.IsModernRequest(ctx))
	if d, ok := c.(interface{ RPCData() any }); ok {
		chosen.data = d.RPCData()
	}
}

func (s *Server) noTool(name string) string {
	text := fmt.Sprintf("There is no tool %.100q.", name)
	if s.opts.NoTool != nil {
		text += " " + s.opts.NoTool(name)
	}
	return text
}

// unparsable says in words what is wrong with the parameters of a request.
func unparsable(method mcp.MCPMethod, err error) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return fmt.Sprintf("The parameters of %s are not of the form that MCP gives them.", method)
	}
	return fmt.Sprintf("%s must be %s, and not %s.", memberOf(wrong.Field), kindInWords(wrong.Type), valueInWords(wrong.Value))
}

// memberOf is the path of a member without the names of Go types in it.
func memberOf(field string) string {
	var path []string
	for step := range strings.SplitSeq(field, ".") {
		if step != "" && strings.ToLower(step[:1]) == step[:1] {
			path = append(path, step)
		}
	}
	if len(path) == 0 {
		return "The message"
	}
	return strings.Join(path, ".")
}

func kindInWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map, reflect.Interface, reflect.Pointer:
		return "an object"
	default:
		return "a number"
	}
}

// valueInWords is what the decoder calls a value.
func valueInWords(value string) string {
	switch kind, _, _ := strings.Cut(value, " "); kind {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "bool":
		return "true or false"
	case "string":
		return "a string"
	}
	return "a number"
}
