package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// places returns where the words of a chapter stand, as its tables have it, by their
// distances from its beginning.
func (x *searcher) places(t *testing.T, chapter int64) map[string][]int64 {
	t.Helper()
	rows, err := x.pool.Query(fmt.Sprintf("SELECT word, coalesce(few.places, many.places, '') FROM concordance_%[1]d AS few LEFT JOIN places_%[1]d AS many USING (entry)", chapter))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	list := map[string][]int64{}
	for rows.Next() {
		var word string
		var packed []byte
		if err := rows.Scan(&word, &packed); err != nil {
			t.Fatal(err)
		}
		list[word] = x.span.unpack(t, packed)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// unpack returns packed places, from the last one on.
func (s span) unpack(t *testing.T, packed []byte) []int64 {
	t.Helper()
	set := make(placeSet, s.setSize())
	if err := set.add(packed, nil); err != nil {
		t.Fatal(err)
	}
	return distances(set)
}

// babbles sends texts of few letters.
func (u user) babbles(t *testing.T, n int) {
	t.Helper()
	b := newBabble()
	for range n {
		u.send(t, b.text())
	}
}

// TestSealing: where the words stand is the same whether they are read at once, or in parts
// since there is no room for all.
func TestSealing(t *testing.T) {
	const chapter = 400
	s := openWith(t, t.TempDir(), Options{chapter: chapter})
	x := s.search
	x.stop() // this test is the indexer
	ana := start(t, s, "one", "ana")
	ana.babbles(t, 3*chapter)
	for more := true; more; {
		var err error
		if more, err = x.add(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	const number = 1
	again := func(memory int) map[string][]int64 {
		t.Helper()
		x.memory, x.said, x.complete = memory, nil, nil
		if _, err := x.file.Exec(fmt.Sprintf(dropWords, number)); err != nil {
			t.Fatal(err)
		}
		x.sealed.Store(number)
		if err := x.seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		return x.places(t, number)
	}
	want := again(maxConcordance)
	if len(want) < 100 || len(want[scopeMark+"o1"]) < chapter/2 {
		t.Fatalf("it has %d words", len(want))
	}
	if diff := cmp.Diff(want, again(4000)); diff != "" {
		t.Errorf("in parts (-whole +parts):\n%s", diff)
	}
	if err := x.rewrite(t.Context(), number); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, x.places(t, number)); diff != "" {
		t.Errorf("written anew in parts (-before +after):\n%s", diff)
	}
}

// TestSealingRemembers what is added while many messages come.
func TestSealingRemembers(t *testing.T) {
	const chapter = 3000 // more than are added at a time
	s := openWith(t, t.TempDir(), Options{chapter: chapter})
	x := s.search
	x.stop() // this test is the indexer
	ana := start(t, s, "one", "ana")
	ana.floods(t, chapter+indexChunk/2, "one two two three")
	for range 2 {
		if _, err := x.add(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c := x.recall(0)
	if c == nil {
		t.Fatal("nothing is remembered of a chapter that was filled from its beginning on")
	}
	read, err := x.concord(t.Context(), 0, "", false)
	if err != nil {
		t.Fatal(err)
	}
	unpack := func(c *concordance) map[string][]int64 {
		list := map[string][]int64{}
		for word, p := range c.words {
			list[word] = x.span.unpack(t, p.pack(x.span))
		}
		return list
	}
	if diff := cmp.Diff(unpack(read), unpack(c)); diff != "" {
		t.Errorf("(-read +remembered):\n%s", diff)
	}
	if x.recall(0) != nil {
		t.Error("it is still remembered, though it is used once")
	}
}

// TestForgottenWordsAreNotRemembered: what is deleted while its chapter is filled does not
// come back when that is sealed.
func TestForgottenWordsAreNotRemembered(t *testing.T) {
	const chapter = 1000
	s := openWith(t, t.TempDir(), Options{chapter: chapter})
	x := s.search
	x.stop() // this test is the indexer
	ana := start(t, s, "one", "ana")
	gone := ana.send(t, "the quicksilver")
	ana.floods(t, rush, "bedrock")
	if _, err := x.add(t.Context()); err != nil {
		t.Fatal(err)
	}
	if x.said == nil || x.said.words["quicksilver"] == nil {
		t.Fatal("the word is not remembered")
	}
	ana.remove(t, gone)
	if _, err := x.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	ana.floods(t, chapter, "bedrock")
	if err := x.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	places := x.places(t, 0)
	if len(places["bedrock"]) < chapter/2 || places["quicksilver"] != nil {
		t.Errorf("a word stands at %d places and the forgotten one at %v", len(places["bedrock"]), places["quicksilver"])
	}
	if names := filesWith(t, s.dir, "quicksilver"); len(names) > 0 {
		t.Errorf("it is in %q", names)
	}
}

// TestTooManyWordsToRemember: when the words of a chapter do not fit into memory, it is read
// again for where they stand.
func TestTooManyWordsToRemember(t *testing.T) {
	const chapter = 300
	s := openWith(t, t.TempDir(), Options{chapter: chapter})
	x := s.search
	x.stop() // this test is the indexer
	x.memory = 4000
	ana := start(t, s, "one", "ana")
	ana.babbles(t, 2*chapter)
	if err := x.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := x.places(t, 0)
	x.memory = maxConcordance
	if err := x.rewrite(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(x.places(t, 0), got); diff != "" || len(got) < 100 {
		t.Errorf("%d words (-with room +without):\n%s", len(got), diff)
	}
}

// TestIndexNewerThanStore: an index that was sealed further than the store goes, which was
// put back from a copy, is made anew.
func TestIndexNewerThanStore(t *testing.T) {
	const chapter = 50
	dir := t.TempDir()
	during := func(do func(*store, user)) {
		t.Helper()
		s, err := openStore(t.Context(), dir, Options{chapter: chapter})
		if err != nil {
			t.Fatal(err)
		}
		do(s, start(t, s, "one", "ana"))
		if err := s.close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	during(func(s *store, ana user) {
		ana.send(t, "hay")
		indexed(t, s)
	})
	path := filepath.Join(dir, "main.db")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	during(func(s *store, ana user) {
		for i := range 2 * chapter {
			if _, err := ana.NewChannel(t.Context(), ana.call, flow.NewChannelInput{OrgID: ana.home.OrgID, Name: fmt.Sprint("c", i)}); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "chapters without messages are sealed", func() bool { return s.search.sealed.Load() > 2 })
	})
	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openWith(t, dir, Options{chapter: chapter})
	ana := start(t, s, "one", "ana")
	ana.send(t, "a needle")
	ana.sendMany(t, chapter, "hay")
	indexed(t, s)
	sealed(t, s)
	if places := s.search.places(t, s.search.span.chapter(int64(s.hub.end())-chapter)); len(places["needle"]) != 1 {
		t.Errorf("the needle is not where it was put: %v", places["needle"])
	}
}

// TestSealingGoesOn: what one owner of the store did not come to the end of is done by the
// next, though a word is gone meanwhile.
func TestSealingGoesOn(t *testing.T) {
	const chapter = 200
	dir := t.TempDir()
	s, err := openStore(t.Context(), dir, Options{chapter: chapter})
	if err != nil {
		t.Fatal(err)
	}
	ana := start(t, s, "one", "ana")
	gone := ana.send(t, "aardvark")
	ana.babbles(t, chapter)
	ana.send(t, "zebra")
	ana.sendMany(t, nearScan, "-")
	indexed(t, s)
	sealed(t, s)
	before := s.search.places(t, 0)
	s.search.stop()
	for _, statement := range []string{"UPDATE state SET sealed = 0", "UPDATE concordance_0 SET places = NULL WHERE word > 'b'"} {
		if _, err := s.search.file.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	ana.remove(t, gone)
	if err := s.close(context.Background()); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, dir, Options{chapter: chapter})
	forgets(t, s, "aardvark")
	sealed(t, s)
	if before["aardvark"] == nil {
		t.Error("the word was not there")
	}
	delete(before, "aardvark")
	dropped := 0
	for word, list := range s.search.places(t, 0) {
		if diff := cmp.Diff(before[word], list); diff != "" {
			dropped++ // at the one place that is gone
		}
	}
	if dropped != 2 { // the channel and the team
		t.Errorf("%d words stand elsewhere", dropped)
	}
	ana = start(t, s, "one", "ana")
	if got := ana.words(t, "zeb", flow.MaxHits); len(got) != 1 {
		t.Errorf("it is found as %q", got)
	}
}

// TestDamagedPlacesAreNoticed: what is looked for is found meanwhile, and the index is made
// anew.
func TestDamagedPlacesAreNoticed(t *testing.T) {
	s := openWith(t, t.TempDir(), Options{chapter: 100})
	ana := start(t, s, "one", "ana")
	ana.send(t, "a needle")
	ana.sendMany(t, 200, "hay")
	indexed(t, s)
	sealed(t, s)
	if _, err := s.search.file.Exec("UPDATE concordance_0 SET places = x'ff'"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := ana.words(t, "needle", flow.MaxHits); len(got) != 1 {
			t.Errorf("it is found as %q", got)
		}
		eventually(t, "the index is made anew", func() bool { return !s.search.damaged.Load() })
		indexed(t, s)
		sealed(t, s)
	}
	if places := s.search.places(t, 0); len(places["needle"]) != 1 {
		t.Errorf("the index has it at %v", places["needle"])
	}
}

func TestPassages(t *testing.T) {
	for _, tt := range []struct {
		chapters []int64
		before   int64
		want     []passage
	}{
		{nil, 0, nil},
		{[]int64{0}, 0, nil},
		{[]int64{0}, 1, []passage{{0}}},
		{[]int64{0, 1, 2}, 2, []passage{{1}, {0}}},
		{[]int64{3, 6, 7, 8, 9, 10}, 10, []passage{{9}, {8}, {7, 6}, {3}}},
		{[]int64{1, 2, 16, 17}, 18, []passage{{17}, {16}, {2, 1}}},
	} {
		if diff := cmp.Diff(tt.want, passages(tt.chapters, tt.before)); diff != "" {
			t.Errorf("%v before %d (-want +got):\n%s", tt.chapters, tt.before, diff)
		}
	}
}
