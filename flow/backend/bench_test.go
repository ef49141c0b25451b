package backend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/backend"
)

// BenchmarkCall compares a call through HTTP with the same call on the caller itself.
// The caller hands over prepared replies: nothing, and fifty messages.
func BenchmarkCall(b *testing.B) {
	messages := make([]flow.Message, 50)
	for i := range messages {
		messages[i] = flow.Message{
			ID: flow.MessageID(flow.NewID()[:26]), OrgID: flow.OrgID(flow.NewID()), ChannelID: flow.ChannelID(flow.NewID()),
			SenderAccountID: flow.AccountID(flow.NewID()), Text: fmt.Sprintf("message %d says what there is to say about the launch", i),
		}
	}
	page, err := json.Marshal(messages)
	if err != nil {
		b.Fatal(err)
	}
	for _, reply := range []struct {
		name string
		json json.RawMessage
	}{{"nothing", json.RawMessage(`null`)}, {"messages", page}} {
		caller := answers(func(context.Context, string, json.RawMessage) (json.RawMessage, error) { return reply.json, nil })
		s := serve(b, &backend.Server{Caller: caller})
		b.Run(reply.name+"/direct", func(b *testing.B) { repeatCall(b, caller) })
		b.Run(reply.name+"/HTTP", func(b *testing.B) { repeatCall(b, s.caller(b)) })
	}
}

func repeatCall(b *testing.B, caller flow.Caller) {
	params := json.RawMessage(`{"SessionID":1}`)
	for b.Loop() {
		if _, err := caller.Call(b.Context(), "Ping", params); err != nil {
			b.Fatal(err)
		}
	}
}
