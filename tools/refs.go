package tools

import (
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
)

// refs remembers which messages were shown, so that their short references lead back to
// them. It keeps the newest; older ones are found by reading the channel.
type refs struct {
	mu                             sync.Mutex
	recent[string, flow.MessageID] // "" for a reference that two messages share
}

// maxRefs bounds the memory that refs takes: about a megabyte.
const maxRefs = 8192

// of returns the short reference of a message and remembers it.
func (r *refs) of(id flow.MessageID) string {
	ref := id.Ref()
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.known[ref]; ok {
		if known != id {
			r.known[ref] = ""
		}
		return ref
	}
	r.add(ref, id, maxRefs)
	return ref
}

// find returns the message that a short reference stands for. An id that is empty though
// ok says that there are several.
func (r *refs) find(ref string) (id flow.MessageID, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id, ok = r.known[ref]
	return id, ok
}
