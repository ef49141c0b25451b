package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// carry sends a file and fetches it: args are the file and where it is to come to.
func carry(s *seat, args []string) error {
	ctx := context.Background()
	if _, err := flow.ConfigOperation.Call(ctx, s.member, flow.Config{FlowLocalAttachmentDir: args[1]}); err != nil {
		return err
	}
	channel, err := flow.GetChannel.Call(ctx, s, flow.GetChannelInput{ChannelID: s.channel})
	if err != nil {
		return err
	}
	s.say("ready")
	id, err := flow.NewAttachment.Call(ctx, s, flow.NewAttachmentInput{OrgID: channel.OrgID, FilePath: args[0]})
	if err != nil {
		return err
	}
	message, err := flow.SendMessage.Call(ctx, s, flow.SendMessageInput{
		ChannelID: s.channel, Attachments: []flow.AttachmentToSend{{ID: id}},
	})
	if err != nil {
		return err
	}
	_, err = flow.StartAttachmentDownload.Call(ctx, s, flow.StartAttachmentDownloadInput{
		AttachmentID: id, ChannelID: s.channel, MessageID: message,
	})
	if err != nil {
		return err
	}
	s.say("started")
	s.untilEnd()
	return nil
}

// beginCopy begins to take a copy of a file.
func beginCopy(s *seat, _ []string) error {
	r, _ := s.member.look()
	_, _, err := copyForEver(context.Background(), r.caller.(*owner).store)
	if err != nil {
		return err
	}
	s.say("ready")
	s.untilEnd()
	return nil
}

func (c *child) kill(t testing.TB) {
	t.Helper()
	if err := c.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.ended
}

// largest returns the size of the largest file in a directory.
func largest(t testing.TB, dir string) int64 {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	size := int64(0)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			size = max(size, info.Size())
		}
	}
	return size
}

// TestTransfersOutliveTheirProcess kills one process after the other that has a transfer
// under way. What was acknowledged is done in the end, and announced once.
func TestTransfersOutliveTheirProcess(t *testing.T) {
	const size = 96 << 20
	store, downloads := t.TempDir(), filepath.Join(t.TempDir(), "downloads")
	content := bytesOf("killed", size)
	source := fileOf(t, "large.bin", content)

	// The first is killed while it takes its copy, which nobody acknowledged.
	first := launch(t, "begin a copy", store, "ana")
	if largest(t, filepath.Join(store, blobsDir, incoming)) == 0 {
		t.Error("the copy has not begun")
	}
	first.kill(t)
	// The second when its transfers are acknowledged but have not begun, and the third
	// when part of the file has arrived.
	second := launch(t, "carry", store, "ana", source, downloads)
	for second.line(t) != "started" {
	}
	second.kill(t)
	third := launch(t, "idle", store, "ana")
	eventually(t, "part of the file has arrived", func() bool { return largest(t, downloads) > 0 })
	third.kill(t)

	last := account(t, join(t, store), "ana")
	kinds, path := outcomes(t, last)
	want := []string{"download-complete-event", "download-start-event", "upload-complete-event", "upload-start-event"}
	if diff := cmp.Diff(want, slices.DeleteFunc(kinds, func(k string) bool { return strings.Contains(k, "progress") })); diff != "" {
		t.Errorf("what was announced (-want +got):\n%s", diff)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes have arrived of %d, %v", len(got), size, err)
	}
	if entries, err := os.ReadDir(downloads); err != nil || len(entries) != 1 {
		t.Errorf("the downloads are %v, %v; want one", entries, err)
	}
	if left := largest(t, filepath.Join(store, blobsDir, incoming)); left != 0 {
		t.Errorf("of a copy that nobody acknowledged %d bytes are left", left)
	}
}

// outcomes reads notifications until an upload and a download are complete. It returns
// what was announced of transfers, sorted, and where the file came to.
func outcomes(t testing.TB, s *seat) (kinds []string, path string) {
	t.Helper()
	for complete := 0; complete < 2; {
		batch, err := flow.WaitForNotification.Call(t.Context(), s, flow.WaitForNotificationInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range batch {
			if strings.Contains(string(n.Type), "load-") {
				kinds = append(kinds, string(n.Type))
			}
			switch n.Type {
			case flow.UploadCompleteEvent.Type():
				complete++
			case flow.DownloadCompleteEvent.Type():
				complete++
				done, err := flow.DownloadCompleteEvent.Decode(n)
				if err != nil {
					t.Fatal(err)
				}
				path = done.Path
			}
		}
	}
	slices.Sort(kinds)
	return kinds, path
}

// TestDownloadGoesOn closes a store with a download under way, changes what is there of
// it, and opens the store again.
func TestDownloadGoesOn(t *testing.T) {
	content := bytesOf("resumed", 3<<20)
	for name, left := range map[string]func(t *testing.T, part string){
		"from nothing":        func(t *testing.T, part string) {},
		"from a beginning":    func(t *testing.T, part string) { write(t, part, content[:1<<20+5]) },
		"from all of it":      func(t *testing.T, part string) { write(t, part, content) },
		"from more than that": func(t *testing.T, part string) { write(t, part, append(slices.Clone(content), 1, 2, 3)) },
		"from something else": func(t *testing.T, part string) { write(t, part, bytesOf("other", 2<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir, downloads := t.TempDir(), t.TempDir()
			ana, id, part := interrupted(t, dir, downloads, content, func(*tx) error { return nil })
			left(t, part)
			ana.Engine = open(t, dir).seat("one")
			kind, got := ana.downloaded(t, id)
			if kind != flow.DownloadCompleteEvent.Type() {
				t.Fatalf("the download ended as %s: %+v", kind, got)
			}
			if diff := cmp.Diff(filepath.Join(downloads, "a.bin"), got.Path); diff != "" {
				t.Errorf("the path (-want +got):\n%s", diff)
			}
			if fetched, err := os.ReadFile(got.Path); err != nil || !bytes.Equal(fetched, content) {
				t.Errorf("%d bytes have arrived of %d, %v", len(fetched), len(content), err)
			}
			if entries, err := os.ReadDir(downloads); err != nil || len(entries) != 1 {
				t.Errorf("the downloads are %v, %v; want one", entries, err)
			}
		})
	}
}

// TestCancelledDownloadIsCleared: what a process that was killed has left of a download
// that was cancelled is removed when the store is opened.
func TestCancelledDownloadIsCleared(t *testing.T) {
	dir, downloads := t.TempDir(), t.TempDir()
	_, _, part := interrupted(t, dir, downloads, bytesOf("cancelled", 1000), func(t *tx) error {
		return t.CancelDownload(t.ctx, 1)
	})
	write(t, part, []byte("part"))
	open(t, dir)
	eventually(t, "nothing of it is left", func() bool {
		entries, err := os.ReadDir(downloads)
		return err == nil && len(entries) == 0
	})
}

// interrupted returns a user whose download of a file has not begun when the store is
// closed after a last change, and where its partial file would be.
func interrupted(t *testing.T, dir, downloads string, content []byte, last func(*tx) error) (u user, id flow.AttachmentID, part string) {
	t.Helper()
	s, err := openStore(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.transfers.close() // so that none begins
	u = start(t, s, "one", "ana")
	u.downloadsTo(t, downloads)
	id = u.register(t, fileOf(t, "a.bin", content))
	u.fetch(t, u.sendFile(t, id), id)
	d, err := s.read.DownloadByID(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.change(t.Context(), last), s.close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return u, id, filepath.Join(d.Dir, d.Part)
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// hindered makes a store fail at some statements until allow is called.
func hindered(t *testing.T, s *store, statements ...string) (allow func()) {
	t.Helper()
	do := func(format string) {
		t.Helper()
		err := s.change(t.Context(), func(*tx) error {
			for i, statement := range statements {
				if err := s.writer.exec(fmt.Sprintf(format, i, statement)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	do("CREATE TEMP TRIGGER hindrance%d BEFORE %s BEGIN SELECT RAISE(ABORT, 'no'); END")
	return func() {
		t.Helper()
		do("DROP TRIGGER hindrance%d -- %s")
	}
}

// TestTransfersOutliveTrouble: transfers whose outcome cannot be written are not lost.
func TestTransfersOutliveTrouble(t *testing.T) {
	for name, statements := range map[string][]string{
		"at the end":                  {"UPDATE OF status ON main.upload", "DELETE ON main.download"},
		"when the path is to be kept": {"UPDATE OF path ON main.download"},
	} {
		t.Run(name, func(t *testing.T) {
			downloads, content := t.TempDir(), bytesOf("trouble", 1000)
			keeping(t, func(t *testing.T, s *store, ana user) {
				ana.downloadsTo(t, downloads)
				allow := hindered(t, s, statements...)
				id := ana.register(t, fileOf(t, "a.bin", content))
				message := ana.sendFile(t, id)
				ana.fetch(t, message, id)
				time.Sleep(time.Hour)
				allow()
				ana.fetch(t, message, id) // which does not wait for the next attempt
				kind, got := ana.downloaded(t, id)
				if kind != flow.DownloadCompleteEvent.Type() {
					t.Fatalf("the download ended as %s: %+v", kind, got)
				}
				if fetched, err := os.ReadFile(got.Path); err != nil || !bytes.Equal(fetched, content) {
					t.Errorf("%d bytes have arrived of %d, %v", len(fetched), len(content), err)
				}
				time.Sleep(transferAgain)
				synctest.Wait()
				pending, err := ana.EnumeratePendingAttachmentTransfers(t.Context(), ana.call, flow.EnumeratePendingAttachmentTransfersInput{})
				if err != nil || len(pending) != 0 {
					t.Errorf("there are still under way %+v, %v", pending, err)
				}
				if entries, err := os.ReadDir(downloads); err != nil || len(entries) != 1 {
					t.Errorf("the downloads are %v, %v; want one", entries, err)
				}
			})
		})
	}
}

// TestTransfersAreTriedAgain: the pauses between attempts grow, and end for one that is
// asked for again. What is asked for while it runs is run once more.
func TestTransfersAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := transferKey{flow.Download, 1}
		begun := time.Now()
		var at []time.Duration
		var q *transfers
		q = newTransfers([]transferKey{key}, func(context.Context, *transfer) error {
			at = append(at, time.Since(begun))
			switch len(at) {
			case 11:
				q.add([]transferKey{key})
				return nil
			case 12:
				return nil
			}
			return errors.New("trouble")
		})
		q.start()
		time.Sleep(150 * time.Second)
		q.add([]transferKey{key}) // which would have waited until 196.5 s
		time.Sleep(time.Hour)
		q.close()
		const ms = time.Millisecond
		want := []time.Duration{
			0, 300 * ms, 900 * ms, 2100 * ms, 4500 * ms, 9300 * ms, 18900 * ms, 38100 * ms, 76500 * ms, 136500 * ms, // at last a minute
			150300 * ms, 150600 * ms,
		}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("it ran (-want +got):\n%s", diff)
		}
	})
}
