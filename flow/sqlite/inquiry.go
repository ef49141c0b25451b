package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// findNewest finds messages of a chapter before a place. SQLite would prepare it again for
// each limit, if that were a parameter alone.
const findNewest = `SELECT rowid FROM words_%[1]d WHERE words_%[1]d MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT CAST(? AS INTEGER)`

const (
	// fewPlaces is how many messages of a chapter are rather looked at than selected
	// further.
	fewPlaces = 25
	// Before all messages with a wide word are gathered, those with the other words are
	// looked at, if they are not more.
	likelySoon = 1000
)

// inquiry asks the index for messages that may hold what is looked for, chapter by chapter
// from the newest on.
type inquiry struct {
	*searcher
	indexed   flow.Cursor                     // up to where the index must go
	selection selection                       // what is asked for
	scope     scope                           // what it is restricted to
	before    flow.Cursor                     // a place, down to which all was handed out
	chunk     int                             // how many messages are handed out next, and then ever more
	take      func([]flow.Cursor) (more bool) // takes them, newest first, until it wants no more

	comparison comparison
	places     []flow.Cursor // to be handed out
	seldom     bool          // messages with the other words had no wide one
	unsure     int           // messages that were handed out though they may have none
}

// errRenewed is that of an index which is being made anew.
var errRenewed = errors.New("it is made anew")

func (q *inquiry) run(ctx context.Context) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	q.comparison = comparison{on: q.reads, span: q.span, terms: q.selection.terms(), free: &q.sets}
	defer q.comparison.begin(nil)
	if q.reads == nil || int64(q.indexed) > q.searcher.indexed.Load() {
		return errRenewed
	}
	more, err := q.ask(ctx, *q.chapters.Load(), q.sealed.Load())
	if more || err != nil {
		q.flush()
	}
	if err != nil {
		return fmt.Errorf("search index: %w", err)
	}
	return nil
}

// ask hands out what the chapters have: of those that are not sealed what FTS5 finds, and
// of the others what is where the words stand.
func (q *inquiry) ask(ctx context.Context, chapters []int64, sealed int64) (more bool, err error) {
	for _, number := range slices.Backward(chapters) {
		if number < sealed {
			break
		}
		if more, err := q.match(ctx, number); err != nil || !more {
			return more, err
		}
	}
	for _, p := range passages(chapters, sealed) {
		if more, err := q.compare(ctx, p); err != nil || !more {
			return more, err
		}
	}
	return true, nil
}

// compare hands out what is where the words of a passage stand.
func (q *inquiry) compare(ctx context.Context, p passage) (more bool, err error) {
	if flow.Cursor(q.span.first(p[len(p)-1])) >= q.before {
		return true, nil
	}
	c := &q.comparison
	c.begin(p)
	wide, err := c.common(ctx)
	if err != nil {
		return false, err
	}
	if len(q.scope) > 0 && c.count() > fewPlaces*len(p) {
		if err := c.within(ctx, q.scope); err != nil {
			return false, err
		}
	}
	for i, number := range p {
		if more, err := q.settle(ctx, number, c.set(i), wide); err != nil || !more {
			return more, err
		}
	}
	return true, nil
}

// settle hands out what a chapter has at these places, if that is all that is selected, or
// not much more. Otherwise, or if there is no set, FTS5 selects.
func (q *inquiry) settle(ctx context.Context, number int64, set placeSet, wide bool) (more bool, err error) {
	inRows := q.selection.inRows()
	if set != nil && (wide || inRows) {
		switch n := set.count(); {
		case n <= fewPlaces:
		case !inRows && q.unsure+n <= likelySoon:
			q.unsure += n
		default:
			set = nil
		}
	}
	if set == nil {
		return q.match(ctx, number)
	}
	return q.handSet(q.span.first(number), set), nil
}

// handSet hands out a set of places of the chapter that begins with the first one.
func (q *inquiry) handSet(first int64, set placeSet) (more bool) {
	return set.backward(func(distance int64) bool { return q.offer(flow.Cursor(first + distance)) })
}

// match hands out what FTS5 finds in a chapter. When there are few messages in the scope,
// these are it, and nothing is selected further.
func (q *inquiry) match(ctx context.Context, number int64) (more bool, err error) {
	if flow.Cursor(q.span.first(number)) >= q.before {
		return true, nil
	}
	if len(q.scope) > 0 {
		if places, few, err := q.few(ctx, number, q.scope.match()); err != nil || few {
			return err == nil && q.hand(places), err
		}
	}
	said, ok, err := q.selection.spelled(ctx, q.reads, number)
	if err != nil || !ok {
		return err == nil, err
	}
	if said.wide() && !q.seldom {
		if more, done, err := q.likely(ctx, number, said); err != nil || !more || done {
			return more, err
		}
	}
	_, more, err = q.all(ctx, number, said.match(), -1)
	return more, err
}

// few finds what matches in a chapter, if there is little of it.
func (q *inquiry) few(ctx context.Context, number int64, match string) (places []flow.Cursor, few bool, err error) {
	places, err = column[flow.Cursor](ctx, q.reads, fmt.Sprintf(findNewest, number), match, q.before, fewPlaces+1)
	return places, len(places) <= fewPlaces, err
}

// likely hands out what is selected but for wide words or, when there are no others, what
// has the words themselves, without those that begin so. It is done when this was all that
// there is.
func (q *inquiry) likely(ctx context.Context, number int64, said saying) (more, done bool, err error) {
	loose := said.narrow()
	if len(loose) == 0 {
		_, more, err := q.all(ctx, number, q.selection.closed().match(), -1)
		return more && q.flush(), false, err
	}
	n, more, err := q.all(ctx, number, loose.match(), likelySoon)
	done = n < likelySoon
	q.seldom = !done
	return more, done, err
}

// all hands out what matches in a chapter, up to a number of messages if that is not
// negative, and returns how many they were. Those of other channels, if there are few, are
// left to the one who takes them: the channels would be the most common words.
func (q *inquiry) all(ctx context.Context, number int64, match string, most int) (n int, more bool, err error) {
	if len(q.scope) > 0 {
		if places, few, err := q.few(ctx, number, match); err != nil || few {
			return len(places), err == nil && q.hand(places), err
		}
		match += " AND " + q.scope.match()
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
	for rows.Next() {
		var place flow.Cursor
		if err := rows.Scan(&place); err != nil {
			return n, false, err
		}
		n++
		if !q.offer(place) {
			return n, false, nil
		}
	}
	return n, true, rows.Err()
}

func (q *inquiry) hand(places []flow.Cursor) (more bool) {
	return !slices.ContainsFunc(places, func(place flow.Cursor) bool { return !q.offer(place) })
}

// offer hands a place out with others, as soon as they are enough.
func (q *inquiry) offer(place flow.Cursor) (more bool) {
	if place >= q.before {
		return true
	}
	if q.places = append(q.places, place); len(q.places) < q.chunk {
		return true
	}
	q.chunk = min(2*q.chunk, searchChunk)
	return q.flush()
}

// flush hands out what was offered.
func (q *inquiry) flush() (more bool) {
	if len(q.places) == 0 {
		return true
	}
	more = q.take(q.places)
	q.places = q.places[:0]
	return more
}
