package tools_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// BenchmarkRead50 reads 50 messages: by the operation alone, and by tools/call as it
// comes from and goes to the transport.
func BenchmarkRead50(b *testing.B) {
	w := newWorld(b)
	ana := w.joins(b, "ana", tools.Options{})
	for i := range 50 {
		ana.does(b, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"message number %d of the usual length, more or less"}`, i))
	}
	identity, err := ana.client.Identity(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("operation", func(b *testing.B) {
		in := flow.EnumerateMessagesInput{OrgID: identity.OrgID, ChannelID: identity.ChannelID, Filters: &flow.MessageFilters{Limit: 50}}
		for b.Loop() {
			if messages, err := flow.EnumerateMessages.Call(b.Context(), ana.client, in); err != nil || len(messages) != 50 {
				b.Fatal(len(messages), err)
			}
		}
	})
	b.Run("tool", func(b *testing.B) {
		call := json.RawMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"flow_enumerate_messages","arguments":{"channel":"general"}}}`)
		for b.Loop() {
			reply, err := json.Marshal(ana.server.HandleMessage(b.Context(), call))
			if err != nil || len(reply) < 50*50 {
				b.Fatal(string(reply), err)
			}
		}
	})
}

// BenchmarkList makes the reply to tools/list.
func BenchmarkList(b *testing.B) {
	w := newWorld(b)
	for _, set := range []string{tools.DefaultSet, tools.AllSet} {
		p := w.joins(b, "ana", tools.Options{Toolsets: []string{set}})
		b.Run(set, func(b *testing.B) {
			for b.Loop() {
				if _, err := json.Marshal(p.server.HandleMessage(b.Context(), json.RawMessage(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
