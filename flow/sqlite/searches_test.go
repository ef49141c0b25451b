package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
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
			if _, err := ana.PollSearch(t.Context(), ana.call, flow.PollSearchInput{ID: "s"}); !errors.Is(err, flow.NotFound) && !errors.Is(err, flow.UnknownSession) {
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
			s.follow(searchChange{on: session, id: "s", begins: prepared})
			got := ana.polls(t, "s")
			if len(got.Results) != 1 || got.Results[0].Count != c.want || got.More != c.more {
				t.Errorf("found %+v, want %d, more: %t", got, c.want, c.more)
			}
		})
	}
}

// TestSearchesAreTheirRows starts, reads and ends a search under one id from many sides,
// some of which do not wait for the answer: what runs at last is what the row says.
func TestSearchesAreTheirRows(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	hits := map[string]int{"q=alpha": 1, "q=beta": 2, "q=gamma": 3}
	for link, n := range hits {
		for range n {
			ana.send(t, link[2:])
		}
	}
	indexed(t, s)
	session, _, err := ana.self(t.Context(), ana.call)
	if err != nil {
		t.Fatal(err)
	}
	left := map[bool]int{}
	for round := range 40 {
		ana.searchAtOnce(t, round%2 == 0)
		if err := s.change(t.Context(), func(*tx) error { return nil }); err != nil { // behind all that nobody waits for
			t.Fatal(err)
		}
		row, err := s.read.SearchByID(t.Context(), db.SearchByIDParams{Member: "one", Session: ana.call.Session, ID: "s"})
		there := err == nil
		left[there]++
		if runs := session.running("s") != nil; runs != there {
			t.Fatalf("a search is in memory: %v, and there is a row: %v", runs, there)
		}
		if !there {
			continue
		}
		if got := ana.polls(t, "s"); len(got.Results) != 1 || got.Results[0].Count != hits[row.Url] {
			t.Fatalf("the row says %s and the search has found %+v", row.Url, got.Results)
		}
	}
	if left[true] == 0 || left[false] == 0 {
		t.Errorf("a search was left in %d rounds and none in %d", left[true], left[false])
	}
}

// TestNothingRunsOn keeps all turns, so that a search that was begun would run for ever.
func TestNothingRunsOn(t *testing.T) {
	s := open(t, t.TempDir())
	for range searchesAtOnce {
		s.background.turns <- struct{}{}
	}
	ana := start(t, s, "one", "ana")
	for range 20 {
		ana.searchAtOnce(t, true)
		if _, err := ana.DestroySearch(t.Context(), ana.call, flow.DestroySearchInput{ID: "s"}); err != nil {
			t.Fatal(err)
		}
		s.background.running.Wait()
	}
}

// searchAtOnce starts searches under one id, polls and perhaps destroys them, all at one
// time. Some calls are given up.
func (u user) searchAtOnce(t *testing.T, destroy bool) {
	t.Helper()
	var all sync.WaitGroup
	do := func(call func(context.Context) error) {
		for _, patient := range []bool{true, false} {
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if !patient {
					all.Go(cancel)
				}
				err := call(ctx)
				if err != nil && patient && !errors.Is(err, flow.NotFound) {
					t.Error(err)
				}
			})
		}
	}
	for _, link := range []string{"q=alpha", "q=beta", "q=gamma"} {
		do(func(ctx context.Context) error {
			_, err := u.StartSearch(ctx, u.call, flow.StartSearchInput{ID: "s", URL: link})
			return err
		})
		do(func(ctx context.Context) error {
			_, err := u.PollSearch(ctx, u.call, flow.PollSearchInput{ID: "s"})
			return err
		})
		if destroy {
			do(func(ctx context.Context) error {
				_, err := u.DestroySearch(ctx, u.call, flow.DestroySearchInput{ID: "s"})
				return err
			})
		}
	}
	all.Wait()
}

// TestSearchIsRepeatedOnce: of those who ask at the next owner one begins the search again,
// unless it is destroyed meanwhile.
func TestSearchIsRepeatedOnce(t *testing.T) {
	s := open(t, t.TempDir())
	for range searchesAtOnce {
		s.background.turns <- struct{}{}
	}
	ana := start(t, s, "one", "ana")
	session, self, err := ana.self(t.Context(), ana.call)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := ana.StartSearch(t.Context(), ana.call, flow.StartSearchInput{ID: "s", URL: "q=x"}); err != nil {
			t.Fatal(err)
		}
		session.mu.Lock() // as if the store had got another owner
		session.searches["s"].stop()
		clear(session.searches)
		session.mu.Unlock()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := ana.searchAgain(t.Context(), session, self, "s"); err != nil && !errors.Is(err, flow.NotFound) {
					t.Error(err)
				}
			})
		}
		all.Go(func() {
			if _, err := ana.DestroySearch(t.Context(), ana.call, flow.DestroySearchInput{ID: "s"}); err != nil {
				t.Error(err)
			}
		})
		all.Wait()
		s.background.running.Wait()
		if session.running("s") != nil {
			t.Fatal("a search that was destroyed is in memory")
		}
	}
}
