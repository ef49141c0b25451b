package main

import (
	"context"
	"encoding/json"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

const (
	onePixel  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
	oneSample = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA=="
)

// newServer returns a server with everything that the suite asks for by name.
func newServer() *server.MCPServer {
	s := server.NewMCPServer("flow-mcp-conformance", "1.0.0",
		server.WithToolCapabilities(true),
		server.WithResourceCapabilities(true, true),
		server.WithPromptCapabilities(true),
		server.WithCompletions(),
		server.WithLogging(),
		server.WithPromptCompletionProvider(cities{}),
	)
	addContent(s)
	addReports(s)
	addChanges(s)
	addQuestions(s)
	addRounds(s)
	addResources(s)
	addPrompts(s)
	return s
}

// add adds a tool without arguments.
func add(s *server.MCPServer, name, description string, handler server.ToolHandlerFunc) {
	s.AddTool(mcp.NewTool(name, mcp.WithDescription(description)), handler)
}

// always is a tool that returns the same content each time.
func always(content ...mcp.Content) server.ToolHandlerFunc {
	return func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{Content: content}, nil
	}
}

// addContent adds a tool for each kind of content, and one that fails.
func addContent(s *server.MCPServer) {
	add(s, "test_simple_text", "Returns a text.",
		always(mcp.NewTextContent("This is a simple text response for testing.")))
	add(s, "test_image_content", "Returns an image.", always(mcp.NewImageContent(onePixel, "image/png")))
	add(s, "test_audio_content", "Returns a sound.", always(mcp.NewAudioContent(oneSample, "audio/wav")))
	add(s, "test_embedded_resource", "Returns a resource.",
		always(embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")))
	add(s, "test_multiple_content_types", "Returns a text, an image and a resource.",
		always(
			mcp.NewTextContent("Multiple content types test:"),
			mcp.NewImageContent(onePixel, "image/png"),
			embedded("test://mixed-content-resource", "application/json", `{"test":"data","value":123}`),
		))
	add(s, "test_error_handling", "Fails.", func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultError("This tool intentionally returns an error for testing"), nil
	})
	s.AddTool(mcp.NewToolWithRawSchema("json_schema_2020_12_tool", "Has a schema that uses much of the dialect.",
		json.RawMessage(dialectSchema)), always(mcp.NewTextContent("called")))
}

func embedded(uri, kind, text string) mcp.Content {
	return mcp.NewEmbeddedResource(mcp.TextResourceContents{URI: uri, MIMEType: kind, Text: text})
}

const dialectSchema = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema",
	"type": "object",
	"$defs": {
		"address": {
			"$anchor": "addressDef",
			"type": "object",
			"properties": {"street": {"type": "string"}, "city": {"type": "string"}}
		}
	},
	"properties": {
		"name": {"type": "string"},
		"address": {"$ref": "#/$defs/address"},
		"contactMethod": {"type": "string", "enum": ["phone", "email"]},
		"phone": {"type": "string"},
		"email": {"type": "string"}
	},
	"allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
	"if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
	"then": {"required": ["phone"]},
	"else": {"required": ["email"]},
	"additionalProperties": false
}`

// addReports adds tools that tell the client something before they return. They do not
// pause in between, so that nothing but the transport keeps the order.
func addReports(s *server.MCPServer) {
	logging := func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for _, text := range []string{"Tool execution started", "Tool processing data", "Tool execution completed"} {
			note := mcp.NewLoggingMessageNotification(mcp.LoggingLevelInfo, "conformance", text)
			if err := s.SendLogMessageToClient(ctx, note); err != nil {
				return nil, err
			}
		}
		return mcp.NewToolResultText("logged"), nil
	}
	add(s, "test_tool_with_logging", "Logs three messages.", logging)
	add(s, "test_logging_tool", "Logs three messages.", logging)
	add(s, "test_tool_with_progress", "Reports progress three times, if asked to.",
		func(ctx context.Context, r mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			if r.Params.Meta == nil || r.Params.Meta.ProgressToken == nil {
				return mcp.NewToolResultText("done, unwatched"), nil
			}
			for _, progress := range []int{0, 50, 100} {
				params := map[string]any{"progressToken": r.Params.Meta.ProgressToken, "progress": progress, "total": 100}
				if err := s.SendNotificationToClient(ctx, string(mcp.MethodNotificationProgress), params); err != nil {
					return nil, err
				}
			}
			return mcp.NewToolResultText("done"), nil
		})
}

// addChanges adds tools that change what the server offers.
func addChanges(s *server.MCPServer) {
	add(s, "test_trigger_tool_change", "Changes the list of tools.",
		func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			add(s, "test_changing_tool", "Was added later.", always(mcp.NewTextContent("called")))
			return mcp.NewToolResultText("changed"), nil
		})
	add(s, "test_trigger_prompt_change", "Changes the list of prompts.",
		func(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			s.AddPrompt(mcp.NewPrompt("test_changing_prompt", mcp.WithPromptDescription("Was added later.")), says(mcp.NewTextContent("prompted")))
			return mcp.NewToolResultText("changed"), nil
		})
}
