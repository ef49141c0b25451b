// Package reference writes flow/API.md, the documentation of the Flow API, from what the
// code says: the catalogue of operations and its types, their comments, the table of
// rights of the embedded engine, the names of the tools, and the refusals that the
// behaviour suite has met. Its test compares the page with the code, and writes it:
//
//	go test ./internal/reference -update
//
// It also knows what the public record says of Flow's methods and notifications, and
// tests that the catalogue has all of them.
package reference
