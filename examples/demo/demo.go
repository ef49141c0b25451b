// Package demo runs the main job of this program before your eyes: two MCP servers, each
// with an account of its own on one store, as two hosts on one machine would have them.
// One subscribes to a channel, the other sends to it, and the update arrives.
//
// It is also the shortest complete program against the server: it starts it as a host
// does, a child process on standard input and output, with the client of mcp-go.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

// Options say what to run and where to print.
type Options struct {
	// Executable is the program that serves MCP.
	Executable string
	Out        io.Writer
	// Color is for terminals.
	Color bool
}

// patience bounds the whole demonstration.
const patience = 30 * time.Second

const greeting = "Hello Ben, the launch is on Friday."

// Run plays it. The error says what was missing.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	store, err := os.MkdirTemp("", "flow-mcp-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the store: %w", err)
	}
	defer os.RemoveAll(store)

	say := printer{o.Out, o.Color}
	ana, err := startHost(ctx, o.Executable, store, "ana", mcp.LATEST_PROTOCOL_VERSION)
	if err != nil {
		return err
	}
	defer ana.Close()
	ben, err := startHost(ctx, o.Executable, store, "ben", mcp.LATEST_LEGACY_PROTOCOL_VERSION)
	if err != nil {
		return err
	}
	defer ben.Close()
	say.step("two servers", "ana (protocol %s) and ben (%s) on one store", ana.era, ben.era)
	return play(ctx, say, ana, ben)
}

// play is the conversation.
func play(ctx context.Context, say printer, ana, ben *host) error {
	tools, err := ana.tools(ctx)
	if err != nil {
		return err
	}
	say.step("tools", "%d found: %s", len(tools), strings.Join(tools, ", "))

	status, err := ana.call(ctx, "flow_status", nil)
	if err != nil {
		return err
	}
	say.step("ana asks who", "%s", firstLine(status))

	channel, err := ben.channel(ctx, "general")
	if err != nil {
		return err
	}
	if err := ben.subscribe(ctx, channel); err != nil {
		return err
	}
	say.step("ben subscribes", "%s", channel)

	sent := time.Now()
	if _, err := ana.call(ctx, "flow_send_message", map[string]any{"channel": "general", "text": greeting}); err != nil {
		return err
	}
	say.step("ana sends", "%q to general", greeting)

	arrived, err := ben.update(ctx, channel)
	if err != nil {
		return err
	}
	latency := float64(arrived.Sub(sent).Microseconds()) / 1000
	say.step("update at ben", "%s, %.1f ms after ana began to send", channel, latency)

	read, err := ben.newest(ctx, channel)
	if err != nil {
		return err
	}
	if read.Text != greeting || read.From != "ana" {
		return fmt.Errorf("read %s: the newest message is %+v, not the one that was sent", channel, read)
	}
	say.step("ben reads", "[%s] %s: %s", read.At, read.From, read.Text)
	return nil
}

// host is what an MCP host has of a server: the client of one child process.
type host struct {
	*client.Client
	account string
	era     string
	updates chan update
}

type update struct {
	uri string
	at  time.Time
}

func startHost(ctx context.Context, executable, store, account, era string) (*host, error) {
	c := client.NewClient(transport.NewStdio(executable, nil, "--account", account, "--data-dir", store))
	if err := c.Start(ctx); err != nil {
		return nil, fmt.Errorf("start the server of %s: %w", account, err)
	}
	h := &host{Client: c, account: account, updates: make(chan update, 64)}
	c.OnNotification(func(n mcp.JSONRPCNotification) {
		uri, _ := n.Params.AdditionalFields["uri"].(string)
		if n.Method != mcp.MethodNotificationResourceUpdated {
			return
		}
		select {
		case h.updates <- update{uri, time.Now()}:
		default: // the demonstration waits for one only
		}
	})
	var request mcp.InitializeRequest
	request.Params.ProtocolVersion = era
	request.Params.ClientInfo = mcp.Implementation{Name: "flow-mcp-demo", Version: "1"}
	result, err := c.Initialize(ctx, request)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("initialize the server of %s: %w", account, err), c.Close())
	}
	h.era = result.ProtocolVersion
	return h, nil
}

func (h *host) tools(ctx context.Context) ([]string, error) {
	list, err := h.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		return nil, fmt.Errorf("list tools: %w", err)
	}
	var names []string
	for _, tool := range list.Tools {
		names = append(names, tool.Name)
	}
	if len(names) == 0 {
		return nil, errors.New("list tools: the server offers none")
	}
	return names, nil
}

// channel returns the URI of the channel with a name.
func (h *host) channel(ctx context.Context, name string) (string, error) {
	list, err := h.ListResources(ctx, mcp.ListResourcesRequest{})
	if err != nil {
		return "", fmt.Errorf("list resources: %w", err)
	}
	for _, r := range list.Resources {
		if strings.HasPrefix(r.URI, "flow://channels/") && strings.HasSuffix(r.Name, name) {
			return r.URI, nil
		}
	}
	return "", fmt.Errorf("list resources: no channel %q among %d", name, len(list.Resources))
}

func (h *host) subscribe(ctx context.Context, uri string) error {
	var request mcp.SubscribeRequest
	request.Params.URI = uri
	//lint:ignore SA1019 hosts of the older protocol subscribe this way
	if err := h.Client.Subscribe(ctx, request); err != nil {
		return fmt.Errorf("subscribe to %s: %w", uri, err)
	}
	return nil
}

// call calls a tool and returns its text.
func (h *host) call(ctx context.Context, tool string, arguments map[string]any) (string, error) {
	var request mcp.CallToolRequest
	request.Params.Name = tool
	request.Params.Arguments = arguments
	result, err := h.CallTool(ctx, request)
	if err != nil {
		return "", fmt.Errorf("call %s: %w", tool, err)
	}
	text := textOf(result.Content)
	if result.IsError {
		return "", fmt.Errorf("call %s: %s", tool, text)
	}
	return text, nil
}

// update waits until the server says that uri has changed.
func (h *host) update(ctx context.Context, uri string) (time.Time, error) {
	for {
		select {
		case u := <-h.updates:
			if u.uri == uri {
				return u.at, nil
			}
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait for an update of %s: %w", uri, ctx.Err())
		}
	}
}

// message is a message as the resource of a channel shows it.
type message struct{ From, At, Text string }

// newest reads the channel and returns its newest message.
func (h *host) newest(ctx context.Context, uri string) (message, error) {
	var request mcp.ReadResourceRequest
	request.Params.URI = uri
	result, err := h.ReadResource(ctx, request)
	if err != nil {
		return message{}, fmt.Errorf("read %s: %w", uri, err)
	}
	for _, c := range result.Contents {
		text, ok := c.(mcp.TextResourceContents)
		if !ok {
			continue
		}
		var channel struct{ Messages []message }
		if err := json.Unmarshal([]byte(text.Text), &channel); err != nil {
			return message{}, fmt.Errorf("read %s: %w", uri, err)
		}
		if len(channel.Messages) > 0 {
			return channel.Messages[len(channel.Messages)-1], nil
		}
	}
	return message{}, fmt.Errorf("read %s: there is no message", uri)
}

func textOf(content []mcp.Content) string {
	var all []string
	for _, c := range content {
		if text, ok := c.(mcp.TextContent); ok {
			all = append(all, text.Text)
		}
	}
	return strings.Join(all, "\n")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// printer prints one step a line.
type printer struct {
	out   io.Writer
	color bool
}

func (p printer) step(what, format string, args ...any) {
	mark, label := "ok", fmt.Sprintf("%-15s", what)
	if p.color {
		mark, label = "\x1b[32m✓\x1b[0m", "\x1b[1m"+label+"\x1b[0m"
	}
	fmt.Fprintf(p.out, "%s %s %s\n", mark, label, fmt.Sprintf(format, args...))
}
