package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// seal writes where the words stand in the chapters that are complete, in steps between
// which the indexer goes on.
func (x *searcher) seal(ctx context.Context) error {
	for chapter := x.sealed.Load(); x.span.first(chapter+1) <= x.indexed.Load()+1; chapter++ {
		if slices.Contains(*x.chapters.Load(), chapter) {
			if err := x.sealOne(ctx, chapter); err != nil {
				return fmt.Errorf("seal a chapter: %w", err)
			}
		}
		if _, err := x.file.ExecContext(ctx, setSealed, chapter+1); err != nil {
			return fmt.Errorf("note that a chapter is sealed: %w", err)
		}
		x.sealed.Store(chapter + 1)
	}
	return nil
}

func (x *searcher) sealOne(ctx context.Context, chapter int64) (err error) {
	if _, err := x.file.ExecContext(ctx, fmt.Sprintf(dropMany, chapter)); err != nil {
		return fmt.Errorf("drop places that were written before: %w", err)
	}
	c, entry := x.recall(chapter), 0
	for from := ""; ; from = c.upTo {
		if c == nil || from != "" {
			if c, err = x.concord(ctx, chapter, from, true); err != nil {
				return err
			}
		}
		if err := x.record(ctx, c, entry); err != nil || c.upTo == "" {
			return err
		}
		entry += len(c.words)
	}
}

// record writes a concordance, from an entry of this number on.
func (x *searcher) record(ctx context.Context, c *concordance, entry int) error {
	for words := range slices.Chunk(c.list(), sealChunk) {
		if err := x.change(ctx, func(t *sql.Tx) error { return c.write(ctx, t, x.span, words, entry) }); err != nil {
			return err
		}
		if _, err := x.add(ctx); err != nil {
			return err
		}
		entry += len(words)
	}
	return nil
}

// recall returns the concordance of a chapter that was filled lately, or nil.
func (x *searcher) recall(chapter int64) *concordance {
	for _, kept := range []**concordance{&x.complete, &x.said} {
		if c := *kept; c != nil && c.chapter == chapter && c.whole {
			*kept = nil
			return c
		}
	}
	return nil
}

// concord reads the messages of a chapter for its words from one on. If the indexer is free,
// it goes on meanwhile.
func (x *searcher) concord(ctx context.Context, chapter int64, from string, free bool) (*concordance, error) {
	c := x.newConcordance(chapter, from)
	for last := c.first - 1; ; {
		next, err := x.texts(ctx, last, x.span.first(chapter+1), func(place int64, text, scope string) error {
			c.addText(indexText(text), scope, place)
			return nil
		})
		if err != nil || next == 0 {
			return c, err
		}
		last = next
		if !free {
			continue
		}
		if _, err := x.add(ctx); err != nil {
			return nil, err
		}
	}
}

// rewrite drops the words that no message of a chapter has any more, and the places of
// messages that were deleted. While it reads, the indexer goes on in newer chapters only,
// since what the chapter has is replaced; while it writes, and reads what did not fit into
// memory, the indexer waits.
func (x *searcher) rewrite(ctx context.Context, chapter int64) error {
	x.said, x.complete = nil, nil
	c, err := x.concord(ctx, chapter, "", chapter < x.newest())
	if err != nil {
		return err
	}
	return x.change(ctx, func(t *sql.Tx) error {
		if _, err := t.ExecContext(ctx, fmt.Sprintf(dropWords, chapter)); err != nil {
			return fmt.Errorf("empty a concordance: %w", err)
		}
		for entry := 0; ; {
			if err := c.write(ctx, t, x.span, c.list(), entry); err != nil || c.upTo == "" {
				return err
			}
			entry += len(c.words)
			if c, err = x.concord(ctx, chapter, c.upTo, false); err != nil {
				return err
			}
		}
	})
}
