package policy

import (
	"encoding/json"
	"reflect"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
)

// heard remembers in which channels words of other people were read.
type heard struct {
	origins *origins

	mu       sync.Mutex
	me       flow.AccountID
	clock    int                    // rises with everything that is heard
	newest   words                  // that were heard
	other    words                  // the newest of another channel than those
	accepted map[flow.ChannelID]int // the clock when a person last agreed to a message there
}

// words are other people's, of one channel or of nobody knows where, which is the empty id.
type words struct {
	from flow.ChannelID
	at   int
}

// meet learns who the account is.
func (h *heard) meet(op flow.AnyOperation, out reflect.Value) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch said := out.Interface().(type) {
	case flow.Home:
		h.me = said.AccountID
	case flow.AccountID:
		if op == flow.GetAccountID {
			h.me = said
		}
	}
}

// listen looks for messages of others in a result.
func (h *heard) listen(v reflect.Value) {
	if v.Type() == ofBody {
		m := v.Interface().(flow.Message)
		for _, a := range m.Attachments {
			h.origins.learn(string(a.ID), m.ChannelID)
		}
		h.hear(m.SenderAccountID, m.ChannelID)
		return
	}
	if p, ok := v.Interface().(flow.Profile); ok {
		h.hear(p.AccountID, "")
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			h.listen(v.Elem())
		}
	case reflect.Struct:
		if n, ok := v.Interface().(flow.Notification); ok {
			h.overhear(n)
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				h.listen(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			h.listen(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			h.listen(v.MapIndex(key))
		}
	}
}

func (h *heard) overhear(n flow.Notification) {
	if typ, known := payloads[n.Type]; known {
		data := reflect.New(typ)
		if json.Unmarshal(n.Data, data.Interface()) == nil {
			h.listen(data.Elem())
		}
	}
}

// hear notes that words of somebody were read.
func (h *heard) hear(from flow.AccountID, in flow.ChannelID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if from != "" && from == h.me {
		return
	}
	h.clock++
	if h.newest.from != in {
		h.other = h.newest
	}
	h.newest = words{in, h.clock}
}

// watch notes what a call lets one read that its result does not hold as messages: files,
// profiles, and JSON that types tell nothing of. Names alone do not count.
func (h *heard) watch(op flow.AnyOperation, in reflect.Value, out reflect.Type) {
	if op.Info().Effect == flow.Protocol {
		return
	}
	if opaque(out) {
		h.hear("", "")
	}
	var file flow.AttachmentID
	switch asked := in.Interface().(type) {
	case flow.StartAttachmentDownloadInput:
		file = asked.AttachmentID
	case flow.StoredAttachmentPathInput:
		file = asked.AttachmentID
	case flow.GetUserProfileInput:
		h.hear(asked.AccountID, "")
		return
	default:
		return
	}
	channel, known := h.origins.of(string(file))
	if known && channel == "" {
		return // it was made here
	}
	h.hear("", channel)
}

// elsewhere reports whether words of other channels were heard since a person agreed to a
// message to this one. For that the newest of two channels are enough.
func (h *heard) elsewhere(than flow.ChannelID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := h.newest
	if last.from == than && last.at > 0 {
		last = h.other
	}
	return last.at > h.accepted[than]
}

func (h *heard) accept(to flow.ChannelID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.accepted == nil {
		h.accepted = map[flow.ChannelID]int{}
	}
	h.accepted[to] = h.clock
}
