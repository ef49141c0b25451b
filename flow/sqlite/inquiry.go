package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// The statements that find messages in a chapter. FTS5 goes forward in half the time. SQLite
// would prepare them again for each limit, if that were a parameter alone.
const (
	findNewest = `SELECT rowid FROM words_%[1]d WHERE words_%[1]d MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT CAST(? AS INTEGER)`
	findOldest = `SELECT rowid FROM words_%[1]d WHERE words_%[1]d MATCH ? AND rowid < ? ORDER BY rowid LIMIT CAST(? AS INTEGER)`
)

const (
	// fewPlaces is how many messages of a chapter are rather looked at than selected
	// further.
	fewPlaces = 25
	// Messages with the rarest word are looked at while one in so many is what is looked
	// for, first so many of them.
	paying      = 10
	trialPlaces = 10
	// Before all messages with a wide word are gathered, those with the other words are
	// looked at, if they are not more.
	likelySoon = 1000
)

// inquiry asks the index for messages that may hold what is looked for, chapter by chapter
// from the newest on.
type inquiry struct {
	*searcher
	indexed   flow.Cursor                                // up to where the index must go
	selection selection                                  // what is asked for
	scope     string                                     // what it is restricted to, or empty
	before    flow.Cursor                                // a place, down to which all was handed out
	chunk     int                                        // how many messages are handed out next, and then ever more
	take      func([]flow.Cursor) (found int, more bool) // takes them, newest first, until it wants no more

	many   map[string]bool // words that were in more than a few messages of a chapter
	rarest string          // of these
	tried  int             // messages with one of the words that were looked at lately
	found  int             // of them what is looked for
	scarce bool            // few messages of a chapter were selected
	seldom bool            // messages with the other words had no wide one
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
// a word that all of it has, these are it, and nothing is selected further.
func (q *inquiry) ask(ctx context.Context, number int64) (more bool, err error) {
	if q.scope != "" {
		if places, few, err := q.few(ctx, findNewest, number, q.scope); err != nil || few {
			return err == nil && q.hand(places), err
		}
	}
	said, ok, err := q.selection.spelled(ctx, q.reads, number)
	if err != nil || !ok {
		return err == nil, err
	}
	if !q.poor() {
		if more, done, err := q.lead(ctx, number, said.leads()); err != nil || !more || done {
			return more, err
		}
	}
	if said.wide() && !q.seldom {
		if more, done, err := q.likely(ctx, number, said); err != nil || !more || done {
			return more, err
		}
	}
	return q.exactly(ctx, number, said.match())
}

// few finds what matches in a chapter, if there is little of it, and otherwise the newest or
// the oldest of that, as the statement has it.
func (q *inquiry) few(ctx context.Context, statement string, number int64, match string) (places []flow.Cursor, few bool, err error) {
	places, err = column[flow.Cursor](ctx, q.reads, fmt.Sprintf(statement, number), match, q.before, fewPlaces+1)
	return places, len(places) <= fewPlaces, err
}

// lead hands out what has the rarest of some words, if that is all or pays.
func (q *inquiry) lead(ctx context.Context, number int64, leads []spelling) (more, done bool, err error) {
	var rarest string // is asked for
	var newest []flow.Cursor
	for _, lead := range leads {
		word := lead.words[0]
		if q.many[word] && word != q.rarest {
			continue // it was no better in newer chapters
		}
		places, few, err := q.few(ctx, findNewest, number, lead.match())
		if err != nil || few {
			return err == nil && q.try(places), true, err
		}
		q.many[word] = true
		if newest == nil || places[fewPlaces] < newest[fewPlaces] {
			q.rarest, rarest, newest = word, lead.match(), places
		}
	}
	if newest == nil {
		return true, false, nil
	}
	return q.look(ctx, number, rarest, newest[:trialPlaces])
}

// look hands out what matches, of which it gets the newest, as long as that pays. Words that
// a good part of all messages has select little, and to step through them takes longer than
// to look at the messages with the rarest one.
func (q *inquiry) look(ctx context.Context, number int64, match string, places []flow.Cursor) (more, done bool, err error) {
	for len(places) > 0 {
		q.before = places[len(places)-1]
		if !q.try(places) {
			return false, true, nil
		}
		if q.poor() {
			return true, false, nil
		}
		places, err = column[flow.Cursor](ctx, q.reads, fmt.Sprintf(findNewest, number), match, q.before, min(2*len(places), searchChunk))
		if err != nil {
			return false, false, err
		}
	}
	return true, true, nil
}

// likely hands out what is selected but for wide words or, when there are no others, what
// has the words themselves, without those that begin so. It is done when this was all that
// there is.
func (q *inquiry) likely(ctx context.Context, number int64, said saying) (more, done bool, err error) {
	loose := said.narrow()
	if len(loose) == 0 {
		_, more, err := q.all(ctx, number, q.selection.closed().match(), -1)
		return more, false, err
	}
	n, more, err := q.all(ctx, number, loose.match(), likelySoon)
	done = n < likelySoon
	q.seldom = !done
	return more, done, err
}

// exactly hands out what is selected. Where little is expected, since a newer chapter had
// little, it is found from the oldest on; if there is more after all, the next chapter is
// not asked so.
func (q *inquiry) exactly(ctx context.Context, number int64, match string) (more bool, err error) {
	if q.scarce {
		if places, few, err := q.few(ctx, findOldest, number, match); err != nil || few {
			slices.Reverse(places)
			return err == nil && q.hand(places), err
		}
	}
	n, more, err := q.all(ctx, number, match, -1)
	q.scarce = !q.scarce && n <= fewPlaces
	return more, err
}

// all hands out what matches in a chapter, up to a number of messages if that is not
// negative, and returns how many they were. Those of other channels, if there are few, are
// left to the one who takes them: the channels would be the most common words.
func (q *inquiry) all(ctx context.Context, number int64, match string, most int) (n int, more bool, err error) {
	if q.scope != "" {
		if places, few, err := q.few(ctx, findNewest, number, match); err != nil || few {
			return len(places), err == nil && q.hand(places), err
		}
		match += " AND " + q.scope
	}
	return q.stream(ctx, number, match, most)
}

// stream hands out what matches in a chapter while it is being found.
func (q *inquiry) stream(ctx context.Context, number int64, match string, most int) (n int, more bool, err error) {
	rows, err := q.reads.QueryContext(ctx, fmt.Sprintf(findNewest, number), match, q.before, most)
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

// try hands out messages with one of the words, and keeps count. The last ones count most.
func (q *inquiry) try(places []flow.Cursor) (more bool) {
	if q.tried > fewPlaces {
		q.tried, q.found = q.tried/2, q.found/2
	}
	found, more := q.take(places)
	q.tried, q.found = q.tried+len(places), q.found+found
	return more
}

// poor reports whether messages with one of the words were seldom what is looked for. Then
// it takes less time to select further, also where there are few of them.
func (q *inquiry) poor() bool { return q.tried >= trialPlaces && q.found*paying < q.tried }

func (q *inquiry) hand(places []flow.Cursor) (more bool) {
	_, more = q.take(places)
	return more
}
