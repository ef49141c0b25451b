package backend_test

import (
	"fmt"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/backend"
	"github.com/flow-mcp/flow-mcp/flow/sqlite"
)

// BenchmarkCall compares calls to the embedded engine that are made directly with the
// same calls through HTTP.
func BenchmarkCall(b *testing.B) {
	member, err := sqlite.Open(b.Context(), b.TempDir(), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { member.Close() })
	home, session := startUp(b, member)
	for i := range 50 {
		send(b, session, home, i)
	}
	through := flow.Session{Caller: serve(b, &backend.Server{Caller: member}).caller(b), ID: session.ID}
	for _, way := range []struct {
		name string
		flow.Session
	}{{"direct", session}, {"HTTP", through}} {
		b.Run("ping/"+way.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := flow.Ping.Call(b.Context(), way, flow.PingInput{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("read 50/"+way.name, func(b *testing.B) {
			in := flow.EnumerateMessagesInput{ChannelID: home.ChannelID, Filters: &flow.MessageFilters{Limit: 50}}
			for b.Loop() {
				got, err := flow.EnumerateMessages.Call(b.Context(), way, in)
				if err != nil || len(got) != 50 {
					b.Fatalf("%d messages, %v", len(got), err)
				}
			}
		})
		b.Run("send/"+way.name, func(b *testing.B) {
			for b.Loop() {
				send(b, way, home, b.N)
			}
		})
	}
}

func startUp(b *testing.B, caller flow.Caller) (flow.Home, flow.Session) {
	session, err := flow.NewSession.Call(b.Context(), caller, flow.NewSessionInput{})
	if err != nil {
		b.Fatal(err)
	}
	s := flow.Session{Caller: caller, ID: session.SessionID}
	home, err := flow.StartUpLocal.Call(b.Context(), s, flow.StartUpLocalInput{Username: "ada"})
	if err != nil {
		b.Fatal(err)
	}
	return home, s
}

func send(b *testing.B, caller flow.Caller, home flow.Home, n int) {
	in := flow.SendMessageInput{ChannelID: home.ChannelID, Text: fmt.Sprintf("message %d says what there is to say about the launch", n)}
	if _, err := flow.SendMessage.Call(b.Context(), caller, in); err != nil {
		b.Fatal(err)
	}
}
