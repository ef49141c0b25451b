package flow

import (
	"encoding/json"
	"time"
)

// The other end of a stream may be there and not answer: a process that was stopped, or that
// hangs. While a call is overdue the stream looks now and then whether anything has arrived.
// If not, it asks by a frame that the reader at the other end answers at once, whatever its
// engine is busy with. When that stays open too the stream is silent: calls fail, but the
// connection is kept, since it tells of itself when the other end goes on, or ends.
//
// Looks are counted, not their time: when this process was itself stopped for a while, one
// look comes too late, and finds on the next what has arrived meanwhile.

// aliveMethod asks for a sign of life. Its reply says nothing. To an end that does not know
// it, it is a call of an unknown method, whose reply is as good.
const aliveMethod = "$alive"

const (
	defaultPatience = 15 * time.Second
	// looksWithin is how often a stream looks within its patience.
	looksWithin = 5
	// asksAt is after how many looks in vain it asks. The first may come just after the
	// call that it is about.
	asksAt = 2
)

var errSilent = Errorf(Unusable, "the owner of the store is there and does not answer; continue or end that process")

// listening is what a stream knows of the silence at the other end. It is guarded by the
// mutex of the stream.
type listening struct {
	pause time.Duration // between two looks
	timer *time.Timer
	look  time.Time     // when the next one is due; zero when there is nothing to look for
	vain  int           // looks since something arrived
	again chan struct{} // closed when a silent stream hears something; nil when it is not silent
}

// Silent returns a channel that is closed when the other end, which does not answer, is
// heard again. It returns nil when nothing is wrong with it.
func (s *Stream) Silent() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listening.again
}

// heard notes that something has arrived.
func (s *Stream) heard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listening.vain = 0
	if s.listening.again != nil {
		close(s.listening.again)
		s.listening.again = nil
	}
}

// lookAfter has the stream look after a call once its answer is overdue. It is called with
// mu held, as all below.
func (s *Stream) lookAfter(due time.Time) {
	l := &s.listening
	if at := due.Add(l.pause); l.look.IsZero() || at.Before(l.look) {
		l.look = at
		l.timer.Reset(time.Until(at))
	}
}

// lookNow is what the timer runs.
func (s *Stream) lookNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, now := &s.listening, time.Now()
	if s.lost || now.Before(l.look) {
		return
	}
	l.look = time.Time{}
	due, any := s.firstDue()
	switch {
	case !any:
		return
	case due.After(now):
		l.vain = 0
		s.lookAfter(due)
		return
	}
	switch l.vain++; l.vain {
	case asksAt:
		s.next++
		s.out.queue(EncodeRequest(s.next, aliveMethod, json.RawMessage("{}"), ""))
	case asksAt + looksWithin:
		s.fallSilent()
		return
	}
	s.lookAfter(now)
}

// firstDue returns when the first answer is due, if any ever is.
func (s *Stream) firstDue() (first time.Time, any bool) {
	for _, w := range s.waiting {
		if !w.due.IsZero() && (!any || w.due.Before(first)) {
			first, any = w.due, true
		}
	}
	return first, any
}

// fallSilent ends the calls that have to be answered at some time. The others go on when
// the other end does.
func (s *Stream) fallSilent() {
	s.listening.again = make(chan struct{})
	for id, w := range s.waiting {
		if w.due.IsZero() {
			continue
		}
		delete(s.waiting, id)
		s.out.queue(EncodeRequest(id, cancelMethod, json.RawMessage("{}"), ""))
		err := s.options.Silence
		if w.writes {
			err = Errorf(Uncertain, "the owner of the store stopped answering during the call, which it may still do")
		}
		w.reply <- answer{err: err}
	}
}
