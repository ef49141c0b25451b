package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// indexed waits until the index has reached the end of the log.
func indexed(t testing.TB, s *store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var last int64
	if err := s.pool.QueryRowContext(ctx, "SELECT max(seq) FROM message").Scan(&last); err != nil {
		t.Fatal(err)
	}
	for s.search.indexed.Load() < last {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("index stands at %d of %d", s.search.indexed.Load(), last)
		}
	}
}

func (u user) find(t testing.TB, text string) []string {
	t.Helper()
	return u.search(t, flow.SearchInput{Search: text})
}

// words returns the texts of the newest messages with some words, at most so many.
func (u user) words(t testing.TB, words string, limit int) []string {
	t.Helper()
	return u.search(t, flow.SearchInput{Search: words, Words: true, Limit: limit})
}

func (u user) search(t testing.TB, in flow.SearchInput) []string {
	t.Helper()
	hits, err := u.Search(t.Context(), u.call, in)
	if err != nil {
		t.Fatalf("search %q: %v", in.Search, err)
	}
	found := []string{}
	for _, h := range hits {
		found = append(found, h.Data.Text)
	}
	return found
}

var searchCases = []struct {
	name, text string
	want       []string
}{
	{"word", "hello", []string{"Hello world", `{"key": "feeds_ABC", "say": "hello"}`}},
	{"start of a word", "hel", []string{"Hello world", `{"key": "feeds_ABC", "say": "hello"}`}},
	{"inside a word", "ello wor", []string{"Hello world"}},
	{"end of a word", "orld", []string{"Hello world"}},
	{"punctuation within", "feeds_abc", []string{`{"key": "feeds_ABC", "say": "hello"}`}},
	{"quotation marks", `"feeds_abc"`, []string{`{"key": "feeds_ABC", "say": "hello"}`}},
	{"only punctuation", `": "`, []string{`{"key": "feeds_ABC", "say": "hello"}`}},
	{"accents", "creme brulee", []string{"Crème brûlée für Zoë"}},
	{"accents in the query", "CRÈME", []string{"Crème brûlée für Zoë"}},
	{"sharp s", "strasse", []string{"Große Straße"}},
	{"full width", "ABC", []string{`{"key": "feeds_ABC", "say": "hello"}`, "ＡＢＣ wide"}},
	{"Han", "北京", []string{"我在北京工作"}},
	{"one Han character", "作", []string{"我在北京工作"}},
	{"Japanese voiced", "がく", []string{"だいがくせい"}},
	{"Japanese unvoiced is another", "かく", []string{}},
	{"Korean", "안녕", []string{"안녕하세요"}},
	{"Cyrillic", "привет", []string{"ПРИВЕТ, мир"}},
	{"Arabic", "مرحبا", []string{"مرحبا بالعالم"}},
	{"emoji", "🎉", []string{"party 🎉🎉"}},
	{"operators are words", "NOT this AND that", []string{"NOT this AND that* (or) -it"}},
	{"star", "that* (", []string{"NOT this AND that* (or) -it"}},
	{"line feed is a blank", "one two", []string{"one\ntwo"}},
	{"nothing", "absent", []string{}},
	{"composed and not", "Zoe\u0308", []string{"Crème brûlée für Zoë"}},
	{"letters without a decomposition", "lodz kobenhavn", []string{"Łódź København Đorđe"}},
	{"and with their strokes", "ŁÓDŹ", []string{"Łódź København Đorđe"}},
	{"Turkish", "istanbul diyarbakir", []string{"İstanbul Diyarbakır"}},
	{"Greek final sigma", "ΟΔΟΣ", []string{"ὁδός"}},
	{"Russian without dots", "елка", []string{"Ёлка мой"}},
	{"Russian short i is a letter", "мои", []string{}},
	{"Hebrew without points", "שלום", []string{"שָׁלוֹם"}},
	{"Arabic without vowels and hamza", "اهلا", []string{"أَهْلًا وســهلًا"}},
	{"Arabic stretched", "وسهلا", []string{"أَهْلًا وســهلًا"}},
	{"Persian joined and not", "میخواهم", []string{"می\u200cخواهم"}},
	{"Persian on an Arabic keyboard", "ميخواهم", []string{"می\u200cخواهم"}},
	{"Hindi", "हिन्दी", []string{"मैं हिन्दी बोलता हूँ"}},
	{"Hindi vowels are no accents", "हनद", []string{}},
	{"Hindi dots below", "ज़रा", []string{"\u095bरा"}},
	{"Thai inside a run", "เบียร์", []string{"ดื่มเบียร์เย็น"}},
	{"Thai without tones", "ดืม", []string{"ดื่มเบียร์เย็น"}},
	{"Thai vowels are no accents", "เบยร", []string{}},
	{"Lao", "ລາວ", []string{"ພາສາລາວ"}},
	{"Khmer across an invisible blank", "ភាសាខ្មែរ", []string{"ភាសា\u200bខ្មែរ"}},
	{"Japanese long vowel", "サーバー", []string{"新しいサーバーです"}},
	{"Japanese half width", "ｻｰﾊﾞｰ", []string{"新しいサーバーです"}},
	{"Japanese inside a run", "ーバー", []string{"新しいサーバーです"}},
	{"soft hyphen", "information", []string{"infor\u00admation"}},
	{"soft hyphen in the query", "infor\u00admation", []string{"infor\u00admation"}},
	{"emoji with a skin", "👍", []string{"👍🏽 ok"}},
	{"emoji of several", "👩\u200d💻", []string{"by 👩\u200d💻"}},
	{"Cherokee", "\u13fa\uab70", []string{"\u13f2\u13a0"}},
	{"flag", "🇩🇪", []string{"from 🇩🇪"}},
	{"emoji in text form", "❤", []string{"❤\ufe0f you"}},
	{"ligature", "finance", []string{"ﬁnance ½"}},
	{"fraction", "1⁄2", []string{"ﬁnance ½"}},
}

var searchTexts = []string{
	"Hello world", `{"key": "feeds_ABC", "say": "hello"}`, "Crème brûlée für Zoë", "Große Straße", "ＡＢＣ wide",
	"我在北京工作", "だいがくせい", "안녕하세요", "ПРИВЕТ, мир", "مرحبا بالعالم", "party 🎉🎉",
	"NOT this AND that* (or) -it", "one\ntwo",
	"Łódź København Đorđe", "İstanbul Diyarbakır", "ὁδός", "Ёлка мой", "שָׁלוֹם", "أَهْلًا وســهلًا", "می\u200cخواهم",
	"मैं हिन्दी बोलता हूँ", "\u095bरा", "ดื่มเบียร์เย็น", "ພາສາລາວ", "ភាសា\u200bខ្មែរ", "新しいサーバーです",
	"infor\u00admation", "👍🏽 ok", "by 👩\u200d💻", "from 🇩🇪", "❤\ufe0f you", "ﬁnance ½", "\u13f2\u13a0",
}

func TestSearch(t *testing.T) {
	for _, chapter := range []span{0, 7} { // all texts in one, and in several
		t.Run(fmt.Sprint("chapter=", chapter), func(t *testing.T) { testSearch(t, chapter) })
	}
}

func testSearch(t *testing.T, chapter span) {
	s := openWith(t, t.TempDir(), Options{chapter: chapter})
	ana := start(t, s, "one", "ana")
	for _, text := range searchTexts {
		ana.send(t, text)
	}
	for _, c := range searchCases {
		t.Run("before indexing/"+c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, ana.find(t, c.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
	indexed(t, s)
	for range nearScan { // so that the index alone can find the texts
		ana.send(t, "-")
	}
	indexed(t, s)
	for _, c := range searchCases {
		t.Run("indexed/"+c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, ana.find(t, c.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestIndexIsMadeAnew(t *testing.T) {
	path := func(dir string) string { return filepath.Join(dir, "search.db") }
	tests := []struct {
		name  string
		spoil func(t *testing.T, dir string) error
	}{
		{"missing", func(t *testing.T, dir string) error { return os.Remove(path(dir)) }},
		{"no database", func(t *testing.T, dir string) error { return os.WriteFile(path(dir), []byte("junk"), 0o600) }},
		{"cut off", func(t *testing.T, dir string) error { return os.Truncate(path(dir), 5000) }},
		{"of another format", func(t *testing.T, dir string) error {
			run(t, path(dir), "PRAGMA user_version = 7")
			return nil
		}},
		{"of another store", func(t *testing.T, dir string) error {
			run(t, path(dir), "UPDATE state SET store = 'other'")
			return nil
		}},
		{"newer than the store", func(t *testing.T, dir string) error {
			run(t, path(dir), "UPDATE state SET indexed = 100000")
			return nil
		}},
		{"damaged inside", func(t *testing.T, dir string) error {
			run(t, path(dir), "UPDATE words_0_data SET block = x'ffffffffffffffffffff'")
			return nil
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := openStore(t.Context(), dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			ana := start(t, s, "one", "ana")
			ana.send(t, "a needle in a haystack")
			ana.sendMany(t, 2*nearScan, "hay")
			indexed(t, s)
			if err := s.close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := tt.spoil(t, dir); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
			ana = start(t, s, "one", "ana")
			if got := ana.find(t, "eedle in"); len(got) != 1 { // by which damage is noticed
				t.Errorf("it is found %d times meanwhile", len(got))
			}
			ana.send(t, "another one")
			indexed(t, s)
			var places []flow.Cursor
			q := inquiry{searcher: s.search, selection: newQuery("needle", false).asked, before: s.hub.end(), chunk: 10}
			q.take = func(some []flow.Cursor) (more bool) {
				places = append(places, some...)
				return true
			}
			err = q.run(t.Context())
			if err != nil || len(places) != 1 {
				t.Errorf("the index finds %d messages, want 1; %v", len(places), err)
			}
		})
	}
}

func TestSearchFindsTheNewest(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	ana.sendMany(t, 3*flow.MaxHits, "the end") // numbers
	for i := range flow.MaxHits + 5 {
		ana.send(t, fmt.Sprint("word ", i))
	}
	indexed(t, s)
	got := ana.find(t, "word")
	if len(got) != flow.MaxHits || got[0] != "word 5" || got[len(got)-1] != fmt.Sprint("word ", flow.MaxHits+4) {
		t.Errorf("%d hits from %q to %q", len(got), got[0], got[len(got)-1])
	}
}

// TestSearchSaysWhatItHasNotLookedAt: an index that is behind by more than a search scans
// leaves a gap, and before what it scans it knows words alone.
func TestSearchSaysWhatItHasNotLookedAt(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	for i := range 600 {
		ana.send(t, fmt.Sprint("word ", i))
	}
	indexed(t, s)
	missing := func(r reach) flow.Missing {
		t.Helper()
		_, self, err := ana.self(t.Context(), ana.call)
		if err != nil {
			t.Fatal(err)
		}
		one, err := s.newSearch(self.account, flow.SearchInput{Search: "absent"}, r)
		if err != nil {
			t.Fatal(err)
		}
		one.keep = func(context.Context, []db.TextsRow) error { return nil }
		if err := one.restrict(t.Context(), self, "Search", flow.SearchInput{}); err != nil {
			t.Fatal(err)
		}
		if err := one.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return one.missing()
	}
	if got := missing(shortReach); got != (flow.Missing{}) {
		t.Errorf("after a search of all this is missing: %+v", got)
	}
	short := reach{hits: 10, near: 10, far: 20, candidates: 10}
	if got := missing(short); got != (flow.Missing{WordsOnly: true}) {
		t.Errorf("after a search in a working index this is missing: %+v", got)
	}
	s.search.stop() // else it may catch up at once
	s.search.indexed.Store(10)
	if got := missing(short); !got.WordsOnly || got.Unindexed == 0 {
		t.Errorf("after a search in an index that is behind this is missing: %+v", got)
	}
}

// TestOtherNewsIsNotWaitedFor: what is no message needs no index.
func TestOtherNewsIsNotWaitedFor(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	ana.send(t, "needle")
	for i := range 5 {
		if _, err := ana.SetProfile(t.Context(), ana.call, flow.SetProfileInput{Content: fmt.Sprintf(`{"displayName":"Ana %d"}`, i)}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the index is at the end", func() bool { return s.search.indexed.Load() >= int64(s.hub.end()) })
}

// TestIndexThatCannotBeMade: searches go on without it, and it is made once it can be.
func TestIndexThatCannotBeMade(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	ana.send(t, "needle")
	ana.sendMany(t, 2*nearScan, "hay")
	indexed(t, s)
	obstacle := s.search.path + "-journal"
	if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.search.damaged.Store(true)
	s.search.wake()
	eventually(t, "the index is gone", func() bool { return s.search.indexed.Load() == 0 })
	for range 3 {
		if got := ana.find(t, "needle"); len(got) != 1 {
			t.Errorf("without an index %q are found", got)
		}
		s.search.wake()
	}
	if err := os.RemoveAll(obstacle); err != nil {
		t.Fatal(err)
	}
	s.search.wake()
	indexed(t, s)
	if got := ana.find(t, "needle"); len(got) != 1 {
		t.Errorf("with an index that was made anew %q are found", got)
	}
	if got := ana.words(t, "need", flow.MaxHits); len(got) != 1 {
		t.Errorf("with a vocabulary that was made anew %q are found", got)
	}
}

// TestSearchFindsFileNames far back, through the index, and after the store is opened again.
func TestSearchFindsFileNames(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana := start(t, s, "one", "ana")
	path := filepath.Join(t.TempDir(), "Budget-2027_final.xlsx")
	if err := os.WriteFile(path, []byte("1,2,3"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := ana.NewAttachment(t.Context(), ana.call, flow.NewAttachmentInput{OrgID: ana.home.OrgID, FilePath: path})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ana.SendMessage(t.Context(), ana.call, flow.SendMessageInput{
		ChannelID: ana.home.ChannelID, Text: "here you are", Attachments: []flow.AttachmentToSend{{ID: file}},
	}); err != nil {
		t.Fatal(err)
	}
	ana.sendMany(t, 2*nearScan, "bedrock")
	for _, when := range []string{"at once", "again"} {
		indexed(t, s)
		for text, want := range map[string]int{"budg": 1, "xlsx you": 1, `"budget 2027 final"`: 1, `"are budget"`: 0} {
			if got := ana.words(t, text, flow.MaxHits); len(got) != want {
				t.Errorf("%s, %s finds %d messages, want %d", when, text, len(got), want)
			}
		}
		if err := s.close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if when == "at once" {
			if s, err = openStore(t.Context(), dir, Options{}); err != nil {
				t.Fatal(err)
			}
			ana = start(t, s, "one", "ana")
		}
	}
}
