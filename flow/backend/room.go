package backend

import (
	"errors"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// room is what a backend has for the calls under way. Those that wait for something to
// happen may stay for ever, and leave a part of it to the others, however many they are.
type room struct {
	calls chan struct{} // holds a value for each call
	waits chan struct{} // and one for each of them that waits
}

// waitsPart is how much of the room may be taken by calls that wait: 3 of 4 places.
func waitsPart(calls int) int { return max(1, calls/4*3) }

func newRoom(calls int) room {
	return room{make(chan struct{}, calls), make(chan struct{}, waitsPart(calls))}
}

// enter takes in a call, until leave is called. An error says that there is no room.
func (r room) enter(request flow.Request) (leave func(), err error) {
	waits := flow.Waits(request.Method, request.Param()) > 0
	if waits && !take(r.waits) {
		return nil, flow.Errorf(flow.Unavailable, "the backend has %d calls that wait, which is its limit; try again", cap(r.waits))
	}
	if !take(r.calls) {
		if waits {
			<-r.waits
		}
		return nil, flow.Errorf(flow.Unavailable, "the backend has %d calls under way, which is its limit; try again", cap(r.calls))
	}
	return func() {
		if waits {
			<-r.waits
		}
		<-r.calls
	}, nil
}

// take reports whether there was a place left.
func take(places chan<- struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
		return false
	}
}

// drain waits until no call runs, which is when every place can be had.
func (r room) drain(most time.Duration) error {
	late := time.After(most)
	for range cap(r.calls) {
		select {
		case r.calls <- struct{}{}:
		case <-late:
			return errors.New("stop serving: a call goes on although it was cancelled")
		}
	}
	return nil
}
