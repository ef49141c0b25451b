package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

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
	hits, err := u.Search(t.Context(), u.call, flow.SearchInput{Search: text})
	if err != nil {
		t.Fatalf("search %q: %v", text, err)
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
	for _, chapter := range []int64{0, 7} { // all texts in one, and in several
		t.Run(fmt.Sprint("chapter=", chapter), func(t *testing.T) { testSearch(t, chapter) })
	}
}

func testSearch(t *testing.T, chapter int64) {
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

// FuzzIndex checks the index itself, which a scan of the newest messages
// could hide: what the texts hold it must select, unless it begins inside a word.
func FuzzIndex(f *testing.F) {
	for _, c := range searchCases {
		for _, text := range c.want {
			f.Add(text, c.text, uint8(3), uint8(9))
		}
	}
	f.Add("我在 北京工作", "在 北", uint8(1), uint8(2))
	f.Add("a b", "b", uint8(1), uint8(2))
	f.Add("naïve 東京tower", "京tow", uint8(1), uint8(2))
	d := emptyIndex(f)
	f.Fuzz(func(t *testing.T, text, wanted string, from, to uint8) {
		if !utf8.ValidString(text) || !utf8.ValidString(wanted) {
			return
		}
		if _, err := d.Exec("INSERT INTO words_0 (words_0) VALUES ('delete-all')"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Exec(fmt.Sprintf(addWords, 0), 1, indexText(text), "c1 o2"); err != nil {
			t.Fatal(err)
		}
		runes := []rune(text)
		end := min(int(to), len(runes))
		for _, wanted := range []string{wanted, string(runes[min(int(from), end):end])} {
			for _, words := range []bool{false, true} {
				q := newQuery(wanted, words)
				found := selects(t, d, q.whole) || selects(t, d, q.beginnings)
				if q.isIn(text) && q.whole.match != "" && !q.inner && !found {
					t.Errorf("%q is in %q, but %s finds nothing", wanted, text, q.whole.match)
				}
				if rest := selects(t, d, q.rest); q.isIn(text) && q.rest.match != "" && !rest {
					t.Errorf("%q is in %q, but %s finds nothing", wanted, text, q.rest.match)
				}
			}
		}
	})
}

// FuzzQuery checks that whatever is looked for finds itself, that folding twice is folding
// once, and that the index understands what it is asked for.
func FuzzQuery(f *testing.F) {
	for _, c := range searchCases {
		f.Add(c.text)
	}
	for _, text := range []string{"", "\u0301", "\u200d", "\"", "a\x00b", "*", "NEAR(a b)", "ǿ", "и\u0301\u0306", "ｶﾞ", "\ufffd", "\u13fa"} {
		f.Add(text)
	}
	d := emptyIndex(f)
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		q := newQuery(text, false)
		if again := fold(fold(text)); again != fold(text) {
			t.Errorf("%+q folds to %+q, and that to %+q", text, fold(text), again)
		}
		if !q.isIn(text) {
			t.Errorf("%+q does not hold %+q, which it folds to", text, q.texts)
		}
		words := newQuery(text, true)
		if !words.isIn(strings.ReplaceAll(text, `"`, " ")) && strings.Count(text, `"`)%2 == 0 {
			t.Errorf("%+q does not hold each of %+q", text, words.texts)
		}
		for _, q := range []query{q, words} {
			for _, selection := range []selection{q.whole, q.beginnings, q.rest} {
				selects(t, d, selection)
			}
		}
	})
}

// FuzzSearchURL checks that a URL is refused with a sentence, or says the same when it is
// written anew.
func FuzzSearchURL(f *testing.F) {
	for _, link := range []string{"q=a", "search?q=caf%C3%A9&org=X&channel=Y", "q=%zz", "?q=?", "q=a;b", "q&q", "=", "q=a&Q=b", "q=a&words=1", "words=often"} {
		f.Add(link)
	}
	f.Fuzz(func(t *testing.T, link string) {
		in, err := parseSearch(link)
		if err != nil {
			if !errors.Is(err, flow.Invalid) || err.Error() == "" {
				t.Errorf("%q: %v", link, err)
			}
			return
		}
		anew := url.Values{"q": {in.Search}, "org": {string(in.OrgID)}, "channel": {string(in.ChannelID)}, "words": {strconv.FormatBool(in.Words)}}
		again, err := parseSearch(anew.Encode())
		if diff := cmp.Diff(in, again); diff != "" || err != nil {
			t.Errorf("%q says another thing when it is written anew: %v\n%s", link, err, diff)
		}
	})
}

// emptyIndex is an index in memory.
func emptyIndex(f *testing.F) *sql.DB {
	f.Helper()
	d, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	d.SetMaxOpenConns(1)
	if _, err := d.Exec(indexSchema + fmt.Sprintf(beginChapter, 0)); err != nil {
		f.Fatal(err)
	}
	return d
}

// selects reports whether a selection finds the message 1, which each of its leads must
// find too.
func selects(t *testing.T, d *sql.DB, s selection) bool {
	t.Helper()
	if s.match == "" {
		return false
	}
	found := func(match string) bool {
		places, err := column[int64](t.Context(), d, fmt.Sprintf(findWords, 0), match+within(map[int64]bool{1: true}, 2), 10, -1)
		if err != nil {
			t.Fatalf("%s: %v", match, err)
		}
		return len(places) == 1
	}
	for _, word := range s.leads {
		if found(s.match) && !found(word.beginning()) {
			t.Errorf("%s finds what %s does not", s.match, word.beginning())
		}
	}
	return found(s.match)
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
			run(t, path(dir), "UPDATE words_0_data SET block = zeroblob(length(block))")
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
			start(t, s, "one", "ana").send(t, "a needle in a haystack")
			indexed(t, s)
			if err := s.close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := tt.spoil(t, dir); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
			ana := start(t, s, "one", "ana")
			ana.find(t, "needle") // by which damage is noticed
			ana.send(t, "another one")
			indexed(t, s)
			var places []flow.Cursor
			err = s.search.candidates(t.Context(), []selection{newQuery("needle", false).whole}, s.hub.end(), 10, func(some []flow.Cursor) bool {
				places = append(places, some...)
				return true
			})
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
	s.search.indexed.Store(10)
	if got := missing(short); !got.WordsOnly || got.Unindexed == 0 {
		t.Errorf("after a search in an index that is behind this is missing: %+v", got)
	}
}
