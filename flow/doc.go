// Package flow says what Flow can do, in Go types, and can ask a backend to do it.
//
// Flow is an API for team chat: accounts and their devices, teams (orgs), channels,
// members, messages, read marks (HWM), search and notifications. This package holds
//
//   - the identifiers and objects of that API ([OrgID], [Channel], [Message], ...),
//   - the catalogue: one [Operation] value per method, bound to a method of [Engine],
//     from which the wire, the tools, the schemas and the documentation follow,
//   - the notifications a backend sends ([Notification], one [Event] row per type),
//   - the one error type that crosses the process border ([Error]),
//   - the callers: [HTTP] to a backend process, [Stream] over one connection, and
//     [Client], which keeps a session alive over restarts of the backend.
//
// It imports no other room of this module. Engines implement [Engine]; servers call
// [Serve]; programs call rows of the catalogue:
//
//	id, err := flow.SendMessage.Call(ctx, client, flow.SendMessageInput{
//		ChannelID: channel, Text: "hello",
//	})
//
// To add an operation, write one stanza in the file of its group: the method in the
// group's interface, the input and output types, and the row. The compiler then asks
// each engine for the method; nothing else has to be touched.
package flow
