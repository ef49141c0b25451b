package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

func TestSweep(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	shared := bytesOf("shared", 1000)
	one, two := ana.register(t, fileOf(t, "1", shared)), ana.register(t, fileOf(t, "2", shared))
	first, second := ana.sendFile(t, one), ana.sendFile(t, two)
	sweep := func(after time.Duration) int {
		t.Helper()
		if err := s.sweep(t.Context(), time.Now().Add(after)); err != nil {
			t.Fatal(err)
		}
		return len(contents(t, s))
	}
	remove := func(id flow.MessageID) {
		t.Helper()
		_, err := ana.MarkMessagesDeleted(t.Context(), ana.call, flow.MarkMessagesDeletedInput{
			ChannelID: ana.home.ChannelID, Messages: []flow.MessageRef{{MessageID: id}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := sweep(0); got != 1 {
		t.Errorf("two messages with one content: %d are left, want 1", got)
	}
	remove(first)
	if got := sweep(365 * 24 * time.Hour); got != 1 {
		t.Errorf("one message has the content: %d are left, want 1", got)
	}
	remove(second)
	if got := sweep(0); got != 0 {
		t.Errorf("both messages are deleted: %d contents are left, want none", got)
	}
	ana.register(t, fileOf(t, "unsent", bytesOf("unsent", 1000)))
	if got := sweep(6 * 24 * time.Hour); got != 1 {
		t.Errorf("six days after it was registered %d of 1 unsent file is left", got)
	}
	if got := sweep(8 * 24 * time.Hour); got != 0 {
		t.Errorf("eight days after it was registered %d of 1 unsent file is left", got)
	}
	orphan := s.blobs.path(digest{1, 2, 3})
	foreign := filepath.Join(filepath.Dir(orphan), "README")
	for _, path := range []string{orphan, foreign} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := sweep(time.Hour); got != 2 {
		t.Errorf("a young content without a row and a file of somebody else: %d are left, want 2", got)
	}
	sweep(25 * time.Hour)
	if diff := cmp.Diff([]string{foreign}, contents(t, s)); diff != "" {
		t.Errorf("a day later (-want +left):\n%s", diff)
	}
}

// TestSweepPassesByWhatIsInItsWay: what others have put among the contents, and what cannot
// be removed, keep nothing else from being removed.
func TestSweepPassesByWhatIsInItsWay(t *testing.T) {
	s := open(t, t.TempDir())
	stubborn, orphan := s.blobs.path(digest{1}), s.blobs.path(digest{2})
	kept := filepath.Join(stubborn, "kept")
	for _, dir := range []string{filepath.Join(s.blobs.dir, "0x"), stubborn, filepath.Dir(orphan)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	strays := []string{filepath.Join(s.blobs.dir, ".DS_Store"), filepath.Join(s.blobs.dir, "00"), kept}
	for _, path := range append(strays, orphan) {
		write(t, path, nil)
	}
	err := s.sweep(t.Context(), time.Now().Add(25*time.Hour))
	if err == nil || strings.Contains(err.Error(), "DS_Store") || !strings.Contains(err.Error(), filepath.Base(stubborn)) {
		t.Errorf("the sweep ended with %v, want only what is said of %s", err, stubborn)
	}
	if diff := cmp.Diff(strays, contents(t, s)); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// TestUnsentFilesAreGivenUp: however many files were registered and not sent for too long,
// all of them go at once, and each is announced.
func TestUnsentFilesAreGivenUp(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	wanted := map[flow.AttachmentID]bool{ana.register(t, fileOf(t, "a.bin", []byte("a"))): true}
	_, self, err := ana.self(t.Context(), ana.call)
	if err != nil {
		t.Fatal(err)
	}
	err = s.change(t.Context(), func(t *tx) error {
		content, err := t.AddContent(t.ctx, bytesOf("another", 32), 1)
		for range 2 * sweepChunk {
			id := flow.AttachmentID(flow.NewID())
			wanted[id] = true
			err = errors.Join(err, t.AddAttachment(t.ctx, db.AddAttachmentParams{
				Public: id, Org: 1, Account: self.account, Device: self.device, Filename: "b.bin", Content: nullable(content), Created: t.now,
			}))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before, err := ana.EnumerateEvents(t.Context(), ana.call, flow.EnumerateEventsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := s.sweep(t.Context(), time.Now().Add(keepUnsent+time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	page, err := ana.EnumerateEvents(t.Context(), ana.call, flow.EnumerateEventsInput{After: &before.Next, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	told := map[flow.AttachmentID]bool{}
	for _, n := range page.Events {
		said, err := flow.UploadCancelEvent.Decode(n)
		if err != nil || n.Type != flow.UploadCancelEvent.Type() || told[said.AttachmentID] {
			t.Errorf("%s was announced: %s, %v", n.Type, n.Data, err)
		}
		told[said.AttachmentID] = true
	}
	if diff := cmp.Diff(wanted, told); diff != "" {
		t.Errorf("files that were given up (-want +got):\n%s", diff)
	}
	if left := contents(t, s); len(left) != 0 {
		t.Errorf("of the files there is left %q", left)
	}
}
