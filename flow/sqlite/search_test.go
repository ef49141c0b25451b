package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// indexed waits until the index has reached the end of the log.
func indexed(t testing.TB, s *store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
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
}

func TestSearch(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	for _, text := range []string{
		"Hello world", `{"key": "feeds_ABC", "say": "hello"}`, "Crème brûlée für Zoë", "Große Straße", "ＡＢＣ wide",
		"我在北京工作", "だいがくせい", "안녕하세요", "ПРИВЕТ, мир", "مرحبا بالعالم", "party 🎉🎉",
		"NOT this AND that* (or) -it", "one\ntwo",
	} {
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
