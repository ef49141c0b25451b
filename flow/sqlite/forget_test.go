package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// filesWith returns the files of a store in which a text stands.
func filesWith(t testing.TB, dir, text string) (names []string) {
	t.Helper()
	for _, name := range []string{"main.db", "main.db-wal", "search.db", "search.db-wal"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(text)) {
			names = append(names, name)
		}
	}
	return names
}

// forgets waits until nothing is left to forget, and checks that a text is in no file.
func forgets(t testing.TB, s *store, text string) {
	t.Helper()
	eventually(t, "deleted messages are forgotten", func() bool { return count(t, s, "message WHERE deleted = 2") == 0 })
	if names := filesWith(t, s.dir, text); len(names) > 0 {
		t.Errorf("%q is still in %q", text, names)
	}
}

// TestDeletedWordsAreForgotten: in no file of the store, while it is in use.
func TestDeletedWordsAreForgotten(t *testing.T) {
	ways := map[string]func(*testing.T, user, flow.MessageID){
		"by a person":  func(t *testing.T, ana user, id flow.MessageID) { ana.remove(t, id) },
		"by retention": func(t *testing.T, ana user, _ flow.MessageID) { ana.keeps(t, 0, 1) },
		"with their channel": func(t *testing.T, ana user, _ flow.MessageID) {
			if _, err := ana.DeleteChannel(t.Context(), ana.call, flow.DeleteChannelInput{ChannelID: ana.home.ChannelID}); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, remove := range ways {
		stays := name != "with their channel" // the other message
		t.Run(name, func(t *testing.T) { testDeletedWords(t, 0, remove, stays) })
		t.Run(name+", from a sealed chapter", func(t *testing.T) { testDeletedWords(t, 2, remove, stays) })
	}
}

func testDeletedWords(t *testing.T, chapter span, remove func(*testing.T, user, flow.MessageID), stays bool) {
	s := openWith(t, t.TempDir(), Options{chapter: chapter})
	ana := start(t, s, "one", "ana")
	channel, err := ana.NewChannel(t.Context(), ana.call, flow.NewChannelInput{OrgID: ana.home.OrgID, Name: "metals"})
	if err != nil {
		t.Fatal(err)
	}
	ana.home.ChannelID = channel
	ana.send(t, "the first")
	id := ana.send(t, "the quicksilver runs")
	indexed(t, s)
	ana.send(t, "bedrock")
	indexed(t, s)
	sealed(t, s)
	if names := filesWith(t, s.dir, "quicksilver"); len(names) < 2 {
		t.Fatalf("before it is deleted the word is in %q alone", names)
	}
	remove(t, ana, id)
	eventually(t, "the message is gone", func() bool {
		return count(t, s, "message WHERE body LIKE '%quicksilver%'") == 0
	})
	forgets(t, s, "quicksilver")
	if stays && len(ana.find(t, "bedrock")) != 1 {
		t.Error("another message was forgotten too")
	}
}

// TestForgottenWordsComeAgain: what is said again after it was forgotten is found by its
// beginning.
func TestForgottenWordsComeAgain(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	for range 2 {
		id := ana.send(t, "the quicksilver runs")
		ana.sendMany(t, 2*nearScan, "bedrock")
		indexed(t, s)
		if got := ana.words(t, "quicks", flow.MaxHits); len(got) != 1 {
			t.Errorf("it is found %d times", len(got))
		}
		ana.remove(t, id)
		forgets(t, s, "quicksilver")
	}
}

// TestForgettingGoesOn: what one owner of the store did not come to, or not to the end, is
// done by the next.
func TestForgettingGoesOn(t *testing.T) {
	for _, cut := range []string{"before", "between", "before the note"} {
		t.Run(cut, func(t *testing.T) {
			dir := t.TempDir()
			s, err := openStore(t.Context(), dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			ana := start(t, s, "one", "ana")
			id := ana.send(t, "the quicksilver")
			ana.sendMany(t, 300, "bedrock")
			indexed(t, s)
			s.search.stop()
			ana.remove(t, id)
			places, err := s.read.Remembered(t.Context(), 10)
			if err != nil || len(places) != 1 {
				t.Fatalf("to be forgotten are %v, %v", places, err)
			}
			if cut != "before" {
				if err := s.search.mark(t.Context(), 0, places); err != nil {
					t.Fatal(err)
				}
			}
			for more := cut == "before the note"; more; {
				if more, err = s.search.merge(t.Context(), fmt.Sprintf(mergeFirst, 0)); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.close(context.Background()); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
			forgets(t, s, "quicksilver")
			if got := start(t, s, "one", "ana").find(t, "bedrock"); len(got) != 1 {
				t.Errorf("the other message is found as %q", got)
			}
		})
	}
}

// TestForgettingWhileMessagesCome: a pass goes on beside the indexer, and what it leaves is
// a sound index.
func TestForgettingWhileMessagesCome(t *testing.T) {
	s := openWith(t, t.TempDir(), Options{chapter: 1500})
	ana := start(t, s, "one", "ana")
	for round := range 10 {
		id := ana.send(t, fmt.Sprint("quicksilver", round))
		ana.sendMany(t, 500, fmt.Sprint("bedrock", round))
		ana.remove(t, id)
	}
	forgets(t, s, "quicksilver")
	indexed(t, s)
	chapters := *s.search.chapters.Load()
	if len(chapters) < 3 {
		t.Errorf("5,000 messages are in the chapters %v of 1,500", chapters)
	}
	for _, number := range chapters {
		if _, err := s.search.file.Exec(fmt.Sprintf("INSERT INTO words_%[1]d (words_%[1]d) VALUES ('integrity-check')", number)); err != nil {
			t.Errorf("chapter %d of the index is damaged: %v", number, err)
		}
	}
	for round := range 10 {
		if got := ana.find(t, fmt.Sprint("bedrock", round)); len(got) != 1 {
			t.Errorf("in round %d the index finds %q", round, got)
		}
	}
}

// TestDeletedChannelsAreCleared: their messages go in parts, but for what is kept for an
// escrow account.
func TestDeletedChannelsAreCleared(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	ana.escrow(t, s)
	end, err := ana.NewChannel(t.Context(), ana.call, flow.NewChannelInput{OrgID: ana.home.OrgID, Name: "end"})
	if err != nil {
		t.Fatal(err)
	}
	ana.home.ChannelID = end
	const many = 2*keepChunk + 3
	ana.sendMany(t, many, "the end")
	if _, err := ana.DeleteChannel(t.Context(), ana.call, flow.DeleteChannelInput{ChannelID: end}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the channel is cleared", func() bool { return count(t, s, "channel WHERE cleared > 0") == 0 })
	if live, kept := count(t, s, "message WHERE body <> ''"), count(t, s, "kept_message"); live != 0 || kept != many+1 {
		t.Errorf("%d messages have a text and %d are kept, want 0 and %d", live, kept, many+1)
	}
}

// TestForgettingDuringAMerge: the indexer may have been merging when a message is deleted,
// and the words of it may be in what that has made so far.
func TestForgettingDuringAMerge(t *testing.T) {
	for steps := 0; steps < 60; steps += 6 { // in the course of which it comes to the word
		s := open(t, t.TempDir())
		x := s.search
		x.stop() // this test is the indexer
		if _, err := x.file.Exec(fmt.Sprintf(beginChapter, 0)); err != nil {
			t.Fatal(err)
		}
		x.chapters.Store(&[]int64{0})
		const pieces, size, gone = 3, 2000, 3000
		for piece := range pieces {
			fills(t, x, piece*size, size, gone)
		}
		for i, statement := 0, mergeFirst; i < steps; i, statement = i+1, mergeOn {
			if _, err := x.file.Exec(fmt.Sprintf(statement, 0), 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.erase(t.Context(), 0, []flow.Cursor{gone}); err != nil {
			t.Fatal(err)
		}
		if err := x.emptyLog(t.Context(), x.files()); err != nil {
			t.Fatal(err)
		}
		if names := filesWith(t, s.dir, "silver"); len(names) > 0 { // the index leaves out how the word before begins
			t.Errorf("after %d steps of a merge a word that was forgotten is in %q", steps, names)
		}
	}
}

// fills puts messages into chapter 0 of an index, all of them in a piece of their own. Each
// is another word, and one of them is quicksilver.
func fills(t *testing.T, x *searcher, from, size, quicksilver int) {
	t.Helper()
	in, err := x.file.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for place := from; place < from+size; place++ {
		text := flow.NewID()
		if place == quicksilver {
			text = "quicksilver"
		}
		if _, err := in.Exec(fmt.Sprintf(addWords, 0), place, indexText(text), "c1 o1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.Commit(); err != nil {
		t.Fatal(err)
	}
}
