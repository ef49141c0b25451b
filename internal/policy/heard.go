package policy

import (
	"encoding/json"
	"reflect"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
)

// heard remembers in which channels words of other people were read.
type heard struct {
	mu       sync.Mutex
	me       flow.AccountID
	channels map[flow.ChannelID]bool
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
		h.mu.Lock()
		defer h.mu.Unlock()
		if m.SenderAccountID != h.me {
			if h.channels == nil {
				h.channels = map[flow.ChannelID]bool{}
			}
			h.channels[m.ChannelID] = true
		}
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

func (h *heard) elsewhere(than flow.ChannelID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for channel := range h.channels {
		if channel != than {
			return true
		}
	}
	return false
}
