package sqlite

import (
	"context"
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
	// begins with it is not gathered: soon enough the messages with the other words have
	// it too.
	commonIn = 10
)

// inquiry asks the index for messages that may hold what is looked for, chapter by chapter
// from the newest on.
type inquiry struct {
	*searcher
	selections []selection                     // what is asked for in each chapter, one after the other
	leads      []clause                        // words that all of it has, of which none has been in many places
	scope      string                          // what it is restricted to, or empty
	before     flow.Cursor                     // a place
	chunk      int                             // how many messages are handed out next, and then ever more
	take       func([]flow.Cursor) (more bool) // takes them, newest first, until it wants no more
}

func (q *inquiry) run(ctx context.Context) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
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
	for _, s := range q.selections {
		if more, err := q.all(ctx, number, s.match()); err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// rare finds the messages with a word, if they are few. That it is not common itself is
// asked first, before all that begins with it is gathered.
func (q *inquiry) rare(ctx context.Context, number int64, word clause) (places []flow.Cursor, few bool, err error) {
	places, err = q.find(ctx, number, word.whole(), fewPlaces+1)
	if n := len(places); err == nil && n > fewPlaces {
		if places[0]-places[n-1] < commonIn*fewPlaces {
			for i, s := range q.selections {
				q.selections[i] = s.without(word.words[0])
			}
		}
		return nil, false, nil
	}
	if err == nil && word.open {
		places, err = q.find(ctx, number, word.beginning(), fewPlaces+1)
	}
	return places, len(places) <= fewPlaces, err
}

// find returns the newest of what matches in a chapter.
func (q *inquiry) find(ctx context.Context, number int64, match string, most int) ([]flow.Cursor, error) {
	return column[flow.Cursor](ctx, q.reads, fmt.Sprintf(findWords, number), match, q.before, most)
}

// all hands out what matches in a chapter. Messages of other channels, if there are few, are
// left to the one who takes them: the channels would be the most common words.
func (q *inquiry) all(ctx context.Context, number int64, match string) (more bool, err error) {
	if q.scope != "" {
		if places, err := q.find(ctx, number, match, fewPlaces+1); err != nil || len(places) <= fewPlaces {
			return err == nil && q.hand(places), err
		}
		match += " AND " + q.scope
	}
	rows, err := q.reads.QueryContext(ctx, fmt.Sprintf(findWords, number), match, q.before, -1)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	var places []flow.Cursor
	for rows.Next() {
		var seq flow.Cursor
		if err := rows.Scan(&seq); err != nil {
			return false, err
		}
		if places = append(places, seq); len(places) < q.chunk {
			continue
		}
		if !q.hand(places) {
			return false, nil
		}
		places = places[:0]
		q.chunk = min(2*q.chunk, searchChunk)
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	return q.hand(places), nil
}

func (q *inquiry) hand(places []flow.Cursor) (more bool) {
	return len(places) == 0 || q.take(places)
}
