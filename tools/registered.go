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
	mu sync.Mutex
	recent[flow.AttachmentID, origin]
}

// maxRegistered bounds the memory that registered takes: about a megabyte.
const maxRegistered = 4096

// note remembers what was registered. A repetition, which has the same id, adds nothing.
func (r *registered) note(id flow.AttachmentID, from folders.Staged) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.known[id]; !known {
		r.add(id, origin{filepath.Base(from.Path), from.Source}, maxRegistered)
	}
}

// remember takes note of what NewAttachment has made of the file that was staged for it.
func (c *call) remember(made json.RawMessage) {
	var id flow.AttachmentID
	if err := json.Unmarshal(made, &id); err == nil && len(c.staged) == 1 {
		c.registered.note(id, c.staged[0])
	}
}

// find returns the file that an attachment was made from, if it was made here.
func (r *registered) find(id flow.AttachmentID) (origin, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, known := r.known[id]
	return was, known
}
