package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

const (
	maxSearch   = 1000 // characters of a text to look for
	maxWords    = 32   // of it that are looked for one by one
	searchChunk = 256
)

// reach is how far a search looks. The index finds a text that begins where a word
// begins, all the way back. One that begins inside a word is looked for in the newest
// messages and, when nothing was found, by its other words or in more of the messages.
type reach struct {
	hits       int
	near, far  int // messages
	candidates int // messages of the index that are looked at closer
}

// shortReach is that of Search, which somebody waits for.
var shortReach = reach{hits: flow.MaxHits, near: nearScan, far: 20_000, candidates: 10_000}

const nearScan = 500

// Search implements [flow.Engine].
func (e *Engine) Search(ctx context.Context, call flow.Call, in flow.SearchInput) ([]flow.SearchHit, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	if in.Limit < 0 || in.Limit > flow.MaxHits {
		return nil, flow.Errorf(flow.Invalid, "Limit must be between 1 and %d", flow.MaxHits)
	}
	reach := shortReach
	reach.hits = cmp.Or(in.Limit, flow.MaxHits)
	s, err := e.store.newSearch(self.account, in, reach)
	if err != nil {
		return nil, err
	}
	if err := s.restrict(ctx, self, "Search", in); err != nil {
		return nil, e.store.explain(err)
	}
	var list hits
	s.keep = func(ctx context.Context, found []db.TextsRow) (err error) {
		s.size, err = list.read(ctx, e.store.read, self.account, found)
		return err
	}
	if err := s.run(ctx); err != nil {
		return nil, e.store.explain(err)
	}
	missing := s.missing()
	hits, cut := list.oldestFirst()
	missing.Older = missing.Older || cut
	flow.NoteMissing(ctx, missing)
	return hits, nil
}

// search is one search under way. It goes back in the log from the end.
type search struct {
	store   *store
	account int64
	query   query
	reach   reach
	keep    func(context.Context, []db.TextsRow) error // takes what was found

	channel  int64          // 0 for all
	team     int64          // 0 for all
	channels map[int64]bool // those that it looks into

	before  flow.Cursor          // all from here on has been looked at
	looked  int                  // at so many messages
	indexed flow.Cursor          // up to where the index went when the search began
	known   map[flow.Cursor]bool // what was found
	size    int                  // of what is kept, in bytes
	cut     bool                 // there were more candidates than it may look at
	failed  bool                 // the index has
}

// newSearch prepares a search. It checks the text.
func (s *store) newSearch(account int64, in flow.SearchInput, r reach) (*search, error) {
	switch text := in.Search; {
	case !utf8.ValidString(text):
		return nil, flow.Errorf(flow.Invalid, "the text to search for is not valid UTF-8")
	case utf8.RuneCountInString(text) > maxSearch:
		return nil, flow.Errorf(flow.Invalid, "the text to search for is longer than %d characters", maxSearch)
	}
	q := newQuery(in.Search, in.Words)
	switch {
	case q.size() > maxWords:
		return nil, flow.Errorf(flow.Invalid, "the text to search for has %d words and %d are allowed; give the rarest ones", q.size(), maxWords)
	case q.size() > 0:
	case in.Words:
		return nil, flow.Errorf(flow.Invalid, "the text to search for has no words; give some that messages are to hold")
	default:
		return nil, flow.Errorf(flow.Invalid, "the text to search for is empty; give what messages are to hold")
	}
	return &search{
		store: s, account: account, query: q, reach: r,
		channels: map[int64]bool{}, known: map[flow.Cursor]bool{}, before: s.hub.end() + 1,
	}, nil
}

// restrict finds out where the account may look.
func (s *search) restrict(ctx context.Context, self *who, method string, in flow.SearchInput) (err error) {
	read := s.store.read
	if in.ChannelID != "" {
		ch, err := channelFor(ctx, read, self, method, in.ChannelID, in.OrgID)
		s.channel, s.channels[ch.ID] = ch.ID, true
		return err
	}
	if in.OrgID != "" {
		org, err := orgFor(ctx, read, self, method, in.OrgID)
		if err != nil {
			return err
		}
		s.team = org.ID
		ids, err := read.ChannelIDsIn(ctx, self.account, org.ID)
		for _, id := range ids {
			s.channels[id] = true
		}
		return err
	}
	for _, id := range s.store.hub.channelsOf(self.view) {
		s.channels[id] = true
	}
	return nil
}

// run looks at what is not indexed yet, then into the index.
func (s *search) run(ctx context.Context) error {
	if len(s.channels) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	near := 0
	if s.query.inner {
		near = s.reach.near
	}
	s.indexed = flow.Cursor(s.store.search.indexed.Load())
	if err := s.scan(ctx, func() bool {
		return s.looked >= near && s.before <= s.indexed+1 || s.looked >= s.reach.far
	}); err != nil {
		return err
	}
	if err := s.look(ctx, s.query.asked); err != nil {
		return err
	}
	if len(s.known) > 0 || !s.query.inner && !s.unasked() {
		return nil
	}
	if len(s.query.rest) > 0 && !s.failed {
		if err := s.look(ctx, s.query.rest); err != nil || !s.failed {
			return err
		}
	}
	return s.scan(ctx, func() bool { return s.looked >= s.reach.far })
}

// unasked reports whether the index was of no use: there was nothing to ask it for, or it
// has failed.
func (s *search) unasked() bool { return len(s.query.asked) == 0 || s.failed }

// full reports whether there are as many hits as are returned.
func (s *search) full() bool { return len(s.known) >= s.reach.hits || s.size > maxPageBytes }

// more reports whether there may be hits that were not looked for.
func (s *search) more() bool {
	missing := s.missing()
	return missing.Older || missing.WordsOnly || missing.Unindexed > 0
}

// missing says what the search has not looked at. All that is before the place where the
// scan ended was looked at in the index only, as far as that goes.
func (s *search) missing() flow.Missing {
	var m flow.Missing
	rest := s.before > 1 && len(s.channels) > 0
	m.Older = s.full() || s.cut || rest && s.unasked()
	m.WordsOnly = rest && !m.Older && s.query.inner
	if rest && !s.full() {
		m.Unindexed = int(max(0, s.before-1-s.indexed))
	}
	return m
}

// scan reads texts, newest first, until enough says so.
func (s *search) scan(ctx context.Context, enough func() bool) error {
	for !s.full() && s.before > 1 && !enough() {
		texts, err := s.texts(ctx)
		if err != nil {
			return err
		}
		if err := s.take(ctx, texts); err != nil {
			return err
		}
	}
	return nil
}

// texts returns the next ones before the place that was reached, and moves it.
func (s *search) texts(ctx context.Context) ([]db.TextsRow, error) {
	var texts []db.TextsRow
	if s.channel != 0 {
		rows, err := s.store.read.ScanChannel(ctx, db.ScanChannelParams{
			Channel: s.channel, Before: s.before, Most: searchChunk,
		})
		s.looked += len(rows)
		if s.before = 1; len(rows) == searchChunk {
			s.before = rows[len(rows)-1].Seq
		}
		for _, row := range rows {
			texts = append(texts, db.TextsRow(row))
		}
		return texts, err
	}
	after, before := max(0, s.before-1-searchChunk), s.before
	s.looked += int(before - 1 - after)
	s.before = after + 1
	if texts, ok := s.store.hub.texts(after, before); ok {
		return texts, nil
	}
	rows, err := s.store.read.ScanLog(ctx, after, before)
	for _, row := range rows {
		texts = append(texts, db.TextsRow(row))
	}
	return texts, err
}

// look asks the index for what lies before the place that was reached. Without a working
// index there is still the scan.
func (s *search) look(ctx context.Context, selection selection) error {
	if len(selection) == 0 || s.full() {
		return nil
	}
	q := inquiry{
		searcher: s.store.search, indexed: s.indexed, before: s.before,
		selection: selection, scope: within(s.channels, s.team),
		chunk: min(s.reach.hits-len(s.known), searchChunk),
	}
	tried := 0
	var failed error // of main.db, as opposed to the index
	q.take = func(places []flow.Cursor) (more bool) {
		tried += len(places)
		var texts []db.TextsRow
		if texts, failed = s.at(ctx, places); failed == nil {
			failed = s.take(ctx, texts)
		}
		enough := tried >= s.reach.candidates
		s.cut = s.cut || enough
		return failed == nil && !enough && !s.full()
	}
	err := q.run(ctx)
	if err != nil && ctx.Err() == nil {
		s.store.search.fail(ctx, err)
		s.failed, err = true, nil
	}
	return cmp.Or(failed, err)
}

// at returns the texts at those of some places where nothing was found yet.
func (s *search) at(ctx context.Context, places []flow.Cursor) ([]db.TextsRow, error) {
	places = slices.DeleteFunc(places, func(seq flow.Cursor) bool { return s.known[seq] })
	if len(places) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(places)
	if err != nil {
		return nil, err
	}
	return s.store.read.Texts(ctx, string(list))
}

// take keeps those texts, newest first, that hold what is looked for.
func (s *search) take(ctx context.Context, texts []db.TextsRow) error {
	var found []db.TextsRow
	for _, text := range texts {
		if s.full() || !s.channels[text.Channel] || s.known[text.Seq] || !s.query.isIn(text.Body, text.Attachments) {
			continue
		}
		s.known[text.Seq] = true
		found = append(found, text)
	}
	if len(found) == 0 {
		return nil
	}
	return s.keep(ctx, found)
}

// hits are messages that were found.
type hits struct {
	rows []db.SearchRowsRow
	size int // in bytes
}

// read adds those of some messages that an account may read, and returns the size of all.
func (h *hits) read(ctx context.Context, q *db.Queries, account int64, found []db.TextsRow) (int, error) {
	places := make([]flow.Cursor, len(found))
	for i, text := range found {
		places[i] = text.Seq
	}
	list, err := json.Marshal(places)
	if err != nil {
		return h.size, err
	}
	rows, err := q.SearchRows(ctx, string(list), account)
	h.rows = append(h.rows, rows...)
	for _, row := range rows {
		h.size += messageSize(row.Body, row.Other, row.Attachments)
	}
	return h.size, err
}

// oldestFirst returns the hits, or the newest of them when one answer does not hold them.
func (h *hits) oldestFirst() (list []flow.SearchHit, cut bool) {
	slices.SortFunc(h.rows, func(a, b db.SearchRowsRow) int { return cmp.Compare(a.Seq, b.Seq) })
	rows, size := h.rows, 0
	for i, row := range slices.Backward(h.rows) {
		if size > maxPageBytes {
			rows, cut = h.rows[i+1:], true
			break
		}
		size += messageSize(row.Body, row.Other, row.Attachments)
	}
	list = make([]flow.SearchHit, len(rows))
	for i, row := range rows {
		list[i] = flow.SearchHit{Type: string(flow.MessageEvent.Type()), Data: messageOf(db.MessagesBetweenRow(row))}
	}
	return list, cut
}
