package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// findWords finds messages in a chapter, newest first.
const findWords = `SELECT rowid FROM words_%[1]d WHERE words_%[1]d MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?`

const (
	// fewPlaces is how many messages of a chapter are rather looked at than selected
	// further.
	fewPlaces = 50
	// commonIn is one of how many messages has a word that is so common that all which
	// begins with it is not gathered at first: soon enough messages with the other words
	// have it too, or else it is after so many.
	commonIn   = 10
	likelySoon = 1000
)

// inquiry asks the index for messages that may hold what is looked for, chapter by chapter
// from the newest on.
type inquiry struct {
	*searcher
	indexed   flow.Cursor                     // up to where the index must go
	selection selection                       // what is asked for
	leads     []clause                        // words that all of it has, of which none has been in many places
	common    []string                        // those that were found to be common
	scope     string                          // what it is restricted to, or empty
	before    flow.Cursor                     // a place
	chunk     int                             // how many messages are handed out next, and then ever more
	take      func([]flow.Cursor) (more bool) // takes them, newest first, until it wants no more
}

// errRenewed is that of an index which is being made anew.
var errRenewed = errors.New("it is made anew")

func (q *inquiry) run(ctx context.Context) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.reads == nil || int64(q.indexed) > q.searcher.indexed.Load() {
		return errRenewed
	}
	for _, number := range slices.Backward(*q.chapters.Load()) {
		if flow.Cursor(number*q.span) >= q.before {
			continue
		}
		if more, err := q.ask(ctx, number); err != nil {
			return fmt.Errorf("search index: %w", err)
		} else if !more {
			return nil
		}
	}
	return nil
}

// ask hands out what one chapter has. When there are few messages of the channels, or with
// a word that all of it has, these are it, and nothing that is common is gathered.
func (q *inquiry) ask(ctx context.Context, number int64) (more bool, err error) {
	if q.scope != "" {
		if places, err := q.find(ctx, number, q.scope, fewPlaces+1); err != nil || len(places) <= fewPlaces {
			return err == nil && q.hand(places), err
		}
	}
	for len(q.leads) > 0 {
		places, few, err := q.rare(ctx, number, q.leads[0])
		if err != nil || few {
			return err == nil && q.hand(places), err
		}
		q.leads = q.leads[1:] // it is no better in older chapters
	}
	if len(q.common) > 0 {
		more, done, err := q.likely(ctx, number)
		if err != nil || !more || done {
			return more, err
		}
	}
	_, more, err = q.all(ctx, number, q.selection.match(), -1)
	return more, err
}

// rare finds the messages with a word, if they are few. That it is not common itself is
// asked first, before all that begins with it is gathered.
func (q *inquiry) rare(ctx context.Context, number int64, word clause) (places []flow.Cursor, few bool, err error) {
	places, err = q.find(ctx, number, word.whole(), fewPlaces+1)
	if n := len(places); err == nil && n > fewPlaces {
		end := min(q.before, q.indexed, flow.Cursor((number+1)*q.span))
		if word.open && end-places[n-1] < commonIn*fewPlaces {
			q.common = append(q.common, word.words[0])
		}
		return nil, false, nil
	}
	if err != nil || word.beginning() == q.selection.match() {
		return nil, false, err
	}
	if word.open {
		places, err = q.find(ctx, number, word.beginning(), fewPlaces+1)
	}
	return places, len(places) <= fewPlaces, err
}

// find returns the newest of what matches in a chapter.
func (q *inquiry) find(ctx context.Context, number int64, match string, most int) ([]flow.Cursor, error) {
	return column[flow.Cursor](ctx, q.reads, fmt.Sprintf(findWords, number), match, q.before, most)
}

// likely hands out what is selected but for common words, or with the common word alone,
// without the longer ones that begin so. It is done when this was all that there is.
func (q *inquiry) likely(ctx context.Context, number int64) (more, done bool, err error) {
	loose := q.selection
	for _, word := range q.common {
		loose = loose.without(word)
	}
	if len(loose) == 0 {
		_, more, err := q.all(ctx, number, q.selection.whole().match(), -1)
		return more, false, err
	}
	n, more, err := q.all(ctx, number, loose.match(), likelySoon)
	if done = n < likelySoon; !done {
		q.common = nil // the others seldom stand with it
	}
	return more, done, err
}

// all hands out what matches in a chapter, up to a number of messages if that is not
// negative, and returns how many they were. Those of other channels, if there are few, are
// left to the one who takes them: the channels would be the most common words.
func (q *inquiry) all(ctx context.Context, number int64, match string, most int) (n int, more bool, err error) {
	if q.scope != "" {
		if places, err := q.find(ctx, number, match, fewPlaces+1); err != nil || len(places) <= fewPlaces {
			return len(places), err == nil && q.hand(places), err
		}
		match += " AND " + q.scope
	}
	rows, err := q.reads.QueryContext(ctx, fmt.Sprintf(findWords, number), match, q.before, most)
	if err != nil {
		return 0, false, err
	}
	defer rows.Close()
	var places []flow.Cursor
	for rows.Next() {
		var seq flow.Cursor
		if err := rows.Scan(&seq); err != nil {
			return n, false, err
		}
		n++
		if places = append(places, seq); len(places) < q.chunk {
			continue
		}
		if !q.hand(places) {
			return n, false, nil
		}
		places = places[:0]
		q.chunk = min(2*q.chunk, searchChunk)
	}
	if err := rows.Err(); err != nil {
		return n, false, err
	}
	return n, q.hand(places), nil
}

func (q *inquiry) hand(places []flow.Cursor) (more bool) {
	return len(places) == 0 || q.take(places)
}
