package stdio_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/internal/stdio"
)

type person struct{ says mcp.ElicitationResponseAction }

func (p person) Elicit(context.Context, mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	return &mcp.ElicitationResult{ElicitationResponse: mcp.ElicitationResponse{Action: p.says}}, nil
}

// connect starts a server for m and returns the library's client of it.
func connect(t *testing.T, m *server.MCPServer, opts ...client.ClientOption) (*client.Client, *stdio.Server) {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	s := stdio.New(m, stdio.Options{})
	ended := make(chan error, 1)
	go func() {
		err := s.Run(context.Background(), inR, outW)
		outW.Close()
		ended <- err
	}()
	c := client.NewClient(transport.NewIO(outR, inW, nil), opts...)
	t.Cleanup(func() {
		inW.Close()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		c.Close()
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, s
}

// The whole round with the library's own client, in both eras.
func TestLibraryClient(t *testing.T) {
	for name, version := range map[string]string{
		"handshake": mcp.LATEST_LEGACY_PROTOCOL_VERSION,
		"modern":    mcp.ProtocolVersion20260728,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMCP()
			addConfirm(m)
			c, s := connect(t, m, client.WithElicitationHandler(person{says: "accept"}))
			updates := make(chan string, 1)
			c.OnNotification(func(n mcp.JSONRPCNotification) {
				if n.Method == mcp.MethodNotificationResourceUpdated {
					updates <- n.Params.AdditionalFields["uri"].(string)
				}
				if n.Method == mcp.MethodNotificationSubscriptionsAcknowledged {
					s.ResourceUpdated("a:1")
				}
			})
			var shake mcp.InitializeRequest
			shake.Params.ProtocolVersion = version
			shake.Params.ClientInfo = mcp.Implementation{Name: "t", Version: "1"}
			if _, err := c.Initialize(t.Context(), shake); err != nil {
				t.Fatalf("initialize: %v", err)
			}
			if got := c.ProtocolVersion(); got != version {
				t.Errorf("the version agreed on is %s, want %s", got, version)
			}
			tools, err := c.ListTools(t.Context(), mcp.ListToolsRequest{})
			if err != nil || len(tools.Tools) != 1 {
				t.Fatalf("tools: %v, %v", tools, err)
			}
			var call mcp.CallToolRequest
			call.Params.Name = "confirm"
			result, err := c.CallTool(t.Context(), call)
			if err != nil {
				t.Fatalf("call: %v", err)
			}
			if diff := cmp.Diff("person said accept", result.Content[0].(mcp.TextContent).Text); diff != "" {
				t.Error(diff)
			}
			watch(t, c, version)
			if version != mcp.ProtocolVersion20260728 {
				s.ResourceUpdated("a:1")
			}
			if got := <-updates; got != "a:1" {
				t.Errorf("the update is for %s", got)
			}
		})
	}
}

// watch subscribes to a:1 in the way of the version.
func watch(t *testing.T, c *client.Client, version string) {
	t.Helper()
	if version != mcp.ProtocolVersion20260728 {
		//lint:ignore SA1019 deprecated because the handshake era is, which this test is about
		if err := c.Subscribe(t.Context(), mcp.SubscribeRequest{Params: mcp.SubscribeParams{URI: "a:1"}}); err != nil {
			t.Fatalf("subscribe: %v", err)
		}
		return
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Listen(ctx, mcp.SubscriptionFilter{ResourceSubscriptions: []string{"a:1"}}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("listen: %v", err)
		}
	})
}
