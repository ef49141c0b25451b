package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// longReach is that of a search in the background, which nobody waits for.
var longReach = reach{hits: flow.MaxSearchHits, near: 20_000, far: 200_000, candidates: 200_000}

// searchesAtOnce is how many searches look at the same time; the others wait their turn.
const searchesAtOnce = 2

// background runs the searches of sessions. They are known to the session, which ends
// them, and of each there is a row, from which another owner of the store does it again.
type background struct {
	turns   chan struct{}
	running sync.WaitGroup
}

func newBackground() background {
	return background{turns: make(chan struct{}, searchesAtOnce)}
}

// longSearch is a search of a session. What it has found are places in the log only: who
// reads them sees what the account may see then.
type longSearch struct {
	stop context.CancelFunc

	mu     sync.Mutex
	places map[int64][]flow.Cursor // by channel, newest first
	done   bool
	more   bool
	err    error
}

// parseSearch reads the URL of a search: a query string, before which there may be the
// rest of a URL.
func parseSearch(text string) (in flow.SearchInput, err error) {
	if before, query, found := strings.Cut(text, "?"); found && !strings.ContainsAny(before, "=&") {
		text = query
	}
	values, err := url.ParseQuery(text)
	if err != nil {
		return in, flow.Errorf(flow.Invalid, "Url is no query string such as q=hello&channel=ID: %v", err)
	}
	for key, list := range values {
		if len(list) > 1 {
			return in, flow.Errorf(flow.Invalid, "Url names %q twice; give it once", clip(key))
		}
		switch key {
		case "q":
			in.Search = list[0]
		case "org":
			in.OrgID = flow.OrgID(list[0])
		case "channel":
			in.ChannelID = flow.ChannelID(list[0])
		case "words":
			if in.Words, err = strconv.ParseBool(list[0]); err != nil {
				return in, flow.Errorf(flow.Invalid, "words in Url is %q; it must be true or false", clip(list[0]))
			}
		default:
			return in, flow.Errorf(flow.Invalid, "Url names %q, which means nothing; it may hold q, org, channel and words", clip(key))
		}
	}
	return in, nil
}

// prepare makes a search of its URL, up to a place in the log.
func (s *store) prepare(ctx context.Context, self *who, link string, upTo flow.Cursor) (*search, error) {
	in, err := parseSearch(link)
	if err != nil {
		return nil, err
	}
	one, err := s.newSearch(self.account, in, longReach)
	if err != nil {
		return nil, err
	}
	one.before = min(one.before, upTo+1)
	return one, s.explain(one.restrict(ctx, self, "StartSearch", in))
}

// StartSearch implements [flow.Engine].
func (e *Engine) StartSearch(ctx context.Context, call flow.Call, in flow.StartSearchInput) (flow.Nothing, error) {
	none := flow.Nothing{}
	s, self, err := e.self(ctx, call)
	if err != nil {
		return none, err
	}
	if err := checkSearchID(in.ID); err != nil {
		return none, err
	}
	upTo := e.store.hub.end()
	prepared, err := e.store.prepare(ctx, self, in.URL, upTo)
	if err != nil {
		return none, err
	}
	err = e.store.change(ctx, func(t *tx) error {
		others, err := t.CountSearches(t.ctx, db.CountSearchesParams{Member: s.key.member, Session: s.key.id, ID: in.ID})
		if err == nil && others >= flow.MaxSearches {
			err = flow.Errorf(flow.Conflict, "this session has %d searches already; end one with DestroySearch", others)
		}
		if err != nil {
			return err
		}
		t.searches = append(t.searches, searchChange{on: s, id: in.ID, begins: prepared})
		return t.AddSearch(t.ctx, db.AddSearchParams{Member: s.key.member, Session: s.key.id, ID: in.ID, Url: in.URL, Upto: upTo})
	})
	return none, err
}

func checkSearchID(id flow.SearchID) error {
	const most = 100
	if id == "" || len(id) > most {
		return flow.Errorf(flow.Invalid, "Id must be the handle of the search, a number or a text of 1 to %d bytes", most)
	}
	return nil
}

// searchChange is what the commit of a transaction does to a search of a session. Its row
// changes in the transaction, so that rows and what runs always are the same searches,
// whoever starts and ends them at one time, and whether or not they wait for it.
type searchChange struct {
	on     *session
	id     flow.SearchID
	begins *search // nil when it ends
	again  bool    // it begins unless it runs
}

// follow does what was committed. Another search that has the id is ended.
func (s *store) follow(c searchChange) {
	c.on.mu.Lock()
	defer c.on.mu.Unlock()
	if other := c.on.searches[c.id]; other != nil {
		if c.again {
			return
		}
		other.stop()
		delete(c.on.searches, c.id)
	}
	if c.begins == nil || c.on.cause != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	one := &longSearch{stop: stop, places: map[int64][]flow.Cursor{}}
	c.begins.keep = one.add
	if c.on.searches == nil {
		c.on.searches = map[flow.SearchID]*longSearch{}
	}
	c.on.searches[c.id] = one
	s.background.running.Go(func() { s.background.run(ctx, one, c.begins) })
}

// run waits for its turn and searches.
func (b *background) run(ctx context.Context, one *longSearch, prepared *search) {
	defer one.stop()
	select {
	case b.turns <- struct{}{}:
		defer func() { <-b.turns }()
	case <-ctx.Done():
		return
	}
	err := prepared.run(ctx)
	one.mu.Lock()
	defer one.mu.Unlock()
	one.done, one.more, one.err = true, prepared.more(), err
}

// add notes what was found. The index finds the beginnings of words after whole ones, so
// that not all that comes is older than what is there.
func (l *longSearch) add(_ context.Context, found []db.TextsRow) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, text := range found {
		list := l.places[text.Channel]
		i, _ := slices.BinarySearchFunc(list, text.Seq, func(a, b flow.Cursor) int { return cmp.Compare(b, a) })
		l.places[text.Channel] = slices.Insert(list, i, text.Seq)
	}
	return nil
}

// in returns the places in a channel.
func (l *longSearch) in(channel int64) []flow.Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.places[channel])
}

// searching returns a search of a session. One that an earlier owner of the store has run
// is done again.
func (e *Engine) searching(ctx context.Context, call flow.Call, id flow.SearchID) (*longSearch, *who, error) {
	s, self, err := e.self(ctx, call)
	if err != nil {
		return nil, nil, err
	}
	for {
		if one := s.running(id); one != nil {
			return one, self, nil
		}
		if err := e.searchAgain(ctx, s, self, id); err != nil {
			return nil, nil, err
		}
	}
}

// running returns a search of a session, or nil.
func (s *session) running(id flow.SearchID) *longSearch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.searches[id]
}

// searchAgain begins the search that a row describes, unless the row changes meanwhile.
func (e *Engine) searchAgain(ctx context.Context, s *session, self *who, id flow.SearchID) error {
	key := db.SearchByIDParams{Member: s.key.member, Session: s.key.id, ID: id}
	row, err := e.store.read.SearchByID(ctx, key)
	if errors.Is(err, sql.ErrNoRows) {
		return flow.Errorf(flow.NotFound, "this session has no search %q; start it with StartSearch", clip(string(id)))
	}
	if err != nil {
		return e.store.explain(err)
	}
	prepared, err := e.store.prepare(ctx, self, row.Url, row.Upto)
	if err != nil {
		return err
	}
	err = e.store.change(ctx, func(t *tx) error {
		now, err := t.SearchByID(t.ctx, key)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil && now == row {
			t.searches = append(t.searches, searchChange{on: s, id: id, begins: prepared, again: true})
		}
		return err
	})
	return cmp.Or(err, s.why())
}

// PollSearch implements [flow.Engine].
func (e *Engine) PollSearch(ctx context.Context, call flow.Call, in flow.PollSearchInput) (flow.SearchProgress, error) {
	progress := flow.SearchProgress{Results: []flow.SearchCount{}}
	one, self, err := e.searching(ctx, call, in.ID)
	if err != nil {
		return progress, err
	}
	type found struct {
		channel int64
		newest  flow.Cursor
		count   int
	}
	var channels []found
	one.mu.Lock()
	progress.Done, progress.More, err = one.done, one.more, one.err
	for channel, places := range one.places {
		channels = append(channels, found{channel, places[0], len(places)})
	}
	one.mu.Unlock()
	if err != nil {
		return progress, e.store.explain(err)
	}
	slices.SortFunc(channels, func(a, b found) int { return cmp.Compare(b.newest, a.newest) })
	for _, c := range channels {
		if allow("PollSearch", "channel", e.store.hub.stateIn(self.view, c.channel)) != nil {
			continue
		}
		row, err := e.store.read.ChannelByID(ctx, c.channel)
		if err != nil {
			return progress, e.store.explain(err)
		}
		progress.Results = append(progress.Results, flow.SearchCount{OrgID: row.OrgPublic, ChannelID: row.Public, Count: c.count})
	}
	return progress, nil
}

// SearchMessageResults implements [flow.Engine].
func (e *Engine) SearchMessageResults(ctx context.Context, call flow.Call, in flow.SearchMessageResultsInput) ([]flow.Message, error) {
	one, self, err := e.searching(ctx, call, in.ID)
	if err != nil {
		return nil, err
	}
	ch, err := channelFor(ctx, e.store.read, self, "SearchMessageResults", in.ChannelID, in.OrgID)
	if err != nil {
		return nil, e.store.explain(err)
	}
	switch {
	case in.Start < 0 || in.Stop < in.Start:
		return nil, flow.Errorf(flow.Invalid, "Start must be at least 0, and Stop, the index after the last hit, not before it")
	case in.Stop-in.Start > flow.MaxSearchPage:
		return nil, flow.Errorf(flow.Invalid, "from Start to Stop there are %d hits and %d are allowed; read them in parts", in.Stop-in.Start, flow.MaxSearchPage)
	}
	var texts []db.TextsRow
	places := one.in(ch.ID)
	for _, seq := range places[min(in.Start, len(places)):min(in.Stop, len(places))] {
		texts = append(texts, db.TextsRow{Seq: seq})
	}
	var list hits
	if _, err := list.read(ctx, e.store.read, self.account, texts); err != nil {
		return nil, e.store.explain(err)
	}
	found, cut := list.oldestFirst()
	flow.NoteMissing(ctx, flow.Missing{Older: cut})
	messages := make([]flow.Message, 0, len(found))
	for _, hit := range slices.Backward(found) {
		messages = append(messages, hit.Data)
	}
	return messages, nil
}

// SearchMessageContext implements [flow.Engine].
func (e *Engine) SearchMessageContext(ctx context.Context, call flow.Call, in flow.SearchMessageContextInput) ([]flow.Message, error) {
	one, self, err := e.searching(ctx, call, in.ID)
	if err != nil {
		return nil, err
	}
	ch, err := channelFor(ctx, e.store.read, self, "SearchMessageContext", in.ChannelID, "")
	if err != nil {
		return nil, e.store.explain(err)
	}
	if min(in.Before, in.After) < 0 || max(in.Before, in.After) > flow.MaxSearchPage {
		return nil, flow.Errorf(flow.Invalid, "Before and After must be between 0 and %d", flow.MaxSearchPage)
	}
	hit, err := messageIn(ctx, e.store.read, ch.ID, in.MessageID)
	switch {
	case err != nil:
		return nil, e.store.explain(err)
	case !slices.Contains(one.in(ch.ID), hit.Seq):
		return nil, flow.Errorf(flow.NotFound, "the message %q is no hit of this search", in.MessageID)
	case hit.Deleted != 0:
		return nil, flow.Errorf(flow.NotFound, "the message %q was deleted", in.MessageID)
	}
	list, err := around(ctx, e.store.read, ch.ID, hit.Seq, in)
	for i := range list {
		list[i].OrgID, list[i].ChannelID = ch.OrgPublic, in.ChannelID
	}
	return list, e.store.explain(err)
}

// around reads the messages before and after a place in a channel, and the one there.
// When they are too long for one answer, the farthest on either side are left out.
func around(ctx context.Context, q *db.Queries, channel int64, seq flow.Cursor, in flow.SearchMessageContextInput) ([]flow.Message, error) {
	before, err := q.NewestMessages(ctx, db.NewestMessagesParams{Channel: channel, Before: seq, Most: int64(in.Before)})
	if err != nil {
		return nil, err
	}
	rest, err := q.OldestMessages(ctx, db.OldestMessagesParams{Channel: channel, After: seq - 1, Before: math.MaxInt64, Most: int64(in.After) + 1})
	if err != nil || len(rest) == 0 { // the message was deleted meanwhile
		return []flow.Message{}, err
	}
	after := make([]db.NewestMessagesRow, len(rest))
	for i, row := range rest {
		after[i] = db.NewestMessagesRow(row)
	}
	older, newer := nearest(before, after)
	flow.NoteMissing(ctx, flow.Missing{Older: older < len(before), Newer: newer < len(after)})
	before = before[:older]
	slices.Reverse(before)
	return messagesOf(append(before, after[:newer]...)), nil
}

// nearest says how many rows before and after a place fit into one answer. The first one
// after it is the one there, which always does.
func nearest(before, after []db.NewestMessagesRow) (older, newer int) {
	size := 0
	take := func(rows []db.NewestMessagesRow, taken *int) {
		if size <= maxPageBytes && *taken < len(rows) {
			size += rowSize(rows[*taken])
			*taken++
		}
	}
	for size <= maxPageBytes && older+newer < len(before)+len(after) {
		take(after, &newer)
		take(before, &older)
	}
	return older, newer
}

// DestroySearch implements [flow.Engine].
func (e *Engine) DestroySearch(ctx context.Context, call flow.Call, in flow.DestroySearchInput) (flow.Nothing, error) {
	s, _, err := e.self(ctx, call)
	if err != nil {
		return flow.Nothing{}, err
	}
	return flow.Nothing{}, e.store.change(ctx, func(t *tx) error {
		t.searches = append(t.searches, searchChange{on: s, id: in.ID})
		return t.DropSearch(t.ctx, db.DropSearchParams{Member: s.key.member, Session: s.key.id, ID: in.ID})
	})
}
