package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

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
		if _, err := d.Exec(fmt.Sprintf(dropWords, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Exec(fmt.Sprintf(addWords, 0), 1, indexText(text), "c1 o2"); err != nil {
			t.Fatal(err)
		}
		learn(t, d, text)
		runes := []rune(text)
		end := min(int(to), len(runes))
		for _, wanted := range []string{wanted, string(runes[min(int(from), end):end])} {
			for _, words := range []bool{false, true} {
				q := newQuery(wanted, words)
				found := selects(t, d, q.asked)
				if q.isIn(text, nil) && len(q.asked) > 0 && !q.inner && !found {
					t.Errorf("%q is in %q, but %v finds nothing", wanted, text, q.asked)
				}
				if rest := selects(t, d, q.rest); q.isIn(text, nil) && len(q.rest) > 0 && !rest {
					t.Errorf("%q is in %q, but %v finds nothing", wanted, text, q.rest)
				}
			}
		}
	})
}

// FuzzQuery checks that whatever is looked for finds itself, that folding twice is folding
// once and, of ASCII, the same either way, and that the index understands what it is asked
// for.
func FuzzQuery(f *testing.F) {
	for _, c := range searchCases {
		f.Add(c.text)
	}
	for _, text := range []string{"", "\u0301", "\u200d", "\"", "a\x00b", "*", "NEAR(a b)", "ǿ", "и\u0301\u0306", "ｶﾞ", "\ufffd", "\u13fa",
		"@AZ[`az{ \x00\x7f", "1234567  9", "1234567 \t90", "12345678\t\r \x0e \x08", " 123456   12345 ", "\n\n12345678  ", "1234567é", "é1234567"} {
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
		if short, ok := foldASCII(nil, text); ok && string(short) != foldUnicode(text) {
			t.Errorf("%+q folds to %+q, and as Unicode to %+q", text, short, foldUnicode(text))
		}
		if !q.isIn(text, nil) {
			t.Errorf("%+q does not hold %+q, which it folds to", text, q.texts)
		}
		words := newQuery(text, true)
		if !words.isIn(strings.ReplaceAll(text, `"`, " "), nil) {
			t.Errorf("%+q does not hold each of %+q", text, words.texts)
		}
		for _, q := range []query{q, words} {
			for _, selection := range []selection{q.asked, q.rest} {
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

// learn puts the words of a text at the place 1 into a chapter.
func learn(t *testing.T, d *sql.DB, text string) {
	t.Helper()
	in, err := d.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Rollback()
	insert, err := in.Prepare(fmt.Sprintf(addWord, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer insert.Close()
	x := searcher{span: chapterSpan, memory: maxConcordance}
	c := x.newConcordance(0, "")
	for _, word := range c.addText(indexText(text), channelToken(1), 1) {
		if _, err := insert.Exec(word); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.write(t.Context(), in, chapterSpan, c.list(), 0); err != nil {
		t.Fatal(err)
	}
	if err := in.Commit(); err != nil {
		t.Fatal(err)
	}
}

// selects reports whether a selection finds the message 1, which it must find too when its
// ends are wide or left out, and by the places of its words. All of it must be understood.
func selects(t *testing.T, d *sql.DB, s selection) bool {
	t.Helper()
	if len(s) == 0 {
		return false
	}
	here := within(map[int64]bool{1: true}, 2)
	found := func(match string) bool {
		places, err := column[int64](t.Context(), d, fmt.Sprintf(findNewest, 0), match+" AND "+here.match(), 10, -1)
		if err != nil {
			t.Fatalf("%s: %v", match, err)
		}
		return len(places) == 1
	}
	found(s.closed().match())
	wide := s.closed()
	for i, c := range s {
		wide[i].wide = c.open
	}
	all := found(wide.match())
	said, ok, err := s.spelled(t.Context(), d, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := ok && found(said.match()); got != all {
		t.Errorf("%v, spelled as %v, is found: %t, and unspelled: %t", s, said, got, all)
	}
	if less := wide.narrow(); all && len(less) > 0 && !found(less.match()) {
		t.Errorf("%v finds what %s does not", s, less.match())
	}
	c := comparison{on: d, span: chapterSpan, terms: s.terms(), free: &sync.Pool{}}
	c.begin(passage{0})
	more, err := c.common(t.Context())
	exact := !more && !s.inRows()
	if err == nil && c.sets != nil {
		err = c.within(t.Context(), here)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := c.sets == nil || c.count() == 1; all && !got || exact && got != all {
		t.Errorf("%v is found: %t, and by its places (exact: %t): %t", s, all, exact, got)
	}
	return all
}
