package sqlite

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// babble makes texts of few letters, so that many words begin like others, of which some
// are in most texts and some in hardly any.
type babble struct {
	random *rand.Rand
	words  []string
	pick   *rand.Zipf
}

func newBabble() babble {
	b := babble{random: rand.New(rand.NewPCG(5, 6))}
	for range 500 {
		word := make([]byte, 2+b.random.IntN(5))
		for i := range word {
			word[i] = byte('a' + b.random.IntN(3))
		}
		b.words = append(b.words, string(word))
	}
	b.pick = rand.NewZipf(b.random, 1.2, 4, uint64(len(b.words)-1))
	return b
}

func (b babble) text() string {
	words := make([]string, 8)
	for i := range words {
		words[i] = b.words[b.pick.Uint64()]
	}
	return strings.Join(words, " ")
}

// search returns up to three words, some of which are cut short, but not all to the one
// letter that over a hundred words begin with: such a search puts whole words first. Now
// and then the first follows a common one in a row.
func (b babble) search() string {
	var words []string
	for range 1 + b.random.IntN(3) {
		word := b.words[b.random.IntN(len(b.words))]
		if b.random.IntN(2) == 0 {
			word = word[:1+b.random.IntN(len(word))]
		}
		words = append(words, word)
	}
	if b.random.IntN(4) == 0 {
		words[0] = `"` + b.words[b.random.IntN(len(b.words)/50)] + " " + words[0] + `"`
	}
	if !slices.ContainsFunc(words, func(word string) bool { return len(word) > 1 }) {
		return b.search()
	}
	return strings.Join(words, " ")
}

// TestSearchAgreesWithReading: whatever the index is asked for, and in whichever way, these
// are the newest messages that have the words.
func TestSearchAgreesWithReading(t *testing.T) {
	s := openWith(t, t.TempDir(), Options{chapter: 700})
	ana := start(t, s, "one", "ana")
	aside, err := ana.NewChannel(t.Context(), ana.call, flow.NewChannelInput{OrgID: ana.home.OrgID, Name: "aside"})
	if err != nil {
		t.Fatal(err)
	}
	b := newBabble()
	texts := make(chan string)
	var wg sync.WaitGroup
	for w := range 50 {
		channel := ana.home.ChannelID
		if w%10 == 0 {
			channel = aside
		}
		wg.Go(func() {
			for text := range texts {
				if _, err := ana.SendMessage(t.Context(), ana.call, flow.SendMessageInput{
					OrgID: ana.home.OrgID, ChannelID: channel, Text: text,
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 3500 {
		texts <- b.text()
	}
	close(texts)
	wg.Wait()
	indexed(t, s)
	sealed(t, s)
	for range 1000 {
		in := flow.SearchInput{Search: b.search(), Words: true, Limit: 1 + b.random.IntN(40)}
		in.OrgID, in.ChannelID = ana.home.OrgID, []flow.ChannelID{"", "", aside, ana.home.ChannelID}[b.random.IntN(4)]
		if diff := cmp.Diff(ana.readFor(t, in), ana.search(t, in)); diff != "" {
			t.Fatalf("%q in %q, at most %d (-read +found):\n%s", in.Search, in.ChannelID, in.Limit, diff)
		}
	}
}

// readFor returns the texts that a search for words is to find.
func (u user) readFor(t *testing.T, in flow.SearchInput) []string {
	t.Helper()
	all, err := column[string](t.Context(), u.store.pool, `SELECT body FROM message
		WHERE ?1 = '' OR channel = (SELECT id FROM channel WHERE public = ?1) ORDER BY seq DESC`, in.ChannelID)
	if err != nil {
		t.Fatal(err)
	}
	found := []string{}
	for _, text := range all {
		if len(found) < in.Limit && beginWords(text, in.Search) {
			found = append(found, text)
		}
	}
	slices.Reverse(found)
	return found
}

// beginWords reports whether words of a text begin with each one that is looked for.
func beginWords(text, search string) bool {
	return !slices.ContainsFunc(split(search), func(begin string) bool {
		return !strings.Contains(" "+text, " "+begin)
	})
}
