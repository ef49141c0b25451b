package stdio

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
)

const (
	// maxURI is the longest resource URI that can be subscribed to, in bytes.
	maxURI = 4096
	// listDelay is how long a changed list waits for further changes.
	listDelay = 30 * time.Millisecond
)

// lists is a set of the lists whose changes are announced.
type lists uint8

const (
	listTools lists = 1 << iota
	listPrompts
	listResources
	allLists = listTools | listPrompts | listResources
)

var listMethods = []struct {
	list   lists
	method string
}{
	{listTools, mcp.MethodNotificationToolsListChanged},
	{listPrompts, mcp.MethodNotificationPromptsListChanged},
	{listResources, mcp.MethodNotificationResourcesListChanged},
}

// listOf returns the list whose change method announces, or 0.
func listOf(method string) lists {
	for _, l := range listMethods {
		if l.method == method {
			return l.list
		}
	}
	return 0
}

// subscription is what one subscriber wants to hear of and has not heard yet.
// There is one for the client that shook hands and one for each listen. Its
// fields are guarded by the mutex of the subscriptions it belongs to.
type subscription struct {
	tag     json.RawMessage // id of the listen; nil for the client that shook hands
	open    bool            // announcements may be written
	wanted  lists
	changed lists
	uris    map[string]bool // subscribed, and whether it is dirty
	dirty   []string        // the dirty ones, longest waiting first
}

// subscriptions holds what changed until the writer takes it. What waits is a
// set, so nothing is lost and nothing grows, however slowly the client reads.
type subscriptions struct {
	wake  chan struct{} // receives when there may be something to take
	limit int

	mu     sync.Mutex
	all    []*subscription
	total  int // subscribed URIs in all
	soon   lists
	timer  *time.Timer // non-nil while soon is not empty
	closed bool
}

func newSubscriptions(limit int) *subscriptions {
	return &subscriptions{wake: make(chan struct{}, 1), limit: limit}
}

func (s *subscriptions) wakeWriter() { signal(s.wake) }

// add takes in a subscriber, who hears nothing before open.
func (s *subscriptions) add(tag json.RawMessage) *subscription {
	sub := &subscription{tag: tag, uris: make(map[string]bool)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, sub)
	return sub
}

// open lets the writer announce to sub what changed since add.
func (s *subscriptions) open(sub *subscription) {
	s.mu.Lock()
	sub.open = true
	s.mu.Unlock()
	s.wakeWriter()
}

// remove ends sub and returns what it had not heard yet. Removing it again
// does nothing.
func (s *subscriptions) remove(sub *subscription) []announcement {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.all, sub)
	if i < 0 {
		return nil
	}
	s.all = slices.Delete(s.all, i, i+1)
	s.total -= len(sub.uris)
	return sub.take(len(sub.dirty))
}

// want sets the lists whose changes sub hears of.
func (s *subscriptions) want(sub *subscription, wanted lists) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub.wanted = wanted
}

// subscribe adds uri to sub, once.
func (s *subscriptions) subscribe(sub *subscription, uri string) error {
	if len(uri) > maxURI {
		return invalidParams(fmt.Sprintf("the URI has %d bytes; at most %d are possible", len(uri), maxURI))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := sub.uris[uri]; ok {
		return nil
	}
	if s.total >= s.limit {
		return invalidParams(fmt.Sprintf("%d resources are subscribed to, which is the limit; unsubscribe from some first", s.limit))
	}
	sub.uris[uri] = false
	s.total++
	return nil
}

func (s *subscriptions) unsubscribe(sub *subscription, uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dirty, ok := sub.uris[uri]
	if !ok {
		return
	}
	delete(sub.uris, uri)
	s.total--
	if dirty {
		sub.dirty = slices.DeleteFunc(sub.dirty, func(u string) bool { return u == uri })
	}
}

// of returns the URIs that sub is subscribed to, in no order.
func (s *subscriptions) of(sub *subscription) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(sub.uris))
}

func (s *subscriptions) has(sub *subscription, uri string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := sub.uris[uri]
	return ok
}

// subscribed returns the URIs of all subscribers, sorted, each once.
func (s *subscriptions) subscribed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var uris []string
	for _, sub := range s.all {
		uris = slices.AppendSeq(uris, maps.Keys(sub.uris))
	}
	slices.Sort(uris)
	return slices.Compact(uris)
}

// updated marks uri dirty for each of its subscribers.
func (s *subscriptions) updated(uri string) {
	s.mu.Lock()
	for _, sub := range s.all {
		if dirty, ok := sub.uris[uri]; ok && !dirty {
			sub.uris[uri] = true
			sub.dirty = append(sub.dirty, uri)
		}
	}
	s.mu.Unlock()
	s.wakeWriter()
}

// changedSoon announces l after listDelay, together with whatever changes
// until then.
func (s *subscriptions) changedSoon(l lists) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.soon |= l
	if s.timer == nil {
		s.timer = time.AfterFunc(listDelay, s.changedNow)
	}
}

// changedNow announces what changedSoon was told of.
func (s *subscriptions) changedNow() {
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	for _, sub := range s.all {
		sub.changed |= s.soon & sub.wanted
	}
	s.soon = 0
	s.mu.Unlock()
	s.wakeWriter()
}

// close forgets all subscribers; nothing happens here any more.
func (s *subscriptions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.all, s.total, s.soon = nil, 0, 0
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// take returns what has to be announced now, of each subscriber at most n
// URIs, and counts it as announced.
func (s *subscriptions) take(n int) []announcement {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []announcement
	for _, sub := range s.all {
		all = append(all, sub.take(n)...)
	}
	return all
}

func (sub *subscription) take(n int) []announcement {
	if !sub.open {
		return nil
	}
	var taken []announcement
	for _, l := range listMethods {
		if sub.changed&l.list != 0 {
			taken = append(taken, announcement{method: l.method, tag: sub.tag})
		}
	}
	sub.changed = 0
	n = min(n, len(sub.dirty))
	for _, uri := range sub.dirty[:n] {
		sub.uris[uri] = false
		taken = append(taken, announcement{method: mcp.MethodNotificationResourceUpdated, uri: uri, tag: sub.tag})
	}
	if sub.dirty = sub.dirty[n:]; len(sub.dirty) == 0 {
		sub.dirty = nil
	}
	return taken
}

// invalidParams is an error that is answered with -32602 in both eras.
type invalidParams string

func (e invalidParams) Error() string  { return string(e) }
func (invalidParams) RPCCode(bool) int { return mcp.INVALID_PARAMS }
