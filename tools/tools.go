// Package tools offers what Flow can do as MCP tools.
//
// Every operation of [flow.Catalogue] becomes one tool, by the same rules for all:
//
//   - The name is flow_ and the operation in snake case; parameters are in snake case
//     too, and identifiers lose their ending: ChannelID is channel.
//   - Where the API wants an identifier, a model may write a name ("general",
//     "Design/general", "@ana", "me") or a flow:// link, for messages also the short
//     reference in brackets that texts show. The type of the field decides.
//   - Unknown and wrong parameters are refused with a sentence; mistakes whose meaning
//     is beyond doubt are mended ([form.mend] lists them).
//   - Results have names in place of identifiers, and come in two forms, each complete:
//     structured content that fits the output schema, and a text. What other people
//     wrote is cleaned ([clean]) and can never pose as a line of the server.
//
// The composite tools (status, catch up, wait, send, files) stand in files of their own.
// Which tools there are is chosen at start and does not change.
package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/folders"
)

// Options choose the tools. The zero value is the default set.
type Options struct {
	// Toolsets are names of sets: "default", "all", or groups of operations. None stands
	// for the default set.
	Toolsets []string
	// Tools are names of further tools.
	Tools []string
	// ExcludeTools are names of tools to leave out, whatever else was said.
	ExcludeTools []string
	// ReadOnly leaves out every tool that changes something.
	ReadOnly bool
	// Consent says before which calls a person is asked.
	Consent Consent
	// Policy says in short sentences what else limits this server, for flow_status.
	Policy []string
	// Remarks says what of the policy has no effect at present, or nil. It is asked after the
	// backend.
	Remarks func() []string
	// Folders are where files may be sent from and saved to. Nil stands for the usual ones.
	Folders *folders.Folders
	// Log gets defects and, at debug level, calls; never what they say. Nil discards.
	Log *slog.Logger
	// Version is that of the server, for flow_status.
	Version string
}

// service is what tools work with.
type service struct {
	client     *flow.Client
	dir        *flow.Directory
	log        *slog.Logger
	refs       *refs
	choice     *choice
	asking     Consent
	seals      *seals
	written    *written
	registered *registered
	folders    *folders.Folders
	policy     []string
	remarks    func() []string
	version    string
}

// Register adds the chosen tools to srv. They work through client, and learn names from
// dir. It fails when a set or tool is not known, and calls no backend.
func Register(srv *server.MCPServer, client *flow.Client, dir *flow.Directory, o Options) error {
	chosen, err := choose(o)
	if err != nil {
		return err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if len(chosen.refused) > 0 {
		o.Log.Warn("--read-only leaves out tools that --tools asks for", "tools", chosen.refused)
	}
	if o.Folders == nil {
		if o.Folders, err = folders.New(folders.Options{}); err != nil {
			return err
		}
	}
	if o.Remarks == nil {
		o.Remarks = func() []string { return nil }
	}
	s := &service{
		client: client, dir: dir, log: o.Log, refs: &refs{}, choice: chosen,
		asking: o.Consent, seals: newSeals(), written: &written{}, registered: &registered{}, policy: o.Policy, remarks: o.Remarks, folders: o.Folders, version: o.Version,
	}
	entries := make([]server.ServerTool, len(chosen.tools))
	for i, t := range chosen.tools {
		entry, err := t.MCP()
		if err != nil {
			return err
		}
		entries[i] = server.ServerTool{Tool: entry, Handler: s.handler(t)}
	}
	srv.AddTools(entries...)
	return nil
}

// List returns the chosen tools in the order of tools/list.
func List(o Options) ([]*Tool, error) {
	chosen, err := choose(o)
	if err != nil {
		return nil, err
	}
	return chosen.tools, nil
}

// handler answers calls of a tool. Whatever goes wrong is a result that the model can
// read, never an error of the protocol.
func (s *service) handler(t *Tool) server.ToolHandlerFunc {
	return func(ctx context.Context, req mcp.CallToolRequest) (result *mcp.CallToolResult, err error) {
		began := time.Now()
		defer func() {
			if p := recover(); p != nil {
				s.log.ErrorContext(ctx, "tool panicked", "tool", t.Name, "panic", panicText(p), "stack", string(debug.Stack()))
				result, err = s.failed(ctx, t, flow.Errorf(flow.Internal, "panic")), nil
			}
			s.log.DebugContext(ctx, "tool called", "tool", t.Name, "failed", result.IsError, "took", time.Since(began))
		}()
		raw, err := arguments(req)
		if err != nil {
			return s.failed(ctx, t, err), nil
		}
		ctx, stop := withProgress(ctx, req)
		defer stop()
		a, err := t.use(ctx, s, raw, req.Params.MultiRoundTripParams)
		if err != nil {
			return s.failed(ctx, t, err), nil
		}
		if a.needs != nil {
			return a.needs, nil
		}
		structured, err := a.marshal()
		if err == nil {
			err = tooLong(structured)
		}
		if err != nil {
			return s.failed(ctx, t, err), nil
		}
		result = mcp.NewToolResultText(a.text)
		result.Content = append(result.Content, a.content...)
		result.StructuredContent = structured
		if t.OpenWorld {
			result.Meta = &mcp.Meta{AdditionalFields: map[string]any{foreignMeta: true}}
		}
		return result, nil
	}
}

// panicText describes a panic for the log. Other values than the runtime's own may quote
// what somebody wrote, so only their type is told.
func panicText(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

// foreignMeta is the _meta key of results that hold what other people wrote.
const foreignMeta = "flow-mcp.github.io/foreign"

// arguments returns the arguments of a call as they were sent.
func arguments(req mcp.CallToolRequest) (json.RawMessage, error) {
	switch args := req.GetRawArguments().(type) {
	case nil:
		return nil, nil
	case json.RawMessage:
		return args, nil
	default:
		return json.Marshal(args)
	}
}

// failed makes a result of an error, and logs what is a defect.
func (s *service) failed(ctx context.Context, t *Tool, err error) *mcp.CallToolResult {
	if ctx.Err() != nil && stopped(err) {
		return mcp.NewToolResultError("The call was cancelled.")
	}
	code := flow.CodeOf(err)
	if code == flow.Internal {
		s.log.ErrorContext(ctx, "tool failed", "tool", t.Name, "error", err)
	}
	result := mcp.NewToolResultError(s.explain(t, code, err))
	if outcome, ok := errors.AsType[*told](err); ok {
		result = mcp.NewToolResultError(outcome.text)
		result.StructuredContent = outcome.structured
	}
	result.Meta = &mcp.Meta{AdditionalFields: map[string]any{codeMeta: string(code)}}
	return result
}

// codeMeta is the _meta key of the kind of a failure, for programs.
const codeMeta = "flow-mcp.github.io/code"
