package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
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

// TestSendersLookAtNoDates: those who send remove what is too much. What is too old is for
// the keeper, since it may have to look at many messages for that.
func TestSendersLookAtNoDates(t *testing.T) {
	keeping(t, func(t *testing.T, s *store, ana user) {
		ana.keeps(t, 1, 3)
		synctest.Wait()
		ana.send(t, "too much")
		ana.sendDated(t, s, time.Now().Add(-2*day), 1, "too old")
		ana.send(t, "third")
		ana.send(t, "fourth")
		ana.holds(t, "too old", "third", "fourth")
		time.Sleep(keepPause)
		synctest.Wait()
		ana.holds(t, "third", "fourth")
	})
}

// TestClockSetBackIsForgotten once the messages are in the order of their dates again.
func TestClockSetBackIsForgotten(t *testing.T) {
	for name, after := range map[string]func(testing.TB, user){
		"they went": func(t testing.TB, _ user) { time.Sleep(day) },
		"the one was deleted": func(t testing.TB, u user) {
			list, err := u.EnumerateMessages(t.Context(), u.call, flow.EnumerateMessagesInput{ChannelID: u.home.ChannelID})
			if err != nil {
				t.Fatal(err)
			}
			_, err = u.MarkMessagesDeleted(t.Context(), u.call, flow.MarkMessagesDeletedInput{
				ChannelID: u.home.ChannelID, Messages: []flow.MessageRef{{MessageID: list[1].ID}},
			})
			if err != nil {
				t.Fatal(err)
			}
		},
		"all are gone": func(t testing.TB, u user) { u.keeps(t, 1, 1); u.send(t, "another") },
	} {
		t.Run(name, func(t *testing.T) {
			keeping(t, func(t *testing.T, s *store, ana user) {
				ahead := func() (place int) {
					if err := s.pool.QueryRow(`SELECT max(ahead) FROM channel`).Scan(&place); err != nil {
						t.Fatal(err)
					}
					return place
				}
				ana.keeps(t, 1, 0)
				ana.send(t, "before")
				ana.sendDated(t, s, time.Now().Add(2*time.Minute), 1, "future")
				ana.send(t, "after")
				if ahead() == 0 {
					t.Fatal("nothing says that the messages are not in the order of their dates")
				}
				after(t, ana)
				time.Sleep(keepPause)
				synctest.Wait()
				if place := ahead(); place != 0 {
					t.Errorf("the messages are said to be out of order up to %d", place)
				}
			})
		})
	}
}

// TestMessagesGoInTimeWhateverTheClockDoes: none goes before its time, nor much later.
func TestMessagesGoInTimeWhateverTheClockDoes(t *testing.T) {
	const late = keepPause + 2*clockSlack
	for seed := range uint64(3) {
		keeping(t, func(t *testing.T, s *store, ana user) {
			random := rand.New(rand.NewPCG(seed, 0))
			ana.keeps(t, 1, 0)
			var sent []time.Time
			wrong := time.Duration(0)
			for range 40 {
				if random.IntN(4) == 0 {
					wrong = time.Duration(random.IntN(600)-300) * time.Minute
				}
				date := time.Now().Add(wrong)
				ana.sendDated(t, s, date, 1, fmt.Sprint(len(sent)))
				sent = append(sent, date)
				time.Sleep(time.Duration(random.IntN(150)) * time.Minute)
				synctest.Wait()
				there := ana.texts(t)
				for i, date := range sent {
					age := time.Since(date)
					switch is := slices.Contains(there, fmt.Sprint(i)); {
					case is && age > day+late:
						t.Fatalf("seed %d: message %d is there with an age of %v", seed, i, age)
					case !is && age < day:
						t.Fatalf("seed %d: message %d went with an age of %v", seed, i, age)
					}
				}
			}
		})
	}
}

// TestExcessIsCountedWhileMessagesGo: what is known of a channel may be older than what is
// left in it.
func TestExcessIsCountedWhileMessagesGo(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	for i := range 6 {
		ana.send(t, fmt.Sprint(i))
	}
	_, self, err := ana.self(t.Context(), ana.call)
	if err != nil {
		t.Fatal(err)
	}
	ch, err := channelFor(t.Context(), s.read, self, "", ana.home.ChannelID, "")
	if err != nil {
		t.Fatal(err)
	}
	before, err := s.read.LimitedChannel(t.Context(), ch.ID)
	if err != nil {
		t.Fatal(err)
	}
	ana.keeps(t, 0, 1)
	eventually(t, "one message is left", func() bool { return len(ana.texts(t)) == 1 })
	before.MaxMessages = 1
	if place, err := excess(t.Context(), s.read, before, keepChunk); err != nil || place != 0 {
		t.Errorf("messages up to %d are too many; %v", place, err)
	}
}

// keeping runs a test with a store and one who uses it, in time that is not real.
func keeping(t *testing.T, run func(*testing.T, *store, user)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := openStore(t.Context(), dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := s.close(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		run(t, s, start(t, s, "one", "ana"))
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
	inARow(t, s)
	var live int
	err := s.pool.QueryRow(`SELECT max(chseq) - max(removed) FROM message JOIN channel ON channel.id = message.channel`).Scan(&live)
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
