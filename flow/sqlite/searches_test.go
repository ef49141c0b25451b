package sqlite

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

func (u user) polls(t testing.TB, id flow.SearchID) flow.SearchProgress {
	t.Helper()
	var progress flow.SearchProgress
	eventually(t, "the search is done", func() bool {
		var err error
		if progress, err = u.PollSearch(t.Context(), u.call, flow.PollSearchInput{ID: id}); err != nil {
			t.Fatal(err)
		}
		return progress.Done
	})
	return progress
}

func TestSearchGoesOnAtTheNextOwner(t *testing.T) {
	dir := t.TempDir()
	first, err := openStore(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana := start(t, first, "one", "ana")
	for i := range 5 {
		ana.send(t, fmt.Sprint("needle ", i))
	}
	if _, err := ana.StartSearch(t.Context(), ana.call, flow.StartSearchInput{ID: "s", URL: "q=needle"}); err != nil {
		t.Fatal(err)
	}
	want := ana.polls(t, "s")
	if err := first.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir)
	ana.Engine = second.seat("one")
	ana.send(t, "needle of later")
	if diff := cmp.Diff(want, ana.polls(t, "s")); diff != "" {
		t.Errorf("the search at the next owner (-want +got):\n%s", diff)
	}
	second.leave("one")
	if n := count(t, second, "search"); n != 0 {
		t.Errorf("%d searches of a session that has ended remain", n)
	}
}

func count(t testing.TB, s *store, table string) (n int) {
	t.Helper()
	if err := s.pool.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSearchesAreCancelled keeps all turns, so that a search cannot begin.
func TestSearchesAreCancelled(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *store, user){
		"destroyed": func(t *testing.T, s *store, u user) {
			if _, err := u.DestroySearch(t.Context(), u.call, flow.DestroySearchInput{ID: "s"}); err != nil {
				t.Fatal(err)
			}
		},
		"its session ended": func(t *testing.T, s *store, u user) { s.leave("one") },
		"replaced": func(t *testing.T, s *store, u user) {
			if _, err := u.StartSearch(t.Context(), u.call, flow.StartSearchInput{ID: "s", URL: "q=else"}); err != nil {
				t.Fatal(err)
			}
			s.leave("one")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			for range searchesAtOnce {
				s.background.turns <- struct{}{}
			}
			ana := start(t, s, "one", "ana")
			if _, err := ana.StartSearch(t.Context(), ana.call, flow.StartSearchInput{ID: "s", URL: "q=x"}); err != nil {
				t.Fatal(err)
			}
			end(t, s, ana)
			s.background.running.Wait()
			if _, err := ana.PollSearch(t.Context(), ana.call, flow.PollSearchInput{ID: "s"}); !errors.Is(err, flow.NotFound) {
				t.Errorf("a search that has ended is polled: %v", err)
			}
		})
	}
}

func TestCloseEndsSearches(t *testing.T) {
	s, err := openStore(t.Context(), t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range searchesAtOnce {
		s.background.turns <- struct{}{}
	}
	ana := start(t, s, "one", "ana")
	if _, err := ana.StartSearch(t.Context(), ana.call, flow.StartSearchInput{ID: "s", URL: "q=x"}); err != nil {
		t.Fatal(err)
	}
	if err := s.close(t.Context()); err != nil { // which waits for them
		t.Fatal(err)
	}
}

func TestSearchesHaveALimit(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	for i := range 5 {
		ana.send(t, fmt.Sprint("word ", i))
	}
	for _, c := range []struct {
		name, text string
		reach      reach
		want       int
		more       bool
	}{
		{"as many hits as are kept", "word", reach{hits: 3, near: 1, far: 1, candidates: 100}, 3, true},
		{"as many candidates as are looked at", "word", reach{hits: 300, candidates: 1}, 5, true}, // which are one chunk
		{"all", "word", reach{hits: 300, near: 1000, far: 1000, candidates: 1000}, 5, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			indexed(t, s)
			prepared, err := s.newSearch(1, flow.SearchInput{Search: c.text}, c.reach)
			if err != nil {
				t.Fatal(err)
			}
			session, self, err := ana.self(t.Context(), ana.call)
			if err != nil {
				t.Fatal(err)
			}
			if err := prepared.restrict(t.Context(), self, "StartSearch", flow.SearchInput{}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.begin(session, "s", prepared, true); err != nil {
				t.Fatal(err)
			}
			got := ana.polls(t, "s")
			if len(got.Results) != 1 || got.Results[0].Count != c.want || got.More != c.more {
				t.Errorf("found %+v, want %d, more: %t", got, c.want, c.more)
			}
		})
	}
}
