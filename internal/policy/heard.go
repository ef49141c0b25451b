package policy

import (
	"context"
	"encoding/json"
	"reflect"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
)

// heard remembers in which channels words of other people were read: in messages, files,
// profiles, and whatever else has a text in it that is not known to be a mere name. It
// counts what leaves the server, so that what the server reads for itself does not count,
// if it says so ([flow.ReadAside]).
type heard struct {
	origins *origins

	mu       sync.Mutex
	me       flow.AccountID
	clock    uint64                    // rises with everything that is heard
	newest   words                     // that were heard
	other    words                     // the newest of another channel than those
	accepted map[flow.ChannelID]uint64 // the clock when a person was asked who agreed to a message there
}

// words are other people's, of one channel or of nobody knows where, which is the empty id.
type words struct {
	from flow.ChannelID
	at   uint64
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

// wordless are operations whose results hold texts, and none of other people: identifiers,
// addresses. Any other text counts, also what the account has stored for itself, perhaps
// because somebody had told it to.
var wordless = map[flow.AnyOperation]bool{
	flow.StoredAttachmentPath:      true,
	flow.KeyRingFingerprint:        true,
	flow.VerificationHash:          true,
	flow.BuildNumber:               true,
	flow.GetOrganizationBillingURL: true,
	flow.GetOrgAdminDashboardURL:   true,
	flow.NewAutoAddToChannelsPref:  true,
	flow.ClaimDomain:               true,
	flow.LinkLDAPAccount:           true,
	flow.FetchLDAPPublicKey:        true,
}

// namesOnly are types whose texts are names, or of the backend itself. Names alone do not
// count: no call goes without them.
var namesOnly = map[reflect.Type]bool{
	reflect.TypeFor[flow.Org]():                   true,
	reflect.TypeFor[flow.Channel]():               true,
	reflect.TypeFor[flow.Peer]():                  true,
	reflect.TypeFor[flow.Device]():                true,
	reflect.TypeFor[flow.AccountIdentifier]():     true,
	reflect.TypeFor[flow.PendingTransfer]():       true,
	reflect.TypeFor[flow.AttachmentDescription](): true,
	reflect.TypeFor[flow.Transfer]():              true,
	reflect.TypeFor[flow.BackendState]():          true,
	reflect.TypeFor[flow.OrgType]():               true,
	reflect.TypeFor[flow.EscrowAccount]():         true,
	reflect.TypeFor[flow.DMAccount]():             true,
	reflect.TypeFor[flow.LDAPAccount]():           true,
	reflect.TypeFor[flow.DeletedInChannel]():      true,
	reflect.TypeFor[flow.SearchHit]():             true,
}

// read notes what the result of a call lets one read.
func (h *heard) read(ctx context.Context, op flow.AnyOperation, in, out reflect.Value) {
	if op.Info().Effect == flow.Protocol {
		return // it tells the server, which tells the host that something changed and not what
	}
	h.fetch(in)
	if wordless[op] || flow.IsAside(ctx, func(shown any) { h.listen(reflect.ValueOf(shown), false) }) {
		return
	}
	if asked, ok := in.Interface().(flow.GetUserProfileInput); ok {
		h.hear(asked.AccountID, "")
		return
	}
	h.listen(out, false)
}

// fetch notes that a file is fetched: whoever fetches one reads it.
func (h *heard) fetch(in reflect.Value) {
	var file flow.AttachmentID
	switch asked := in.Interface().(type) {
	case flow.StartAttachmentDownloadInput:
		file = asked.AttachmentID
	case flow.StoredAttachmentPathInput:
		file = asked.AttachmentID
	default:
		return
	}
	channel, known := h.origins.of(string(file))
	if known && channel == "" {
		return // it was made here
	}
	h.hear("", channel)
}

// listen looks for words of others in a result. Names says that texts right in v are such.
func (h *heard) listen(v reflect.Value, names bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			h.listen(v.Elem(), names)
		}
	case reflect.Struct:
		h.structure(v)
	case reflect.Slice:
		if said, ok := v.Interface().(json.RawMessage); ok && len(said) > 0 && string(said) != "null" {
			h.hear("", "")
			return
		}
		for i := range v.Len() {
			h.listen(v.Index(i), names)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			h.listen(key, names)
			h.listen(v.MapIndex(key), names)
		}
	case reflect.String:
		if !names && v.Type() == ofText && v.Len() > 0 {
			h.hear("", "")
		}
	}
}

var ofText = reflect.TypeFor[string]()

func (h *heard) structure(v reflect.Value) {
	switch said := v.Interface().(type) {
	case flow.Message:
		for _, a := range said.Attachments {
			h.origins.learn(string(a.ID), said.ChannelID)
		}
		h.hear(said.SenderAccountID, said.ChannelID)
	case flow.Profile:
		h.hear(said.AccountID, "")
	case flow.Notification:
		h.overhear(said)
	default:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				h.listen(v.Field(i), namesOnly[v.Type()])
			}
		}
	}
}

// overhear listens to a notification. One of a form that nobody knows may say anything.
func (h *heard) overhear(n flow.Notification) {
	typ, known := payloads[n.Type]
	if !known {
		h.hear("", "")
		return
	}
	data := reflect.New(typ)
	if json.Unmarshal(n.Data, data.Interface()) != nil {
		h.hear("", "")
		return
	}
	h.listen(data.Elem(), false)
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

// anywhere reports whether words of others were heard at all.
func (h *heard) anywhere() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock > 0
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

func (h *heard) until() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

func (h *heard) accept(to flow.ChannelID, until uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.accepted == nil {
		h.accepted = map[flow.ChannelID]uint64{}
	}
	h.accepted[to] = max(h.accepted[to], until)
}
