package sqlite

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// crowd is some processes that chat, and what they said.
type crowd struct {
	children map[string]*child
	reading  sync.WaitGroup

	mu      sync.Mutex
	acked   map[string]bool
	seen    map[string][]seen // by process
	stopped int
}

func newCrowd(t *testing.T, dir string, processes, workers int) *crowd {
	c := &crowd{children: map[string]*child{}, acked: map[string]bool{}, seen: map[string][]seen{}}
	for i := range processes {
		name := fmt.Sprint("p", i)
		c.children[name] = spawn(t, "chat", dir, name, strconv.Itoa(workers))
	}
	for _, child := range c.children {
		c.reading.Go(func() { c.read(child) })
	}
	return c
}

// read notes what a child says. Of the last line of a killed one only a part may be there.
func (c *crowd) read(from *child) {
	for from.lines.Scan() {
		kind, rest, _ := strings.Cut(from.lines.Text(), " ")
		c.mu.Lock()
		switch kind {
		case "acked":
			c.acked[rest] = true
		case "stopped":
			c.stopped++
		case "seen":
			number, text, _ := strings.Cut(rest, " ")
			seq, _ := strconv.ParseInt(number, 10, 64)
			c.seen[from.name] = append(c.seen[from.name], seen{flow.Cursor(seq), text})
		}
		c.mu.Unlock()
	}
}

// ackedBy counts the acknowledged messages of each process that is still there.
func (c *crowd) ackedBy() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := map[string]int{}
	for text := range c.acked {
		name, _, _ := strings.Cut(text, "/")
		if c.children[name] != nil {
			counts[name]++
		}
	}
	return counts
}

// waitForProgress waits until every process has got further acknowledgements.
func (c *crowd) waitForProgress(t *testing.T) {
	t.Helper()
	before := c.ackedBy()
	eventually(t, "every process has sent something", func() bool {
		now := c.ackedBy()
		for name := range c.children {
			if now[name] < before[name]+8 {
				return false
			}
		}
		return true
	})
}

// Whatever ends the owner: what was acknowledged is there once, and everybody else sees
// everything once and in order, in one session.
func TestOwnerEnds(t *testing.T) {
	t.Parallel()
	endings := map[string]func(*testing.T, *child){
		"killed": func(t *testing.T, c *child) {
			if err := c.command.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-c.ended
		},
		"leaves": func(t *testing.T, c *child) {
			c.stdin.Close()
			if <-c.ended; c.err != nil {
				t.Error(c.err)
			}
		},
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c := newCrowd(t, dir, 8, 4)
			for range 3 {
				c.waitForProgress(t)
				owner := ownerOf(t, dir, c.children)
				end(t, owner)
				delete(c.children, owner.name)
			}
			c.waitForProgress(t)
			c.check(t, c.finish(t, dir))
			checkNumbers(t, dir)
		})
	}
}

// A process that owns a store again sees what another one wrote meanwhile.
func TestOwnAgain(t *testing.T) {
	dir := t.TempDir()
	first := join(t, dir)
	alice := account(t, first, "alice")
	if err := alice.send(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	other := launch(t, "idle", dir, "other")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	ownerOf(t, dir, map[string]*child{"other": other})
	bob := account(t, join(t, dir), "bob")
	if err := bob.send(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}
	if err := other.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-other.ended
	if err := bob.send(t.Context(), "third"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"first", "second", "third"}, history(t, bob)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// finish ends the chat and returns all messages of the store, in their order.
func (c *crowd) finish(t *testing.T, dir string) []string {
	t.Helper()
	for _, child := range c.children {
		fmt.Fprintln(child.stdin, "stop")
	}
	eventually(t, "everybody has stopped", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.stopped == len(c.children)
	})
	m := join(t, dir)
	defer m.Close()
	judge := account(t, m, "judge")
	if err := judge.send(t.Context(), lastWords); err != nil {
		t.Fatal(err)
	}
	c.reading.Wait()
	for _, child := range c.children {
		child.finish(t)
	}
	return history(t, judge)
}

// history returns the texts of the channel, oldest first.
func history(t *testing.T, s *seat) []string {
	t.Helper()
	var all []string
	filters := flow.MessageFilters{Limit: flow.MaxMessages}
	for {
		page, err := flow.EnumerateMessages.Call(t.Context(), s, flow.EnumerateMessagesInput{ChannelID: s.channel, Filters: &filters})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page {
			all = append(all, m.Text)
		}
		if len(page) < filters.Limit {
			slices.Reverse(all)
			return all
		}
		filters.Before = page[len(page)-1].ID
	}
}

// check compares what the store has with what was said of it.
func (c *crowd) check(t *testing.T, stored []string) {
	t.Helper()
	count := map[string]int{}
	next := map[string]int{} // by process and worker
	for _, text := range stored {
		count[text]++
		if text == lastWords {
			continue
		}
		worker, number := path.Split(text)
		if number != strconv.Itoa(next[worker]) {
			t.Errorf("%s is stored where number %d was due", text, next[worker])
		}
		next[worker]++
	}
	for text := range c.acked {
		if count[text] != 1 {
			t.Errorf("%s was acknowledged and is stored %d times", text, count[text])
		}
	}
	t.Logf("%d messages acknowledged, %d stored", len(c.acked), len(stored))
	for name := range c.children {
		if diff := cmp.Diff(stored[max(0, len(stored)-len(c.seen[name])):], ordered(t, name, c.seen[name])); diff != "" {
			t.Errorf("%s did not see what is stored (-stored +seen):\n%s", name, diff)
		}
		if !slices.ContainsFunc(stored, func(text string) bool { return strings.HasPrefix(text, name+"/") }) {
			t.Errorf("%s sent nothing", name)
		}
	}
}

// ordered returns the texts of messages, whose positions must rise.
func ordered(t *testing.T, name string, all []seen) []string {
	t.Helper()
	var texts []string
	for i, m := range all {
		if i > 0 && m.seq <= all[i-1].seq {
			t.Errorf("%s saw %q at %d after %q at %d", name, m.text, m.seq, all[i-1].text, all[i-1].seq)
		}
		texts = append(texts, m.text)
	}
	return texts
}

// checkNumbers looks for channels whose messages are not numbered 1, 2, 3 ... in a store
// that nobody uses.
func checkNumbers(t *testing.T, dir string) {
	t.Helper()
	s, err := openStore(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close(t.Context())
	var channels, gaps int
	err = s.pool.QueryRowContext(t.Context(), `SELECT count(*), coalesce(sum(number <> last), 0) FROM
		(SELECT count(*) AS number, max(message.chseq) AS last
		FROM message GROUP BY message.channel)`).Scan(&channels, &gaps)
	if err != nil {
		t.Fatal(err)
	}
	if channels == 0 || gaps > 0 {
		t.Errorf("%d of %d channels have gaps in their numbers", gaps, channels)
	}
}

// TestAcknowledgedBeforeTheOwnerDied: what a device acknowledged before it got something
// new does not come again, however soon after that its process is killed, with the store.
func TestAcknowledgedBeforeTheOwnerDied(t *testing.T) {
	dir := t.TempDir()
	bob := launch(t, "chat", dir, "bob", "0")
	ownerOf(t, dir, map[string]*child{"bob": bob})
	alice := account(t, join(t, dir), "alice")
	for _, text := range []string{"one", "two"} {
		if err := alice.send(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		bob.hears(t, text)
	}
	if err := bob.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-bob.ended
	bob = launch(t, "chat", dir, "bob", "0")
	if err := alice.send(t.Context(), "three"); err != nil {
		t.Fatal(err)
	}
	if got := bob.hears(t, "three"); slices.Contains(got, "one") {
		t.Errorf("after the restart come %q", got)
	}
}

// hears returns the texts that a chat sees, up to one.
func (c *child) hears(t *testing.T, last string) (got []string) {
	t.Helper()
	for {
		word, rest, _ := strings.Cut(c.line(t), " ")
		if _, text, _ := strings.Cut(rest, " "); word == "seen" {
			if got = append(got, text); text == last {
				return got
			}
		}
	}
}
