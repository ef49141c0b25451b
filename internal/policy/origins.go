package policy

import (
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
)

// origins remembers to which channel messages and attachments belong that were seen, and
// which of them this server made itself. What it does not know is closed.
type origins struct {
	mu    sync.Mutex
	known map[string]flow.ChannelID // empty for what was made here and has no channel yet
	order []string                  // a ring of the keys of known
	next  int
}

// maxOrigins bounds the memory of origins: some ten megabytes.
const maxOrigins = 1 << 16

func (o *origins) learn(id string, channel flow.ChannelID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known = map[string]flow.ChannelID{}
	}
	if _, known := o.known[id]; !known {
		if len(o.order) < maxOrigins {
			o.order = append(o.order, id)
		} else {
			delete(o.known, o.order[o.next])
			o.order[o.next] = id
			o.next = (o.next + 1) % maxOrigins
		}
	}
	o.known[id] = channel
}

func (o *origins) of(id string) (channel flow.ChannelID, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	channel, known = o.known[id]
	return channel, known
}
