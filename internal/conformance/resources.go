package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

func addResources(s *server.MCPServer) {
	for _, contents := range []mcp.ResourceContents{
		mcp.TextResourceContents{URI: "test://static-text", MIMEType: "text/plain", Text: "This is the content of the static text resource."},
		mcp.TextResourceContents{URI: "test://watched-resource", MIMEType: "text/plain", Text: "Nothing has changed."},
		mcp.BlobResourceContents{URI: "test://static-binary", MIMEType: "image/png", Blob: onePixel},
	} {
		addResource(s, contents)
	}
	template := mcp.NewResourceTemplate("test://template/{id}/data", "template",
		mcp.WithTemplateDescription("Data for any id."), mcp.WithTemplateMIMEType("application/json"))
	s.AddResourceTemplate(template, func(_ context.Context, r mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		ids, _ := r.Params.Arguments["id"].([]string)
		id := strings.Join(ids, "")
		text, err := json.Marshal(map[string]any{"id": id, "templateTest": true, "data": "Data for ID: " + id})
		return []mcp.ResourceContents{
			mcp.TextResourceContents{URI: r.Params.URI, MIMEType: "application/json", Text: string(text)},
		}, err
	})
}

func addResource(s *server.MCPServer, contents mcp.ResourceContents) {
	var uri, kind string
	switch c := contents.(type) {
	case mcp.TextResourceContents:
		uri, kind = c.URI, c.MIMEType
	case mcp.BlobResourceContents:
		uri, kind = c.URI, c.MIMEType
	}
	name := strings.TrimPrefix(uri, "test://")
	s.AddResource(mcp.NewResource(uri, name, mcp.WithResourceDescription("A resource for tests."), mcp.WithMIMEType(kind)),
		func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
			return []mcp.ResourceContents{contents}, nil
		})
}

// says is a prompt of one user message for each content.
func says(contents ...mcp.Content) server.PromptHandlerFunc {
	return func(context.Context, mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return userSays(contents...), nil
	}
}

func userSays(contents ...mcp.Content) *mcp.GetPromptResult {
	messages := make([]mcp.PromptMessage, 0, len(contents))
	for _, c := range contents {
		messages = append(messages, mcp.NewPromptMessage(mcp.RoleUser, c))
	}
	return mcp.NewGetPromptResult("", messages)
}

func addPrompts(s *server.MCPServer) {
	s.AddPrompt(mcp.NewPrompt("test_simple_prompt", mcp.WithPromptDescription("Has no arguments.")),
		says(mcp.NewTextContent("This is a simple prompt for testing.")))
	s.AddPrompt(mcp.NewPrompt("test_prompt_with_image", mcp.WithPromptDescription("Has an image.")),
		says(mcp.NewImageContent(onePixel, "image/png"), mcp.NewTextContent("Please analyze the image above.")))
	s.AddPrompt(mcp.NewPrompt("test_prompt_with_arguments", mcp.WithPromptDescription("Has two arguments."),
		mcp.WithArgument("arg1", mcp.RequiredArgument()), mcp.WithArgument("arg2", mcp.RequiredArgument())),
		func(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			args := r.Params.Arguments
			text := fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", args["arg1"], args["arg2"])
			return userSays(mcp.NewTextContent(text)), nil
		})
	s.AddPrompt(mcp.NewPrompt("test_prompt_with_embedded_resource", mcp.WithPromptDescription("Has a resource."),
		mcp.WithArgument("resourceUri", mcp.RequiredArgument())),
		func(_ context.Context, r mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return userSays(
				embedded(r.Params.Arguments["resourceUri"], "text/plain", "Embedded resource content for testing."),
				mcp.NewTextContent("Please process the embedded resource above."),
			), nil
		})
}

// cities completes every argument of a prompt.
type cities struct{}

func (cities) CompletePromptArgument(_ context.Context, _ string, a mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	values := []string{}
	for _, city := range []string{"paris", "parma", "porto"} {
		if strings.HasPrefix(city, a.Value) {
			values = append(values, city)
		}
	}
	return &mcp.Completion{Values: values, Total: len(values)}, nil
}
