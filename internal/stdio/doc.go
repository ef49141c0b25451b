// Package stdio carries one MCP conversation over a pair of pipes: it reads
// JSON-RPC lines, hands each request to the HandleMessage method of an mcp-go
// MCPServer, and writes replies, notifications and resource updates back. Both
// protocol eras are served at once, request by request: clients that shake
// hands with initialize (up to 2025-11-25) and clients that describe
// themselves in every request (from 2026-07-28).
//
// mcp-go has such a transport too, server.ServeStdio. As of v1.2.1 it
//
//   - writes progress and log notifications after the reply they belong to,
//   - drops notifications once 100 of them wait, so that a burst of resource
//     updates is lost without a sign,
//   - cannot end while the client has stopped reading,
//   - drops the replies of calls that are under way when stdin closes,
//   - lets pipelined requests overtake initialize,
//   - runs calls that were cancelled while they queued, and answers them,
//   - starves a sixth tool call behind five slow ones, and deadlocks when a
//     call elicits while the queue is full,
//   - confuses id 1 with id "1" and rounds integer ids above 2^53,
//   - reads lines of any length into memory,
//   - sends list_changed to 2026-07-28 clients that did not ask for it,
//   - keeps its session in a package variable.
//
// This package does none of these. When the library has mended them,
// server.ServeStdio with a session type of our own can take its place.
//
// # How a message travels
//
// One goroutine reads. It answers initialize itself and gives every other
// request a goroutine, so it never waits for a handler. One goroutine writes.
// Everything that must keep an order reaches it through one first-in first-out
// channel: the notifications of a call go in before the call's reply. What only
// states that something changed (resource updates, list_changed) waits in a set
// for each subscription instead, which the writer empties when it has nothing
// else to do. A client that reads slowly therefore gets fewer announcements,
// never a stale last one, and memory stays bounded.
//
// # What may be left behind
//
// A read from stdin and a write to stdout cannot be interrupted. Run never
// waits for them beyond its limits: when the client neither reads nor closes
// its end, the goroutine stuck in Write is left to end with the process, and so
// is the one stuck in Read. The same holds for a handler that ignores its
// context.
package stdio
