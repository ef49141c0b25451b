package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// How far a search looks. The index finds a text that begins where a word begins, all
// the way back. One that begins inside a word is looked for in the newest messages and,
// when nothing was found, by its other words or in more of the messages.
const (
	maxSearch     = 1000   // characters of a text to look for
	nearScan      = 500    // messages
	farScan       = 20_000 // messages
	maxCandidates = 10_000 // messages of the index that are looked at closer
	searchChunk   = 256
)

// Search implements [flow.Engine].
func (e *Engine) Search(ctx context.Context, call flow.Call, in flow.SearchInput) ([]flow.SearchHit, error) {
	_, self, err := e.self(ctx, call)
	if err != nil {
		return nil, err
	}
	switch {
	case !utf8.ValidString(in.Search):
		return nil, flow.Errorf(flow.Invalid, "Search is not valid UTF-8")
	case strings.TrimSpace(in.Search) == "":
		return nil, flow.Errorf(flow.Invalid, "Search is empty; give the text to look for")
	case utf8.RuneCountInString(in.Search) > maxSearch:
		return nil, flow.Errorf(flow.Invalid, "Search is longer than %d characters", maxSearch)
	}
	s := &search{
		store: e.store, account: self.account, query: newQuery(in.Search),
		channels: map[int64]bool{}, known: map[flow.Cursor]bool{}, before: e.store.hub.end() + 1,
	}
	if err := s.restrict(ctx, self, in); err != nil {
		return nil, e.store.explain(err)
	}
	if err := s.run(ctx); err != nil {
		return nil, e.store.explain(err)
	}
	return s.hits(), nil
}

// search is one search under way. It goes back in the log from the end.
type search struct {
	store   *store
	account int64
	query   query

	channel  int64          // 0 for all
	team     int64          // 0 for all
	channels map[int64]bool // those that it looks into

	before flow.Cursor          // all from here on has been looked at
	looked int                  // at so many messages
	known  map[flow.Cursor]bool // what was found
	found  []db.SearchRowsRow
	size   int // of the texts that were found
}

// restrict finds out where the account may look.
func (s *search) restrict(ctx context.Context, self *who, in flow.SearchInput) (err error) {
	read := s.store.read
	if in.ChannelID != "" {
		ch, err := channelFor(ctx, read, self, "Search", in.ChannelID, in.OrgID)
		s.channel, s.channels[ch.ID] = ch.ID, true
		return err
	}
	if in.OrgID != "" {
		org, err := orgFor(ctx, read, self, "Search", in.OrgID)
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
	rows, err := read.ChannelViews(ctx, self.account)
	for _, row := range rows {
		s.channels[row.Channel] = true
	}
	return err
}

// run looks at what is not indexed yet, then into the index.
func (s *search) run(ctx context.Context) error {
	if len(s.channels) == 0 {
		return nil
	}
	near := nearScan
	if !s.query.inner {
		near = 0
	}
	indexed := flow.Cursor(s.store.search.indexed.Load())
	if err := s.scan(ctx, func() bool {
		return s.looked >= near && s.before <= indexed+1 || s.looked >= farScan
	}); err != nil {
		return err
	}
	for _, selection := range []string{s.query.words, s.query.prefix, s.query.rest} {
		if selection == "" || s.full() || selection == s.query.rest && len(s.found) > 0 {
			continue
		}
		if err := s.look(ctx, in(selection, s.channels, s.team)); err != nil {
			return err
		}
	}
	if len(s.found) > 0 || s.query.rest != "" {
		return nil
	}
	return s.scan(ctx, func() bool { return s.looked >= farScan })
}

// full reports whether there are as many hits as are returned.
func (s *search) full() bool { return len(s.known) >= flow.MaxHits || s.size > maxPageBytes }

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
	after := max(0, s.before-1-searchChunk)
	rows, err := s.store.read.ScanLog(ctx, after, s.before)
	s.looked += int(s.before - 1 - after)
	s.before = after + 1
	for _, row := range rows {
		texts = append(texts, db.TextsRow(row))
	}
	return texts, err
}

// look asks the index for what lies before the place that was reached. Without a working
// index there is still the scan.
func (s *search) look(ctx context.Context, match string) error {
	tried := 0
	var failed error // of main.db, as opposed to the index
	err := s.store.search.candidates(ctx, match, s.before, func(places []flow.Cursor) (more bool) {
		var texts []db.TextsRow
		if texts, failed = s.at(ctx, places); failed == nil {
			failed = s.take(ctx, texts)
		}
		tried += len(places)
		return failed == nil && tried < maxCandidates && !s.full()
	})
	if err != nil && ctx.Err() == nil {
		s.store.search.fail(err)
		err = nil
	}
	return cmp.Or(failed, err)
}

// at returns the texts at some places.
func (s *search) at(ctx context.Context, places []flow.Cursor) ([]db.TextsRow, error) {
	list, err := json.Marshal(places)
	if err != nil {
		return nil, err
	}
	return s.store.read.Texts(ctx, string(list))
}

// take keeps those texts, newest first, that hold what is looked for and may be read.
func (s *search) take(ctx context.Context, texts []db.TextsRow) error {
	var places []flow.Cursor
	for _, text := range texts {
		if s.full() || !s.channels[text.Channel] || s.known[text.Seq] || !s.query.isIn(text.Body) {
			continue
		}
		s.known[text.Seq] = true
		places = append(places, text.Seq)
	}
	if len(places) == 0 {
		return nil
	}
	list, err := json.Marshal(places)
	if err != nil {
		return err
	}
	rows, err := s.store.read.SearchRows(ctx, string(list), s.account)
	s.found = append(s.found, rows...)
	for _, row := range rows {
		s.size += len(row.Body) + len(row.Other)
	}
	return err
}

// hits returns what was found, oldest first.
func (s *search) hits() []flow.SearchHit {
	slices.SortFunc(s.found, func(a, b db.SearchRowsRow) int { return cmp.Compare(a.Seq, b.Seq) })
	list := make([]flow.SearchHit, len(s.found))
	for i, row := range s.found {
		list[i] = flow.SearchHit{Type: string(flow.MessageEvent.Type()), Data: messageOf(db.MessagesBetweenRow(row))}
	}
	return list
}
