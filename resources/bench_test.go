package resources_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/flow-mcp/flow-mcp/flow"
)

// BenchmarkUpdate measures from a send in one process to the update at the client of
// another; the send alone, and what this package has to do with it, stand beside it.
func BenchmarkUpdate(b *testing.B) {
	dir := b.TempDir()
	ana, ben := open(b, dir, "ana"), open(b, dir, "ben")
	home := ben.home(b)
	uri := "flow://channels/" + string(home.ChannelID)
	b.Run("send", func(b *testing.B) {
		for b.Loop() {
			ben.send(b, home.ChannelID, "hi")
		}
	})
	b.Run("send to update", func(b *testing.B) {
		h := connect(b, ana, handshake)
		h.watch(b, uri)
		ben.send(b, home.ChannelID, "first")
		h.awaitUpdate(b, uri)
		for b.Loop() {
			for len(h.updates) > 0 {
				<-h.updates
			}
			ben.send(b, home.ChannelID, "hi")
			h.awaitUpdate(b, uri)
		}
	})
	b.Run("observe", func(b *testing.B) {
		ana.shown.AnnounceTo(&audience{updated: map[string]bool{}})
		n := flow.MessageEvent.Make(1, flow.MessageChange{
			RegularMessages: []flow.Message{{ID: "M", ChannelID: home.ChannelID, OrgID: home.OrgID, Text: "hi"}},
		})
		for b.Loop() {
			ana.shown.Observe(n)
		}
	})
}

// BenchmarkList measures a page of 500 resources in the middle of 10,000 channels, and
// the same from the library's own registry.
func BenchmarkList(b *testing.B) {
	b.Run("directory", func(b *testing.B) {
		s, _ := onPaper(10_000)
		c := inProcess(b, s)
		middle := page(b, c, "").NextCursor
		b.ReportAllocs()
		for b.Loop() {
			if out := page(b, c, middle); len(out.Resources) != 500 {
				b.Fatalf("%d resources", len(out.Resources))
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		s := &side{mcp: server.NewMCPServer("test", "1", server.WithResourceCapabilities(false, false), server.WithPaginationLimit(500))}
		var all []server.ServerResource
		for i := range 10_000 {
			all = append(all, server.ServerResource{Resource: mcp.Resource{
				URI: "flow://channels/" + flow.NewID(), Name: fmt.Sprintf("Team/channel %05d", i),
				Title: fmt.Sprintf("#channel %05d", i), Description: "Channel of the team Team.", MIMEType: "application/json",
			}})
		}
		s.mcp.AddResources(all...)
		c := inProcess(b, s)
		middle := mcp.Cursor(base64.StdEncoding.EncodeToString([]byte("Team/channel 05000")))
		b.ReportAllocs()
		for b.Loop() {
			if out := page(b, c, middle); len(out.Resources) != 500 {
				b.Fatalf("%d resources", len(out.Resources))
			}
		}
	})
}

// BenchmarkRead measures reads through the whole server, decoding included.
func BenchmarkRead(b *testing.B) {
	s := open(b, b.TempDir(), "ana")
	home := s.home(b)
	for i := range 60 {
		s.send(b, home.ChannelID, fmt.Sprint("message number ", i))
	}
	h := connect(b, s, handshake)
	for _, read := range []struct{ name, uri string }{
		{"me", "flow://me"},
		{"inbox", "flow://inbox"},
		{"channel", "flow://channels/general"},
		{"50 messages", "flow://channels/general/messages?limit=50"},
	} {
		b.Run(read.name, func(b *testing.B) {
			for b.Loop() {
				h.read(b, read.uri)
			}
		})
	}
}
