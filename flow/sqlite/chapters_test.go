package sqlite

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// pieces returns how many chapters of an index are not in one piece, but for the newest.
func pieces(t testing.TB, s *store) int {
	t.Helper()
	list, err := column[int64](t.Context(), s.search.file, inPieces, s.search.newest())
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// sealed waits until the index has sealed all chapters that are complete.
func sealed(t testing.TB, s *store) {
	t.Helper()
	eventually(t, "complete chapters are sealed", func() bool {
		x := s.search
		return x.span.first(x.sealed.Load()+1) > x.indexed.Load()+1
	})
}

// TestChaptersAreEmptied: of a chapter whose messages are all deleted nothing is left, and
// the others go on to be found, also by the next owner of the store.
func TestChaptersAreEmptied(t *testing.T) {
	const span = 50
	dir := t.TempDir()
	s, err := openStore(t.Context(), dir, Options{chapter: span})
	if err != nil {
		t.Fatal(err)
	}
	ana := start(t, s, "one", "ana")
	ana.sendMany(t, 4*span, "the end")
	ana.send(t, "needle")
	indexed(t, s)
	eventually(t, "complete chapters are in one piece", func() bool { return pieces(t, s) == 0 })
	before := *s.search.chapters.Load()
	ana.keeps(t, 0, span)
	eventually(t, "old messages are deleted", func() bool { return count(t, s, "message WHERE deleted = 0") == span })
	eventually(t, "and forgotten", func() bool { return count(t, s, "message WHERE deleted = 2") == 0 })
	after := *s.search.chapters.Load()
	if len(before) < 5 || !slices.Equal(after, before[len(before)-2:]) && !slices.Equal(after, before[len(before)-1:]) {
		t.Errorf("of the chapters %v there are %v left", before, after)
	}
	if err := s.close(context.Background()); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, dir, Options{chapter: span})
	for _, tables := range []string{"name LIKE 'words%' AND sql LIKE 'CREATE VIRTUAL%'", "name LIKE 'concordance%'"} {
		names, err := column[string](t.Context(), s.search.file, "SELECT name FROM sqlite_schema WHERE "+tables)
		if err != nil || len(names) != len(after) {
			t.Errorf("for the chapters %v there are the tables %v; %v", after, names, err)
		}
	}
	ana = start(t, s, "one", "ana")
	ana.send(t, "one more")
	indexed(t, s)
	for _, text := range []string{"needle", "one more"} {
		if got := ana.find(t, text); len(got) != 1 {
			t.Errorf("%q is found as %q", text, got)
		}
	}
}

// TestSearchGoesThroughChapters: it finds the newest hits of all chapters, whichever of the
// words is rare or common.
func TestSearchGoesThroughChapters(t *testing.T) {
	s := openWith(t, t.TempDir(), Options{chapter: 200})
	ana := start(t, s, "one", "ana")
	var rare, long []string
	for i := range 1000 {
		switch text := fmt.Sprint("common number ", i); {
		case i%100 == 7:
			rare = append(rare, "common rarity")
			ana.send(t, rare[0])
		case i%100 == 8:
			long = append(long, "commonest rarity")
			ana.send(t, long[0])
		default:
			ana.send(t, text)
		}
	}
	for range nearScan {
		ana.send(t, "-")
	}
	indexed(t, s)
	sealed(t, s)
	if got := len(*s.search.chapters.Load()); got < 5 {
		t.Fatalf("there are %d chapters", got)
	}
	want := []string{}
	for range rare {
		want = append(want, rare[0], long[0])
	}
	for _, text := range []string{"rarity", "rarit"} {
		if diff := cmp.Diff(want, ana.find(t, text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if diff := cmp.Diff(rare, ana.find(t, "common rarit")); diff != "" {
		t.Errorf("a rare word after a common one (-want +got):\n%s", diff)
	}
	for search, want := range map[string][]string{
		"rarity common": {rare[0], long[0]},
		"rarity comm":   {rare[0], long[0]},
		"common":        {"common number 998", "common number 999"},
		"common number": {"common number 998", "common number 999"},
		"comm numb 7":   {"common number 798", "common number 799"},
	} {
		if diff := cmp.Diff(want, ana.words(t, search, 2)); diff != "" {
			t.Errorf("the newest of %q (-want +got):\n%s", search, diff)
		}
	}
	if got := ana.find(t, "common num"); len(got) != flow.MaxHits || got[flow.MaxHits-1] != "common number 999" {
		t.Errorf("common words have %d hits", len(got))
	}
}

// TestSearchForManyWords: of more words than are named to the index, and of any before
// and after that, what begins so is found, with other words and alone.
func TestSearchForManyWords(t *testing.T) {
	s := openWith(t, t.TempDir(), Options{chapter: 300})
	ana := start(t, s, "one", "ana")
	ana.send(t, "old wide7 needle")
	ana.send(t, "aged wide7 seldom")
	for i := range 500 {
		if i%5 == 0 {
			ana.send(t, "seldom so")
		}
		ana.send(t, fmt.Sprintf("wide%d wide%d common", 2*i, 2*i+1))
	}
	ana.send(t, "wide itself, common")
	for range nearScan {
		ana.send(t, "-")
	}
	indexed(t, s)
	for search, want := range map[string][]string{
		"wid needle":       {"old wide7 needle"},
		"need wide":        {"old wide7 needle"},
		`"old wid"`:        {"old wide7 needle"},
		`"old wid" needle`: {"old wide7 needle"},
		"wide common":      {"wide998 wide999 common", "wide itself, common"},
		"common w":         {"wide998 wide999 common", "wide itself, common"},
		"wide1 wide10":     {"wide106 wide107 common", "wide108 wide109 common"},
		"wide1 needle":     {},
		"wid seldom":       {"aged wide7 seldom"},
		"wid needless":     {},
	} {
		if diff := cmp.Diff(want, ana.words(t, search, 2)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", search, diff)
		}
	}
	// Alone the text itself comes first, then what begins so.
	if got := ana.find(t, "wide"); len(got) != flow.MaxHits || got[len(got)-1] != "wide itself, common" || got[0] != "wide602 wide603 common" {
		t.Errorf("of the wide word there are %d, from %q to %q", len(got), got[0], got[len(got)-1])
	}
}

// floods sends the same text many times.
func (u user) floods(t testing.TB, n int, text string) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range 50 {
		wg.Go(func() {
			for range n/50 + min(1, max(0, n%50-w)) {
				if _, err := u.post(t.Context(), text); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestSearchFindsWordsThatAvoidEachOther: a common word that seldom stands with the other
// one hides no hits behind those where the other stands alone.
func TestSearchFindsWordsThatAvoidEachOther(t *testing.T) {
	for _, chapter := range []span{0, 900} { // of which none has more than are looked at
		t.Run(fmt.Sprint("chapter=", chapter), func(t *testing.T) { testWordsThatAvoidEachOther(t, chapter) })
	}
}

func testWordsThatAvoidEachOther(t *testing.T, chapter span) {
	s := openWith(t, t.TempDir(), Options{chapter: chapter})
	ana := start(t, s, "one", "ana")
	ana.floods(t, 30, "alphabetic betatron")
	ana.floods(t, shortReach.candidates+likelySoon, "betaxy")
	ana.floods(t, 2*searchChunk, "alpha")
	indexed(t, s)
	sealed(t, s)
	for _, search := range []string{"alpha beta", "beta alpha", "alphab betat", "alphabetic betatron"} {
		hits, err := ana.Search(t.Context(), ana.call, flow.SearchInput{Search: search, Words: true, Limit: 20})
		if err != nil || len(hits) != 20 {
			t.Errorf("%q finds %d messages, %v", search, len(hits), err)
		}
	}
}

// TestSearchFindsTheNewestFirst: whole words are not put before newer ones that only begin
// so.
func TestSearchFindsTheNewestFirst(t *testing.T) {
	for name, after := range map[string]int{"not indexed": 0, "scanned": 100, "from the index": 2 * searchChunk} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			ana := start(t, s, "one", "ana")
			ana.floods(t, 2*fewPlaces, "deploy")
			ana.floods(t, 15*fewPlaces, "-")
			ana.send(t, "deployed again")
			ana.floods(t, after, "-")
			if name != "not indexed" {
				indexed(t, s)
			}
			for _, limit := range []int{1, 20} {
				hits, err := ana.Search(t.Context(), ana.call, flow.SearchInput{Search: "deploy", Words: true, Limit: limit})
				if err != nil || len(hits) != limit || hits[limit-1].Data.Text != "deployed again" {
					t.Errorf("the newest %d are %d and do not end with the newest; %v", limit, len(hits), err)
				}
			}
		})
	}
}
