package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// toIndex reads main.db.
const toIndex = `SELECT message.seq, message.channel, channel.org, message.body, message.attachments
FROM message CROSS JOIN channel ON channel.id = message.channel
WHERE message.seq > ? AND message.seq < ? AND message.deleted = 0 ORDER BY message.seq LIMIT ?`

// add puts the next messages into the index, with the place that it has reached. It
// reports whether there were any.
func (x *searcher) add(ctx context.Context) (more bool, err error) {
	end := int64(x.store.hub.end())
	f := filling{on: x}
	var last int64
	if err := x.change(ctx, func(t *sql.Tx) (err error) {
		f.t = t
		last, err = f.addNext(ctx)
		return err
	}); err != nil {
		return false, err
	}
	if last == 0 {
		x.indexed.Store(max(end, x.indexed.Load())) // there is other news alone
		return false, nil
	}
	f.done()
	x.indexed.Store(last)
	return true, nil
}

// change runs a function in a transaction.
func (x *searcher) change(ctx context.Context, do func(*sql.Tx) error) error {
	t, err := x.file.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to change the index: %w", err)
	}
	defer t.Rollback()
	if err := do(t); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit a change of the index: %w", err)
	}
	return nil
}

// texts calls a function with what is to be indexed of the next messages between two places,
// one by one, since all together may be large. It returns the last place, or 0.
func (x *searcher) texts(ctx context.Context, after, before int64, take func(place int64, text, scope string) error) (last int64, err error) {
	rows, err := x.store.pool.QueryContext(ctx, toIndex, after, before, indexChunk)
	if err != nil {
		return 0, x.store.explain(err)
	}
	defer rows.Close()
	var channel, org int64
	var body string
	for rows.Next() {
		var files db.Files
		if err := rows.Scan(&last, &channel, &org, &body, &files); err != nil {
			return last, x.store.explain(err)
		}
		if err := take(last, withNames(body, files), channelToken(channel)+" "+teamToken(org)); err != nil {
			return last, err
		}
	}
	return last, x.store.explain(rows.Err())
}

// filling puts messages into chapters, in one transaction. Its statements, of which there
// are many, are not to be cut short (see [statements]).
type filling struct {
	on       *searcher
	t        *sql.Tx
	insert   *sql.Stmt
	say      *sql.Stmt    // adds words to the concordance
	said     *concordance // of the chapter
	complete *concordance // of the one before
	begun    []int64      // chapters that are new
}

// addNext puts the next messages in, and returns the place of the last one, or 0.
func (f *filling) addNext(ctx context.Context) (last int64, err error) {
	uncut := context.WithoutCancel(ctx)
	last, err = f.on.texts(ctx, f.on.indexed.Load(), math.MaxInt64, func(place int64, text, scope string) error {
		f.on.lately++
		return f.add(uncut, place, text, scope)
	})
	if err != nil {
		return 0, fmt.Errorf("index messages: %w", err)
	}
	if last == 0 {
		return 0, nil
	}
	if _, err := f.t.ExecContext(ctx, setIndexed, last); err != nil {
		return 0, fmt.Errorf("note the end of the index: %w", err)
	}
	return last, nil
}

func (f *filling) add(ctx context.Context, seq int64, text, scope string) error {
	if number := f.on.span.chapter(seq); f.said == nil || number != f.said.chapter {
		if err := f.turn(ctx, number); err != nil {
			return err
		}
	}
	text = indexText(text)
	if _, err := f.insert.ExecContext(ctx, seq, text, scope); err != nil {
		return err
	}
	for _, word := range f.said.addText(text, scope, seq) {
		if _, err := f.say.ExecContext(ctx, word); err != nil {
			return err
		}
	}
	if f.said.upTo != "" { // there are too many words to remember
		f.said = f.on.newConcordance(f.said.chapter, "")
	}
	return nil
}

// turn goes on with a chapter, the newest or a new one.
func (f *filling) turn(ctx context.Context, number int64) (err error) {
	begins := number > f.on.newest()
	if begins {
		if _, err := f.t.ExecContext(ctx, fmt.Sprintf(beginChapter, number)); err != nil {
			return fmt.Errorf("begin a chapter: %w", err)
		}
		f.begun = append(f.begun, number)
	}
	before := cmp.Or(f.said, f.on.said)
	f.on.said = nil // until what is added is there to stay
	if f.said = before; before == nil || before.chapter != number {
		if before != nil && before.whole {
			f.complete = before
		}
		f.said = f.on.newConcordance(number, "")
		f.said.whole = begins
	}
	if f.say, err = f.t.PrepareContext(ctx, fmt.Sprintf(addWord, number)); err != nil {
		return err
	}
	f.insert, err = f.t.PrepareContext(ctx, fmt.Sprintf(addWords, number))
	return err
}

// done shows new chapters to searches, after the transaction.
func (f *filling) done() {
	f.on.said = f.said
	if f.complete != nil {
		f.on.complete = f.complete
	}
	if len(f.begun) > 0 {
		list := slices.Concat(*f.on.chapters.Load(), f.begun)
		f.on.chapters.Store(&list)
	}
}
