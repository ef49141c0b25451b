package flow

import (
	"context"
	"encoding/json"
	"sync"
)

// Receipt says of one call what its result does not. It travels beside the call, as a
// value of its context and as members of the reply's envelope, because results have to
// stay as Flow has them.
type Receipt struct {
	mu    sync.Mutex
	notes Notes
}

// Notes are what a receipt says. Source: proposed by this project.
type Notes struct {
	// Repeated says that the engine had done the same request before, by its
	// [RequestID], and did nothing now. A repetition that this side made itself, because
	// a backend had gone away, is none.
	Repeated bool
	// Missing is what the result does not hold although it was asked for.
	Missing Missing
}

// Missing says what a reading call has not read. Its zero value says that nothing is
// missing, or that the backend does not say.
type Missing struct {
	// Deleted is how many messages of the part that was read are gone, [DeletedCap] at
	// most; of those that were to be deleted, how many were gone before.
	Deleted int `json:"deleted,omitzero"`
	// Retention is what the channel keeps, when the part reaches back to the first
	// message that is left and others were there before.
	Retention Retention `json:"retention,omitzero"`
	// Older says that older messages may be missing: a search has ended before it had looked
	// at all that could be a hit, or an answer was full, see [MaxPage].
	Older bool `json:"older,omitzero"`
	// Newer says that newer messages are missing, because an answer was full.
	Newer bool `json:"newer,omitzero"`
	// WordsOnly says that a search has looked for whole words and beginnings of words
	// alone in older messages.
	WordsOnly bool `json:"wordsOnly,omitzero"`
	// Unindexed is how many places of the log a search has passed over, because its index
	// is behind.
	Unindexed int `json:"unindexed,omitzero"`
}

// DeletedCap is where the count of deleted messages stops.
const DeletedCap = 10_000

// with adds what other calls have not read.
func (m Missing) with(other Missing) Missing {
	if m.Retention == (Retention{}) {
		m.Retention = other.Retention
	}
	m.Deleted = min(m.Deleted+other.Deleted, DeletedCap)
	m.Older = m.Older || other.Older
	m.Newer = m.Newer || other.Newer
	m.WordsOnly = m.WordsOnly || other.WordsOnly
	m.Unindexed = max(m.Unindexed, other.Unindexed)
	return m
}

// Repeated reports whether the call was a repetition of one that was done before.
func (r *Receipt) Repeated() bool { return r.Notes().Repeated }

// Missing returns what was not read.
func (r *Receipt) Missing() Missing { return r.Notes().Missing }

// Notes returns all that is known of the call.
func (r *Receipt) Notes() Notes {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notes
}

type receiptKey struct{}

// WithReceipt returns a context for one call, and what will be known of it.
func WithReceipt(ctx context.Context) (context.Context, *Receipt) {
	r := &Receipt{}
	return context.WithValue(ctx, receiptKey{}, r), r
}

// Note is how those who pass a call on say what they were told of it.
func Note(ctx context.Context, n Notes) {
	r, ok := ctx.Value(receiptKey{}).(*Receipt)
	if !ok || n == (Notes{}) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes.Repeated = r.notes.Repeated || n.Repeated
	r.notes.Missing = r.notes.Missing.with(n.Missing)
}

// NoteRepeated is how an engine, or a caller that stands for one, says that it had done
// the request of this call before.
func NoteRepeated(ctx context.Context) { Note(ctx, Notes{Repeated: true}) }

// NoteMissing is how an engine says what a call has not read. What several calls have not
// read that are made in one context adds up.
func NoteMissing(ctx context.Context, m Missing) { Note(ctx, Notes{Missing: m}) }

// appendTo writes the members of an envelope that say something.
func (n Notes) appendTo(out []byte) []byte {
	if n.Repeated {
		out = append(out, `,"repeated":true`...)
	}
	if n.Missing != (Missing{}) {
		missing, _ := json.Marshal(n.Missing) // numbers and booleans always encode
		out = append(append(out, `,"missing":`...), missing...)
	}
	return out
}

// decodeNotes reads them. What a foreign backend calls the same and is of another form
// says nothing.
func decodeNotes(repeated, missing json.RawMessage) Notes {
	n := Notes{Repeated: string(repeated) == "true"}
	var m Missing
	if len(missing) > 0 && json.Unmarshal(missing, &m) == nil && min(m.Deleted, m.Unindexed, m.Retention.MaxDays, m.Retention.MaxMessages) >= 0 {
		n.Missing = m
	}
	return n
}
