package policy

import (
	"fmt"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// meter counts what is sent. It knows of this process alone.
type meter struct {
	limits Limits

	mu      sync.Mutex
	spent   []expense           // of the last hour, in their order
	counted map[repeatable]bool // of these: a repetition does not count again
}

// repeatable is what an engine does once only: a request id holds for one operation.
type repeatable struct {
	operation string
	request   flow.RequestID
}

type expense struct {
	at time.Time
	repeatable
	channel flow.ChannelID // of a message
	bytes   int64          // of an attachment
}

func newMeter(l Limits) *meter { return &meter{limits: l, counted: map[repeatable]bool{}} }

func (m *meter) counts() bool { return m.limits != Limits{} }

// take counts a call, or refuses it when it would be too much. What it returns is told how
// the call ended: a call that surely did nothing is not counted.
func (m *meter) take(in reflect.Value, op flow.AnyOperation, request flow.RequestID) (settle func(error), err error) {
	e := expense{at: time.Now(), repeatable: repeatable{op.Info().Name, request}}
	if op.Info().Effect == flow.Writes {
		e.channel, e.bytes = beside(in, ""), sourceBytes(in)
	}
	if !m.counts() || e.channel == "" && e.bytes == 0 {
		return func(error) {}, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(e.at)
	if m.counted[e.repeatable] {
		return func(error) {}, nil
	}
	if err := m.afford(e); err != nil {
		return nil, err
	}
	m.spent = append(m.spent, e)
	if request != "" {
		m.counted[e.repeatable] = true
	}
	return func(err error) {
		if didNothing(err) {
			m.giveBack(e)
		}
	}, nil
}

// judge refuses what would be too much now, and counts nothing.
func (m *meter) judge(in reflect.Value, op flow.AnyOperation, request flow.RequestID) error {
	e := expense{at: time.Now(), repeatable: repeatable{op.Info().Name, request}}
	if op.Info().Effect == flow.Writes {
		e.channel, e.bytes = beside(in, ""), sourceBytes(in)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(e.at)
	if m.counted[e.repeatable] {
		return nil
	}
	return m.afford(e)
}

// didNothing reports whether an error proves that the call has changed nothing. A call that
// was cancelled may have been done.
func didNothing(err error) bool {
	switch flow.CodeOf(err) {
	case flow.Invalid, flow.NotFound, flow.Denied, flow.Conflict, flow.Unsupported,
		flow.Unavailable, flow.Unusable, flow.UnknownSession:
		return true
	}
	return false
}

func (m *meter) expire(now time.Time) {
	for len(m.spent) > 0 && now.Sub(m.spent[0].at) >= time.Hour {
		delete(m.counted, m.spent[0].repeatable)
		m.spent = m.spent[1:]
	}
}

func (m *meter) giveBack(e expense) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.spent {
		if m.spent[i] == e {
			m.spent = append(m.spent[:i], m.spent[i+1:]...)
			delete(m.counted, e.repeatable)
			return
		}
	}
}

// afford refuses an expense that exceeds a limit, and says when there is room again.
func (m *meter) afford(e expense) error {
	l := m.limits
	for _, limit := range []struct {
		most   int
		within time.Duration
		same   bool // channel
		what   string
	}{
		{l.MessagesPerMinute, time.Minute, false, "messages a minute"},
		{l.MessagesPerHour, time.Hour, false, "messages an hour"},
		{l.ChannelMessagesPerMinute, time.Minute, true, "messages a minute to one channel"},
		{l.ChannelMessagesPerHour, time.Hour, true, "messages an hour to one channel"},
	} {
		if limit.most == 0 || e.channel == "" {
			continue
		}
		var times []time.Time
		for _, old := range m.spent {
			if old.channel != "" && (!limit.same || old.channel == e.channel) && e.at.Sub(old.at) < limit.within {
				times = append(times, old.at)
			}
		}
		if len(times) >= limit.most {
			free := times[len(times)-limit.most].Add(limit.within)
			return exceeded(fmt.Sprintf("%d %s", limit.most, limit.what), free.Sub(e.at))
		}
	}
	return m.affordBytes(e)
}

func (m *meter) affordBytes(e expense) error {
	most := m.limits.AttachmentBytesPerHour
	if most == 0 || e.bytes == 0 {
		return nil
	}
	var sum int64
	for _, old := range m.spent {
		sum += old.bytes
	}
	if sum+e.bytes <= most {
		return nil
	}
	wait := time.Hour
	if len(m.spent) > 0 {
		wait -= e.at.Sub(m.spent[0].at)
	}
	return exceeded(fmt.Sprintf("%d bytes of attachments an hour", most), wait)
}

func exceeded(limit string, wait time.Duration) error {
	return flow.Errorf(flow.Denied, "nothing was sent: the policy of this server allows %s; there is room again in %d seconds", limit, int(wait.Round(time.Second).Seconds()))
}

// sourceBytes is the size of the file that the parameters name.
func sourceBytes(in reflect.Value) int64 {
	given, ok := in.Interface().(flow.NewAttachmentInput)
	if !ok {
		return 0
	}
	info, err := os.Stat(given.FilePath)
	if err != nil {
		return 0 // the backend says what is wrong
	}
	return info.Size()
}
