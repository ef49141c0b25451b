package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/flow-mcp/flow-mcp/flow"
)

// bytesOf returns content that is the same for the same seed.
func bytesOf(seed string, size int) []byte {
	content := make([]byte, size)
	var key [32]byte
	copy(key[:], seed)
	random := rand.NewChaCha8(key)
	_, _ = random.Read(content) // never fails
	return content
}

// fileOf makes a file in a fresh directory.
func fileOf(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// downloadsTo makes dir the place of the user's downloads.
func (u user) downloadsTo(t testing.TB, dir string) {
	t.Helper()
	if _, err := u.Config(t.Context(), u.call, flow.Config{FlowLocalAttachmentDir: dir}); err != nil {
		t.Fatal(err)
	}
}

func (u user) register(t testing.TB, path string) flow.AttachmentID {
	t.Helper()
	id, err := u.NewAttachment(t.Context(), u.call, flow.NewAttachmentInput{OrgID: u.home.OrgID, FilePath: path})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (u user) sendFile(t testing.TB, id flow.AttachmentID) flow.MessageID {
	t.Helper()
	message, err := u.SendMessage(t.Context(), u.call, flow.SendMessageInput{
		ChannelID: u.home.ChannelID, Attachments: []flow.AttachmentToSend{{ID: id}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func (u user) fetch(t testing.TB, message flow.MessageID, id flow.AttachmentID) {
	t.Helper()
	_, err := u.StartAttachmentDownload(t.Context(), u.call, flow.StartAttachmentDownloadInput{
		AttachmentID: id, ChannelID: u.home.ChannelID, MessageID: message,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// outcome waits until a transfer is over, and returns how it ended.
func (u user) outcome(t testing.TB, id flow.AttachmentID, kinds ...*flow.Event[flow.Transfer]) (flow.NotificationType, flow.Transfer) {
	t.Helper()
	for {
		list, err := u.WaitForNotification(t.Context(), u.call, flow.WaitForNotificationInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			for _, kind := range kinds {
				if n.Type != kind.Type() {
					continue
				}
				if said, err := kind.Decode(n); err != nil {
					t.Fatal(err)
				} else if said.AttachmentID == id {
					return n.Type, said
				}
			}
		}
	}
}

func (u user) uploaded(t testing.TB, id flow.AttachmentID) (flow.NotificationType, flow.Transfer) {
	t.Helper()
	return u.outcome(t, id, flow.UploadCompleteEvent, flow.UploadErrorEvent)
}

func (u user) downloaded(t testing.TB, id flow.AttachmentID) (flow.NotificationType, flow.Transfer) {
	t.Helper()
	return u.outcome(t, id, flow.DownloadCompleteEvent, flow.DownloadErrorEvent)
}

// contents lists the files below a directory of the store.
func contents(t testing.TB, s *store) []string {
	t.Helper()
	found := []string{}
	err := filepath.WalkDir(s.blobs.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestContentsLieOnce(t *testing.T) {
	s := open(t, t.TempDir())
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	content := bytesOf("same", 300_000)
	first := ana.register(t, fileOf(t, "a.bin", content))
	second := ben.register(t, fileOf(t, "b.bin", content))
	ana.register(t, fileOf(t, "c.bin", bytesOf("other", 300_000)))
	if first == second {
		t.Errorf("two registrations are one attachment, %s", first)
	}
	list := contents(t, s)
	if len(list) != 2 {
		t.Errorf("two different contents lie in %q", list)
	}
	for _, path := range list {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
	}
}

func TestFileThatChangesIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	for name, change := range map[string]func(path string) error{
		"grows":        func(path string) error { return os.WriteFile(path, bytesOf("x", 2000), 0o600) },
		"shrinks":      func(path string) error { return os.Truncate(path, 10) },
		"is rewritten": func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := fileOf(t, "log.txt", bytesOf("x", 1000))
			src, err := openSource("FilePath", path)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			if _, err := s.blobs.copy(t.Context(), src); !errors.Is(err, flow.Conflict) {
				t.Errorf("the copy ended with %v, want a conflict", err)
			}
			if left := contents(t, s); len(left) != 0 {
				t.Errorf("of the copy there is left %q", left)
			}
		})
	}
}

func TestTooLargeFileIsRefusedUnread(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	path := fileOf(t, "large.bin", nil)
	if err := os.Truncate(path, flow.MaxAttachment+1); err != nil {
		t.Fatal(err)
	}
	_, err := ana.NewAttachment(t.Context(), ana.call, flow.NewAttachmentInput{OrgID: ana.home.OrgID, FilePath: path})
	if !errors.Is(err, flow.Invalid) || !strings.Contains(err.Error(), "2 GiB") {
		t.Errorf("a file of 2 GiB and one byte: %v", err)
	}
	if left := contents(t, s); len(left) != 0 {
		t.Errorf("of the refused file there is left %q", left)
	}
}

// copyForEver begins to copy a file that comes to no end: there is no more of it than was
// fed, which the first part was when it returns.
func copyForEver(ctx context.Context, s *store) (feed func(), ended <-chan error, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	feed = func() { _, _ = w.Write(make([]byte, 3*stretch)) } // more than a pipe holds
	copied, fed := make(chan error, 1), make(chan struct{})
	go func() {
		_, err := s.blobs.copy(ctx, &source{File: r, path: "endless", info: endless{}})
		r.Close() // which ends who feeds it
		copied <- err
	}()
	go func() {
		feed()
		close(fed)
	}()
	select {
	case <-fed:
		return feed, copied, nil
	case err := <-copied:
		return nil, nil, fmt.Errorf("the copy ended early: %w", err)
	}
}

// endless is a file that is as large as one can be.
type endless struct{ fs.FileInfo }

func (endless) Size() int64 { return flow.MaxAttachment }

func TestCopyStopsWithItsContext(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	ctx, cancel := context.WithCancel(t.Context())
	feed, ended, err := copyForEver(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if size := largest(t, filepath.Join(s.blobs.dir, incoming)); size == 0 {
		t.Error("the copy has not begun")
	}
	ana.send(t, "nobody waits for a copy")
	cancel()
	go feed() // what wakes the copy
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the copy ended with %v", err)
	}
	if left := contents(t, s); len(left) != 0 {
		t.Errorf("of the copy there is left %q", left)
	}
}

// TestFilesAreNotReadWhole: all that is allocated while a file is copied is far less than
// the file.
func TestFilesAreNotReadWhole(t *testing.T) {
	const size, most = 64 << 20, 8 << 20
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	ana.downloadsTo(t, t.TempDir())
	path := fileOf(t, "large.bin", nil)
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	id := ana.register(t, path)
	message := ana.sendFile(t, id)
	ana.fetch(t, message, id)
	if kind, got := ana.downloaded(t, id); kind != flow.DownloadCompleteEvent.Type() {
		t.Errorf("the download ended as %s: %+v", kind, got)
	}
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > most {
		t.Errorf("to send and fetch %d bytes %d were allocated, want at most %d", size, spent, most)
	}
}

func TestDamagedContentIsNotPassedOn(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"changed":   func(path string) error { return os.WriteFile(path, []byte("something else"), 0o600) },
		"shortened": func(path string) error { return os.Truncate(path, 100) },
		"removed":   os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			ana := start(t, s, "one", "ana")
			dir := t.TempDir()
			ana.downloadsTo(t, dir)
			content := bytesOf("damaged", 700_000)
			id := ana.register(t, fileOf(t, "a.bin", content))
			if err := damage(contents(t, s)[0]); err != nil {
				t.Fatal(err)
			}
			message := ana.sendFile(t, id)
			ana.fetch(t, message, id)
			if kind, got := ana.downloaded(t, id); kind != flow.DownloadErrorEvent.Type() || !strings.Contains(got.Err, "damaged") {
				t.Errorf("the download ended as %s: %+v", kind, got)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
				t.Errorf("of the download there is left %v, %v", entries, err)
			}
			// Whoever registers the same file again mends it.
			again := ana.register(t, fileOf(t, "a.bin", content))
			ana.fetch(t, ana.sendFile(t, again), again)
			kind, got := ana.downloaded(t, again)
			if kind != flow.DownloadCompleteEvent.Type() {
				t.Fatalf("the second download ended as %s: %+v", kind, got)
			}
			if fetched, err := os.ReadFile(got.Path); err != nil || !bytes.Equal(fetched, content) {
				t.Errorf("the second download brought %d bytes, %v", len(fetched), err)
			}
		})
	}
}

func TestDamagedUploadIsAnnounced(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	id := ana.register(t, fileOf(t, "a.bin", bytesOf("damaged", 1000)))
	if err := os.Truncate(contents(t, s)[0], 10); err != nil {
		t.Fatal(err)
	}
	message := ana.sendFile(t, id)
	if kind, got := ana.uploaded(t, id); kind != flow.UploadErrorEvent.Type() || got.MessageID != message {
		t.Errorf("the upload ended as %s: %+v", kind, got)
	}
	_, err := ana.StartAttachmentDownload(t.Context(), ana.call, flow.StartAttachmentDownloadInput{
		AttachmentID: id, ChannelID: ana.home.ChannelID, MessageID: message,
	})
	if !errors.Is(err, flow.NotFound) {
		t.Errorf("a file whose upload failed is fetched with %v", err)
	}
}
