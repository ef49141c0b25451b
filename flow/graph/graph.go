// Package graph answers GraphQL queries about an account's own data, on any engine.
//
//	reply, err := graph.Answer(ctx, engine, call, flow.GraphQLInput{
//		Query: `{ teams { nodes { name channels { nodes { name unreadCount } } } } }`,
//	})
//
// The schema stands in schema.graphql; each type there is a Go type here, whose methods
// are its fields. They ask the engine for what they need through its ordinary methods, so
// that rights are checked where they always are, and this package knows nothing of how an
// engine keeps things. It is a room of its own because each engine offers it and none of
// them should: with it comes the one library that understands GraphQL.
//
// A [request] is one query under way. It remembers what the engine has said, so that a
// thing is asked for once however often a query names it, and it bounds what one query
// may ask for: its length, its depth, the fields of its answer and the bytes behind it.
package graph

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"slices"
	"sync"

	graphql "github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/errors"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Bounds of one query.
const (
	maxQuery      = 32 << 10 // bytes
	maxDepth      = 20       // introspection by common tools needs 15
	maxSelections = 1000     // fields of the query, fragments unfolded
	maxOverlaps   = 100_000  // pairs of fields that might contradict each other
	maxFields     = 200_000  // fields of the answer
	maxBytes      = 24 << 20 // of text read and shown
	maxErrors     = 100      // told of
	atOnce        = 8        // fields under way
)

//go:embed schema.graphql
var definition string

// schema is made for the first query, since most processes see none.
var schema = sync.OnceValues(func() (*graphql.Schema, error) {
	return graphql.ParseSchema(definition, &root{},
		graphql.UseStringDescriptions(), graphql.MaxQueryLength(maxQuery), graphql.MaxDepth(maxDepth),
		graphql.MaxSelections(maxSelections), graphql.OverlapValidationLimit(maxOverlaps),
		graphql.MaxParallelism(atOnce), graphql.DisableFieldSelections(),
		graphql.Tracer(counter{}), graphql.PanicHandler(catcher{}), graphql.Logger(catcher{}))
})

// Answer runs a query of the account that is started on the session of a call. What is
// wrong with the query, or refused to the account, stands in the reply; an error is what
// concerns the engine as a whole, or the end of ctx.
func Answer(ctx context.Context, e flow.Engine, call flow.Call, in flow.GraphQLInput) (flow.GraphQLReply, error) {
	variables, err := variablesOf(in.Args)
	if err != nil {
		return flow.GraphQLReply{}, err
	}
	s, err := schema()
	if err != nil {
		return flow.GraphQLReply{}, err
	}
	r := &request{engine: e, call: flow.Call{Session: call.Session}}
	within, stop := context.WithCancelCause(context.WithValue(ctx, requestKey{}, r))
	defer stop(nil)
	r.stop = stop
	response := s.Exec(within, in.Query, in.OperationName, variables)
	if value := r.panicked.Load(); value != nil {
		panic(*value) // in the goroutine of the call, where somebody waits for it
	}
	switch cause := context.Cause(within); {
	case cause == nil:
		return replyOf(response), nil
	case flow.CodeOf(cause) == flow.Invalid: // too much was asked
		return flow.GraphQLReply{Errors: []flow.GraphQLError{refusal(cause)}}, nil
	default:
		return flow.GraphQLReply{}, cause
	}
}

// variablesOf reads the values of variables.
func variablesOf(args json.RawMessage) (map[string]any, error) {
	if args = bytes.TrimSpace(args); len(args) == 0 {
		return nil, nil
	}
	var variables map[string]any
	if err := json.Unmarshal(args, &variables); err != nil {
		return nil, flow.Errorf(flow.Invalid, `Args must be a JSON object with the values of the variables by name, such as {"first":10}`)
	}
	return variables, nil
}

// replyOf is what a response says. An error without a path is about the query as a whole,
// such as a variable of the wrong type: then there is no data, of which the library may have
// some.
func replyOf(response *graphql.Response) flow.GraphQLReply {
	reply := flow.GraphQLReply{Data: response.Data}
	if slices.ContainsFunc(response.Errors, func(e *errors.QueryError) bool { return len(e.Path) == 0 }) {
		reply.Data = nil
	}
	for _, e := range response.Errors[:min(len(response.Errors), maxErrors)] {
		reply.Errors = append(reply.Errors, errorOf(e))
	}
	return reply
}

func refusal(err error) flow.GraphQLError {
	return flow.GraphQLError{Message: err.Error(), Extensions: flow.GraphQLExtensions{Code: flow.CodeOf(err)}}
}

// noSubscriptions is what the library says of a subscription.
const noSubscriptions = "graphql-ws protocol header is missing"

var errNoSubscriptions = flow.Errorf(flow.Unsupported,
	"there are no subscriptions; WaitForNotification and EnumerateEvents tell of what is new, and a query shows how it is then")

func errorOf(e *errors.QueryError) flow.GraphQLError {
	if e.Message == noSubscriptions {
		return refusal(errNoSubscriptions)
	}
	out := flow.GraphQLError{Message: e.Message, Extensions: flow.GraphQLExtensions{Code: flow.Invalid}}
	for _, at := range e.Locations {
		out.Locations = append(out.Locations, flow.GraphQLLocation{Line: at.Line, Column: at.Column})
	}
	if len(e.Path) > 0 {
		out.Path, _ = json.Marshal(e.Path) // names and numbers
	}
	if e.ResolverError != nil {
		out.Extensions.Code = flow.CodeOf(e.ResolverError)
	}
	return out
}
