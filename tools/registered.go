package tools

import (
	"encoding/json"
	"path/filepath"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/folders"
)

// origin is a file as it was when a copy of it was registered to be sent.
type origin struct {
	name string // of the attachment
	folders.Sight
}

// registered remembers from which files attachments were made, so that whoever is asked
// about an attachment learns what it is. It keeps the newest.
type registered struct {
	mu    sync.Mutex
	known map[flow.AttachmentID]origin
	order []flow.AttachmentID // a ring of the keys of known
	next  int
}

// maxRegistered bounds the memory that registered takes: about a megabyte.
const maxRegistered = 4096

// add remembers what was registered. A repetition, which has the same id, adds nothing.
func (r *registered) add(id flow.AttachmentID, from folders.Staged) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.known[id]; known {
		return
	}
	if r.known == nil {
		r.known = map[flow.AttachmentID]origin{}
	}
	if len(r.order) < maxRegistered {
		r.order = append(r.order, id)
	} else {
		delete(r.known, r.order[r.next])
		r.order[r.next] = id
		r.next = (r.next + 1) % maxRegistered
	}
	r.known[id] = origin{filepath.Base(from.Path), from.Source}
}

// remember takes note of what NewAttachment has made of the file that was staged for it.
func (c *call) remember(made json.RawMessage) {
	var id flow.AttachmentID
	if err := json.Unmarshal(made, &id); err == nil && len(c.staged) == 1 {
		c.registered.add(id, c.staged[0])
	}
}

// find returns the file that an attachment was made from, if it was made here.
func (r *registered) find(id flow.AttachmentID) (origin, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, known := r.known[id]
	return was, known
}
