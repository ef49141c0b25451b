package stdio

import (
	"maps"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

// listenCall is one subscriptions/listen of revision 2026-07-28 or later: a
// subscription that lasts as long as the request is unanswered. Everything
// that is sent for it carries its id.
type listenCall struct {
	modernCall
	subscriber

	mu     sync.Mutex
	filter mcp.SubscriptionFilter
}

// SetSubscriptionFilter takes the filter that the library acknowledges. The
// library clears it when the listen ends; what is still to be announced then
// must not be lost, and the listen is over anyway.
func (l *listenCall) SetSubscriptionFilter(filter mcp.SubscriptionFilter) {
	if filter.IsEmpty() {
		return
	}
	l.mu.Lock()
	l.filter = filter
	l.mu.Unlock()
	var wanted lists
	if filter.ToolsListChanged {
		wanted |= listTools
	}
	if filter.PromptsListChanged {
		wanted |= listPrompts
	}
	if filter.ResourcesListChanged {
		wanted |= listResources
	}
	l.subs.want(l.sub, wanted)
}

func (l *listenCall) SubscriptionFilter() (mcp.SubscriptionFilter, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.filter, true
}

// UnsubscribeFromResource does nothing, for the reason given at
// SetSubscriptionFilter.
func (l *listenCall) UnsubscribeFromResource(string) {}

// tagged returns note with the id of the listen that r is.
func (r *request) tagged(note mcp.JSONRPCNotification) mcp.JSONRPCNotification {
	meta := maps.Clone(note.Params.Meta)
	if meta == nil {
		meta = make(map[string]any, 1)
	}
	meta[mcp.MetaKeySubscriptionID] = r.id.raw
	note.Params.Meta = meta
	return note
}

// tagResult puts the id of the listen that r is into its result, where the
// library has put what became of the id as a floating-point number.
func (r *request) tagResult(result any) {
	if l, ok := result.(mcp.SubscriptionsListenResult); ok && l.Meta != nil {
		l.Meta.SetSubscriptionID(r.id.raw)
	}
}

// withProgressToken returns note with the progress token as the client sent
// it, if it is a progress notification: on its way through the library, a
// token that is a large integer was rounded.
func (r *request) withProgressToken(note mcp.JSONRPCNotification) mcp.JSONRPCNotification {
	if note.Method == string(mcp.MethodNotificationProgress) && r.progressToken != nil {
		fields := maps.Clone(note.Params.AdditionalFields)
		if fields == nil {
			fields = make(map[string]any, 1)
		}
		fields["progressToken"] = r.progressToken
		note.Params.AdditionalFields = fields
	}
	return note
}
