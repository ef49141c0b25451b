package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// passage is some sealed chapters, the newest first, which one statement reads.
type passage []int64

// passageSpan is how many chapters a passage may have. Which it has depends on their
// numbers, so that each statement is prepared once. As long as there may be more, each is
// alone: the newest often have all that is to be found.
const passageSpan = 4

// passages puts the chapters before one into passages, the newest first.
func passages(chapters []int64, before int64) (list []passage) {
	for _, number := range slices.Backward(chapters) {
		last := len(list) - 1
		group := number / passageSpan
		switch {
		case number >= before:
		case last < 0 || group == (before-1)/passageSpan || group != list[last][0]/passageSpan:
			list = append(list, passage{number})
		default:
			list[last] = append(list[last], number)
		}
	}
	return list
}

// each writes a statement for each chapter and joins them.
func (p passage) each(statement string) string {
	list := make([]string, len(p))
	for i, chapter := range p {
		list[i] = fmt.Sprintf(statement, i, chapter)
	}
	return strings.Join(list, " UNION ALL ")
}

// The statements that read where words stand in a chapter, of which they have the index in
// the passage.
const (
	placesOfWords = `SELECT * FROM (SELECT %[1]d, ifnull(few.places, many.places) FROM concordance_%[2]d AS few
		LEFT JOIN places_%[2]d AS many USING (entry) WHERE word >= ?1 AND word <= ?2 LIMIT ?3)`
	placesOfScope = `SELECT %[1]d, ifnull(few.places, many.places) FROM json_each(?1)
		CROSS JOIN concordance_%[2]d AS few ON word = value LEFT JOIN places_%[2]d AS many USING (entry)`
)

// comparison finds the places that several words of a passage have in common.
type comparison struct {
	on    db.DBTX
	span  span
	terms []term     // the words
	free  *sync.Pool // of sets, which are large

	passage passage
	query   string     // for a word of it
	sets    []placeSet // of each chapter, or nil as long as there was nothing to compare
}

// begin goes on with a passage.
func (c *comparison) begin(p passage) {
	c.drop(c.sets)
	c.passage, c.query, c.sets = p, p.each(placesOfWords), nil
}

// set returns what is left of a chapter of the passage, or nil.
func (c *comparison) set(i int) placeSet {
	if c.sets == nil {
		return nil
	}
	return c.sets[i]
}

func (c *comparison) drop(sets []placeSet) {
	if sets != nil {
		c.free.Put(&sets)
	}
}

// common leaves the places that have all the words but for wide ones, if they are not wide
// all of them. It reports whether some were, as long as places are left.
func (c *comparison) common(ctx context.Context) (wide bool, err error) {
	for _, t := range c.terms {
		one, err := c.narrow(ctx, t)
		if err != nil || c.sets != nil && !c.any() {
			return false, err
		}
		wide = wide || one
	}
	return wide, nil
}

// narrow leaves the places that have a word, unless it is wide.
func (c *comparison) narrow(ctx context.Context, t term) (wide bool, err error) {
	last := t.word
	if t.open {
		last += lastByte
	}
	endings := make([]int, len(c.passage))
	return c.keep(ctx, c.query, func(i int) (enough bool) {
		endings[i]++
		return endings[i] > maxEndings
	}, t.word, last, maxEndings+1)
}

// within leaves the places that are in a scope.
func (c *comparison) within(ctx context.Context, s scope) error {
	words, err := s.words()
	if err != nil {
		return err
	}
	_, err = c.keep(ctx, c.passage.each(placesOfScope), func(int) bool { return false }, words)
	return err
}

// keep leaves the places that are in a row of a query, unless there are enough of a chapter.
func (c *comparison) keep(ctx context.Context, query string, enough func(i int) bool, args ...any) (ended bool, err error) {
	rows, err := c.on.QueryContext(ctx, query, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	next := c.empty()
	for rows.Next() {
		var i int
		var packed sql.RawBytes
		if err := rows.Scan(&i, &packed); err != nil {
			return false, err
		}
		if enough(i) {
			c.drop(next)
			return true, nil
		}
		if err := next[i].add(packed, c.set(i)); err != nil {
			return false, err
		}
	}
	c.drop(c.sets)
	c.sets = next
	return false, rows.Err()
}

// empty returns sets with nothing in them.
func (c *comparison) empty() (sets []placeSet) {
	if free, ok := c.free.Get().(*[]placeSet); ok {
		sets = *free
	}
	for _, set := range sets {
		clear(set)
	}
	for len(sets) < len(c.passage) {
		sets = append(sets, make(placeSet, c.span.setSize()))
	}
	return sets
}

// any reports whether places are left.
func (c *comparison) any() bool {
	return slices.ContainsFunc(c.sets, func(set placeSet) bool {
		return slices.ContainsFunc(set, func(word uint64) bool { return word != 0 })
	})
}

// count returns how many places are left.
func (c *comparison) count() (n int) {
	for _, set := range c.sets {
		n += set.count()
	}
	return n
}
