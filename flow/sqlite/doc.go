// Package sqlite is the embedded engine: every account, team, channel and message of a
// machine in one SQLite store that several backend processes share.
//
// One process at a time owns the store. It alone opens the files in the store's directory:
// main.db, which holds everything and survives power loss; search.db, an index that is
// filled from main.db and made anew when it is missing; and store.key, with which the
// private keys in main.db are sealed. Where store.key is lost, every account gets a new
// key ring.
//
// All writes pass through one goroutine, the writer. It takes what is queued, does it in
// one transaction and answers after the commit, so that many senders share one fsync.
// What a batch added to the event log is then published to the sessions that wait for
// it. Reads go to a small pool of connections and never meet the writer.
//
// The log is the messages and the other events of the store under one sequence of
// integers; a cursor is a place in it. What an account sees of it follows from the teams
// and channels it is in now and from where on it is in them, and is the same whether it
// comes from memory or from the file.
//
// What is unread by those who ask is counted in memory, from what each batch adds to the
// log, and is what the file says at the place of the log where they look.
//
// The index is filled a little after messages have come, in chapters of the log. A search
// looks at what is not indexed yet, asks FTS5 for the newest chapter and, in the others,
// compares the places where the words stand. What it finds so it looks at in main.db.
//
// Files are copied into the directory blobs when they are registered, each content once
// under its SHA-256, and are never in memory whole. Transfers are rows: an upload reads
// back what was sent, a download makes a file from it, and both go on at the next owner
// when this one ends. Contents whose messages are gone are swept.
package sqlite
