package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/flow-mcp/flow-mcp/flow"
)

const day = 24 * time.Hour

func (u user) keeps(t testing.TB, days, messages int) {
	t.Helper()
	_, err := u.SetChannelRetentionPolicy(t.Context(), u.call, flow.SetChannelRetentionPolicyInput{
		ChannelID: u.home.ChannelID, MaxDays: days, MaxMessages: messages,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// holds checks the texts of a user's channel, oldest first.
func (u user) holds(t testing.TB, want ...string) {
	t.Helper()
	got := u.texts(t)
	slices.Reverse(got)
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("the channel holds (-want +got):\n%s", diff)
	}
}

func TestMessagesGoWhenTheirDaysAreOver(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := openStore(t.Context(), dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ana := start(t, s, "one", "ana")
		ana.keeps(t, 2, 0)
		ana.send(t, "first day")
		time.Sleep(day)
		ana.send(t, "second day")
		time.Sleep(day - time.Millisecond)
		synctest.Wait()
		ana.holds(t, "first day", "second day")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		ana.holds(t, "second day")
		if err := s.close(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * day) // and nobody owns the store
		if s, err = openStore(t.Context(), dir, Options{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ana = start(t, s, "one", "ana")
		ana.holds(t)
		ana.send(t, "later")
		time.Sleep(3 * day)
		synctest.Wait()
		ana.holds(t)
		ana.keeps(t, 0, 0)
		ana.send(t, "for ever")
		time.Sleep(5 * day)
		synctest.Wait()
		ana.holds(t, "for ever")
		ana.keeps(t, 1, 0)
		synctest.Wait()
		ana.holds(t)
		if err := s.close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestMessagesFromTheFuture: what was sent while the clock was ahead keeps nothing that
// came after it, and goes in its own time.
func TestMessagesFromTheFuture(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := openStore(t.Context(), dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ana := start(t, s, "one", "ana")
		ana.keeps(t, 2, 0)
		ana.send(t, "before")
		const many = keepChunk + 7 // which one look does not pass
		ana.sendDated(t, s, time.Now().Add(5*day), many, "future")
		ana.send(t, "after")
		time.Sleep(day)
		ana.send(t, "next day")
		time.Sleep(day - time.Millisecond)
		synctest.Wait()
		if got := len(ana.texts(t)); got != many+3 {
			t.Errorf("%d messages are there, want %d", got, many+3)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := ana.texts(t); len(got) != many+1 || got[0] != "next day" || got[many] != "future" {
			t.Errorf("the channel holds %q", got)
		}
		if err := s.close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, err = openStore(t.Context(), dir, Options{}); err != nil {
			t.Fatal(err)
		}
		ana = start(t, s, "one", "ana")
		time.Sleep(day)
		synctest.Wait()
		if got := ana.texts(t); len(got) != many || got[0] != "future" {
			t.Errorf("a day later the channel holds %q", got)
		}
		ana.sendDated(t, s, time.Now().Add(-day), 1, "past")
		time.Sleep(day)
		synctest.Wait()
		if got := ana.texts(t); len(got) != many || got[0] != "future" {
			t.Errorf("two days later the channel holds %q", got)
		}
		time.Sleep(3 * day)
		synctest.Wait()
		ana.holds(t)
		if err := s.close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// sendDated sends some messages as if it were another time.
func (u user) sendDated(t testing.TB, s *store, date time.Time, n int, text string) {
	t.Helper()
	_, self, err := u.self(t.Context(), u.call)
	if err != nil {
		t.Fatal(err)
	}
	err = s.change(t.Context(), func(t *tx) error {
		ch, err := channelFor(t.ctx, t.Queries, self, "SendMessage", u.home.ChannelID, "")
		for i := 0; err == nil && i < n; i++ {
			uid := uuid.Must(uuid.NewV7())
			_, err = t.post(ch.ID, flow.Message{ID: messageID(uid[:]), Text: text, CreationTime: date.UnixMilli()}, uid[:], self.account)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestManyMessagesGoInParts(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	const many = 5*keepChunk + 3
	ana.sendMany(t, many, "the end") // with it there is one more
	events := count(t, s, "event")
	ana.keeps(t, 0, 2)
	eventually(t, "two messages are left", func() bool { return len(ana.texts(t)) == 2 })
	var most int
	if err := s.pool.QueryRow(`SELECT max(json_array_length(data, '$[0].messageIds')) FROM event WHERE kind = 'message-deletion'`).Scan(&most); err != nil {
		t.Fatal(err)
	}
	// One event says that the policy has changed.
	if parts := count(t, s, "event") - events - 1; most != keepChunk || parts != (many-1+keepChunk-1)/keepChunk {
		t.Errorf("%d messages went in %d parts of at most %d", many-1, parts, most)
	}
	var gaps, live int
	err := s.pool.QueryRow(`SELECT count(*) FROM (SELECT chseq, row_number() OVER (ORDER BY seq) AS n FROM message) WHERE chseq <> n`).Scan(&gaps)
	if err != nil || gaps != 0 {
		t.Errorf("%d messages do not follow the one before them; %v", gaps, err)
	}
	err = s.pool.QueryRow(`SELECT max(chseq) - max(removed) FROM message JOIN channel ON channel.id = message.channel`).Scan(&live)
	if err != nil || live != 2 {
		t.Errorf("2 messages are counted as %d; %v", live, err)
	}
}

func TestCountsHoldAtTheNextOwner(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		s, err := openStore(t.Context(), dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ana := start(t, s, "one", "ana")
		if i == 0 {
			ana.keeps(t, 0, 2)
		}
		for k := range 4 {
			ana.send(t, fmt.Sprint(i, "/", k))
		}
		ana.holds(t, fmt.Sprint(i, "/2"), fmt.Sprint(i, "/3"))
		if err := s.close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesOfExpiredMessagesAreSwept(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := os.WriteFile(path, []byte("to be forgotten"), 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := ana.NewAttachment(t.Context(), ana.call, flow.NewAttachmentInput{OrgID: ana.home.OrgID, FilePath: path})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ana.SendMessage(t.Context(), ana.call, flow.SendMessageInput{
		ChannelID: ana.home.ChannelID, Text: "with a file", Attachments: []flow.AttachmentToSend{{ID: made}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ana.keeps(t, 0, 1)
	ana.send(t, "another")
	ana.holds(t, "another")
	if err := s.sweep(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, "content"); n != 0 {
		t.Errorf("%d contents of messages that are gone remain", n)
	}
	_, err = ana.StartAttachmentDownload(t.Context(), ana.call, flow.StartAttachmentDownloadInput{AttachmentID: made})
	if !errors.Is(err, flow.NotFound) {
		t.Errorf("the file of a message that is gone can be fetched: %v", err)
	}
}
