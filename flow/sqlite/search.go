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
// the way back; one that begins inside a word is looked for in the newest messages only,
// and in more of them when nothing else was found.
const (
	maxSearch     = 1000   // characters of a text to look for
	nearScan      = 500    // messages
	farScan       = 50_000 // messages
	maxCandidates = 20_000
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
	s := &search{store: e.store, account: self.account, query: newQuery(in.Search), before: e.store.hub.end() + 1}
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

	channel  int64   // 0 for all
	team     int64   // 0 for all
	channels []int64 // those that it looks into

	before flow.Cursor // all from here on has been looked at
	looked int         // at so many messages
	found  []db.SearchRowsRow
	size   int // of the texts that were found
}

// restrict finds out where the account may look.
func (s *search) restrict(ctx context.Context, self *who, in flow.SearchInput) (err error) {
	read := s.store.read
	if in.ChannelID != "" {
		ch, err := channelFor(ctx, read, self, "Search", in.ChannelID, in.OrgID)
		s.channel, s.channels = ch.ID, []int64{ch.ID}
		return err
	}
	if in.OrgID != "" {
		org, err := orgFor(ctx, read, self, "Search", in.OrgID)
		if err != nil {
			return err
		}
		s.team = org.ID
		s.channels, err = read.ChannelIDsIn(ctx, self.account, org.ID)
		return err
	}
	rows, err := read.ChannelViews(ctx, self.account)
	for _, row := range rows {
		s.channels = append(s.channels, row.Channel)
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
	if s.query.match != "" && !s.full() {
		if err := s.look(ctx); err != nil {
			return err
		}
	}
	if len(s.found) > 0 && s.query.match != "" {
		return nil
	}
	return s.scan(ctx, func() bool { return s.looked >= farScan })
}

// full reports whether there are as many hits as are returned.
func (s *search) full() bool { return len(s.found) >= flow.MaxHits || s.size > maxPageBytes }

// scan reads texts, newest first, until enough says so.
func (s *search) scan(ctx context.Context, enough func() bool) error {
	for !s.full() && s.before > 1 && !enough() {
		texts, err := s.texts(ctx)
		if err != nil {
			return err
		}
		var places []flow.Cursor
		for _, text := range texts {
			if strings.Contains(fold(text.Body), s.query.folded) {
				places = append(places, text.Seq)
			}
		}
		if err := s.take(ctx, places); err != nil {
			return err
		}
	}
	return nil
}

// texts returns the next ones before the place that was reached, and moves it.
func (s *search) texts(ctx context.Context) ([]db.ScanChannelRow, error) {
	if s.channel != 0 {
		rows, err := s.store.read.ScanChannel(ctx, db.ScanChannelParams{
			Channel: s.channel, Before: s.before, Most: searchChunk,
		})
		s.looked += len(rows)
		if s.before = 1; len(rows) == searchChunk {
			s.before = rows[len(rows)-1].Seq
		}
		return rows, err
	}
	after := max(0, s.before-1-searchChunk)
	rows, err := s.store.read.ScanLog(ctx, db.ScanLogParams{
		Account: s.account, Team: s.team, After: after, Before: s.before, Most: searchChunk,
	})
	s.looked += int(s.before - 1 - after)
	s.before = after + 1
	texts := make([]db.ScanChannelRow, len(rows))
	for i, row := range rows {
		texts[i] = db.ScanChannelRow(row)
	}
	return texts, err
}

// look asks the index for what lies before the place that was reached. Without a working
// index there is still the scan.
func (s *search) look(ctx context.Context) error {
	match, before := s.query.in(s.channels, s.team), s.before
	for tried := 0; tried < maxCandidates && !s.full(); {
		places, err := s.store.search.candidates(ctx, match, before, searchChunk)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			s.store.search.fail(err)
			return nil
		}
		if err := s.take(ctx, places); err != nil {
			return err
		}
		if len(places) < searchChunk {
			return nil
		}
		before = places[len(places)-1]
		tried += len(places)
	}
	return nil
}

// take keeps those messages that hold the text and may be read.
func (s *search) take(ctx context.Context, places []flow.Cursor) error {
	if len(places) == 0 {
		return nil
	}
	list, err := json.Marshal(places)
	if err != nil {
		return err
	}
	rows, err := s.store.read.SearchRows(ctx, string(list), s.account)
	for _, row := range rows {
		if !s.full() && strings.Contains(fold(row.Body), s.query.folded) {
			s.found = append(s.found, row)
			s.size += len(row.Body) + len(row.Other)
		}
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
