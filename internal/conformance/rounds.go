package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// object is a JSON object of the schemas below.
type object = map[string]any

// form is a question with one field.
func form(message, field, kind string) mcp.ElicitationParams {
	return mcp.ElicitationParams{Message: message, RequestedSchema: object{
		"type": "object", "properties": object{field: object{"type": kind}}, "required": []string{field},
	}}
}

// prompt is a question to the model of the client.
func prompt(text string) mcp.CreateMessageParams {
	return mcp.CreateMessageParams{MaxTokens: 100, Messages: []mcp.SamplingMessage{
		{Role: mcp.RoleUser, Content: mcp.NewTextContent(text)},
	}}
}

// field is what the person at the client entered, if the question was answered.
func field(r mcp.InputResponses, question, name string) (any, bool) {
	answer := server.ElicitationResponse(r, question)
	if answer == nil {
		return nil, false
	}
	entered, _ := answer.Content.(object)
	value, ok := entered[name]
	return value, ok
}

// addQuestions adds tools of the handshake era that ask the client one thing.
func addQuestions(s *server.MCPServer) {
	asks := func(ask func(mcp.CallToolRequest) mcp.ElicitationParams) server.ToolHandlerFunc {
		return func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			if answer := server.ElicitationResponse(r.Params.InputResponses, "form"); answer != nil {
				return mcp.NewToolResultText(fmt.Sprintf("Elicitation completed: action=%s, content=%v", answer.Action, answer.Content)), nil
			}
			return server.NewInputRequestBuilder("").Elicit("form", ask(r)).ToolResult(), nil
		}
	}
	person := func(r mcp.CallToolRequest) mcp.ElicitationParams {
		return mcp.ElicitationParams{Message: r.GetString("message", "Who are you?"), RequestedSchema: object{
			"type":       "object",
			"properties": object{"username": object{"type": "string"}, "email": object{"type": "string"}},
			"required":   []string{"username", "email"},
		}}
	}
	s.AddTool(mcp.NewTool("test_elicitation", mcp.WithDescription("Asks the person."),
		mcp.WithString("message", mcp.Description("The question."), mcp.Required())), asks(person))
	add(s, "test_streaming_elicitation", "Asks the person.", asks(person))
	add(s, "test_elicitation_sep1034_defaults", "Asks with defaults.", asks(withDefaults))
	add(s, "test_elicitation_sep1330_enums", "Asks with choices.", asks(withChoices))
	s.AddTool(mcp.NewTool("test_sampling", mcp.WithDescription("Asks the model."),
		mcp.WithString("prompt", mcp.Description("The question."), mcp.Required())),
		func(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			if answer := server.SamplingResponse(r.Params.InputResponses, "model"); answer != nil {
				return mcp.NewToolResultText(fmt.Sprintf("LLM response: %v", answer.Content)), nil
			}
			return server.NewInputRequestBuilder("").Sample("model", prompt(r.GetString("prompt", ""))).ToolResult(), nil
		})
}

func withDefaults(mcp.CallToolRequest) mcp.ElicitationParams {
	return mcp.ElicitationParams{Message: "Tell about yourself.", RequestedSchema: object{
		"type": "object",
		"properties": object{
			"name":     object{"type": "string", "default": "John Doe"},
			"age":      object{"type": "integer", "default": 30},
			"score":    object{"type": "number", "default": 95.5},
			"status":   object{"type": "string", "enum": []string{"active", "inactive", "pending"}, "default": "active"},
			"verified": object{"type": "boolean", "default": true},
		},
	}}
}

func withChoices(mcp.CallToolRequest) mcp.ElicitationParams {
	titled := func(values ...string) []object {
		choices := make([]object, 0, len(values))
		for _, v := range values {
			choices = append(choices, object{"const": v, "title": strings.ToUpper(v)})
		}
		return choices
	}
	options := []string{"option1", "option2", "option3"}
	return mcp.ElicitationParams{Message: "Choose.", RequestedSchema: object{
		"type": "object",
		"properties": object{
			"untitledSingle": object{"type": "string", "enum": options},
			"titledSingle":   object{"type": "string", "oneOf": titled("value1", "value2", "value3")},
			"legacyEnum": object{"type": "string", "enum": []string{"opt1", "opt2", "opt3"},
				"enumNames": []string{"Option One", "Option Two", "Option Three"}},
			"untitledMulti": object{"type": "array", "items": object{"type": "string", "enum": options}},
			"titledMulti":   object{"type": "array", "items": object{"anyOf": titled("value1", "value2", "value3")}},
		},
	}}
}

// addRounds adds what asks by results of the kind input_required.
func addRounds(s *server.MCPServer) {
	const prefix = "test_input_required_result_"
	add(s, prefix+"elicitation", "Asks for a name.", greet)
	add(s, prefix+"sampling", "Asks the model.", askModel)
	add(s, prefix+"list_roots", "Asks for roots.", askRoots)
	add(s, prefix+"request_state", "Asks and keeps state.", confirm)
	add(s, prefix+"tampered_state", "Asks and keeps state.", confirm)
	add(s, prefix+"multiple_inputs", "Asks three things at once.", askAll)
	add(s, prefix+"multi_round", "Asks two things in turn.", askTwice)
	add(s, prefix+"capabilities", "Asks what the client can answer.", askPossible)
	add(s, "test_missing_capability", "Needs a model at the client.", needModel)
	s.AddPrompt(mcp.NewPrompt(prefix+"prompt", mcp.WithPromptDescription("Asks for its context.")),
		func(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			if value, ok := field(r.Params.InputResponses, "user_context", "context"); ok {
				return userSays(mcp.NewTextContent(fmt.Sprintf("The context is %v.", value))), nil
			}
			question := form("What context should the prompt use?", "context", "string")
			return server.NewInputRequestBuilder("").Elicit("user_context", question).PromptResult(), nil
		})
}

func greet(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if name, ok := field(r.Params.InputResponses, "user_name", "name"); ok {
		return mcp.NewToolResultText(fmt.Sprintf("Hello, %v!", name)), nil
	}
	return server.NewInputRequestBuilder("").Elicit("user_name", form("What is your name?", "name", "string")).ToolResult(), nil
}

func askModel(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if answer := server.SamplingResponse(r.Params.InputResponses, "capital_question"); answer != nil {
		return mcp.NewToolResultText(fmt.Sprintf("The model says: %v", answer.Content)), nil
	}
	return server.NewInputRequestBuilder("").Sample("capital_question", prompt("What is the capital of France?")).ToolResult(), nil
}

func askRoots(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if answer := server.RootsResponse(r.Params.InputResponses, "client_roots"); answer != nil {
		return mcp.NewToolResultText(fmt.Sprintf("The roots are %v.", answer.Roots)), nil
	}
	return server.NewInputRequestBuilder("").Roots("client_roots").ToolResult(), nil
}

func confirm(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if _, ok := field(r.Params.InputResponses, "confirm", "ok"); !ok {
		question := form("Please confirm", "ok", "boolean")
		return server.NewInputRequestBuilder(seal("asked")).Elicit("confirm", question).ToolResult(), nil
	}
	if r.Params.RequestState != seal("asked") {
		return nil, errState
	}
	return mcp.NewToolResultText("state-ok"), nil
}

func askAll(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	name, named := field(r.Params.InputResponses, "user_name", "name")
	greeting := server.SamplingResponse(r.Params.InputResponses, "greeting")
	roots := server.RootsResponse(r.Params.InputResponses, "client_roots")
	if named && greeting != nil && roots != nil && r.Params.RequestState == seal("all") {
		return mcp.NewToolResultText(fmt.Sprintf("%v %v from %d roots", greeting.Content, name, len(roots.Roots))), nil
	}
	return server.NewInputRequestBuilder(seal("all")).
		Elicit("user_name", form("What is your name?", "name", "string")).
		Sample("greeting", prompt("Generate a greeting")).
		Roots("client_roots").
		ToolResult(), nil
}

func askTwice(_ context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	_, named := field(r.Params.InputResponses, "step1", "name")
	color, coloured := field(r.Params.InputResponses, "step2", "color")
	switch {
	case coloured && r.Params.RequestState == seal("step2"):
		return mcp.NewToolResultText(fmt.Sprintf("Your color is %v.", color)), nil
	case named && r.Params.RequestState == seal("step1"):
		question := form("Step 2: What is your favorite color?", "color", "string")
		return server.NewInputRequestBuilder(seal("step2")).Elicit("step2", question).ToolResult(), nil
	default:
		question := form("Step 1: What is your name?", "name", "string")
		return server.NewInputRequestBuilder(seal("step1")).Elicit("step1", question).ToolResult(), nil
	}
}

func askPossible(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	ask, can := server.NewInputRequestBuilder(""), capabilities(ctx)
	if can.Elicitation != nil {
		ask.Elicit("user_name", form("What is your name?", "name", "string"))
	}
	if can.Sampling != nil {
		ask.Sample("greeting", prompt("Generate a greeting"))
	}
	return ask.ToolResult(), nil
}

func needModel(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	if capabilities(ctx).Sampling == nil {
		return nil, missing("sampling")
	}
	return mcp.NewToolResultText("there is one"), nil
}

func capabilities(ctx context.Context) mcp.ClientCapabilities {
	info := server.RequestProtocolInfoFromContext(ctx)
	if info == nil || info.ClientCapabilities == nil {
		return mcp.ClientCapabilities{}
	}
	return *info.ClientCapabilities
}

var stateKey = []byte(rand.Text())

// seal makes a state that only this process can make.
func seal(state string) string {
	mac := hmac.New(sha256.New, stateKey)
	mac.Write([]byte(state))
	return state + "." + hex.EncodeToString(mac.Sum(nil))
}

// missing refuses a client that lacks a capability.
type missing string

func (m missing) Error() string  { return "this needs a client with " + string(m) }
func (missing) RPCCode(bool) int { return mcp.MISSING_REQUIRED_CLIENT_CAPABILITY }
func (m missing) RPCData() any   { return object{"requiredCapabilities": object{string(m): object{}}} }

// stateError refuses a state that a client has altered.
type stateError struct{}

var errState = stateError{}

func (stateError) Error() string    { return "requestState is not as it was handed out" }
func (stateError) RPCCode(bool) int { return mcp.INVALID_PARAMS }
