// Package command holds the commands of flow-mcp, one type a file: its fields are the
// flags, and Run does it. What a command is made of is joined here: [Serve] connects the
// half that faces the host (tools, resources and prompts on a transport) with the half
// that faces the backend (a process, the gate of a policy, a client).
package command
