package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// remains is what a process that died has left of a download whose file was about to be
// called a.bin.
type remains struct {
	reserved bool
	lie      func(t *testing.T, part, path string, content []byte)
	ours     bool   // what is called a.bin
	others   string // what it holds otherwise
}

var allRemains = map[string]remains{
	"nothing has its name": {lie: func(t *testing.T, part, _ string, content []byte) { write(t, part, content) }, ours: true},
	"it has both names": {lie: func(t *testing.T, part, path string, content []byte) {
		write(t, part, content)
		link(t, part, path)
	}, ours: true},
	"it has its name": {lie: func(t *testing.T, _, path string, content []byte) { write(t, path, content) }, ours: true},
	"its name is reserved": {reserved: true, lie: func(t *testing.T, part, path string, content []byte) {
		write(t, part, content)
		write(t, path, nil)
	}, ours: true},
	"its name is to be reserved": {reserved: true, lie: func(t *testing.T, part, _ string, content []byte) { write(t, part, content) }, ours: true},
	"it has the name that was reserved": {reserved: true, lie: func(t *testing.T, _, path string, content []byte) {
		write(t, path, content)
	}, ours: true},
	"somebody else has the name": {lie: func(t *testing.T, part, path string, content []byte) {
		write(t, part, content)
		write(t, path, []byte("theirs"))
	}, others: "theirs"},
	"somebody else has the name, with the same content": {lie: func(t *testing.T, part, path string, content []byte) {
		write(t, part, content)
		write(t, path, content)
	}, others: "a file"},
	"somebody else has the name, with nothing": {lie: func(t *testing.T, part, path string, content []byte) {
		write(t, part, content)
		write(t, path, nil)
	}},
	"somebody else has the name that was to be reserved": {reserved: true, lie: func(t *testing.T, part, path string, content []byte) {
		write(t, part, content)
		write(t, path, []byte("theirs"))
	}, others: "theirs"},
}

func link(t testing.TB, file, path string) {
	t.Helper()
	if err := os.Link(file, path); err != nil {
		t.Fatal(err)
	}
}

// of makes them, and returns whose they are and the directory in which they are.
func (r remains) of(t *testing.T, dir string, last func(*tx) error) (u user, id flow.AttachmentID, downloads string) {
	t.Helper()
	downloads = t.TempDir()
	path := filepath.Join(downloads, "a.bin")
	u, id, part := interrupted(t, dir, downloads, []byte("a file"), func(t *tx) error {
		return errors.Join(t.SetDownloadPath(t.ctx, db.SetDownloadPathParams{Path: path, Reserved: r.reserved, ID: 1}), last(t))
	})
	r.lie(t, part, path, []byte("a file"))
	return u, id, downloads
}

// TestDownloadsLandOnce: a file that was about to get its name has it once in the end, and
// what others have called so is left alone.
func TestDownloadsLandOnce(t *testing.T) {
	for name, r := range allRemains {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ana, id, downloads := r.of(t, dir, func(*tx) error { return nil })
			ana.Engine = open(t, dir).seat("one")
			if kind, got := ana.downloaded(t, id); kind != flow.DownloadCompleteEvent.Type() || filepath.Dir(got.Path) != downloads {
				t.Fatalf("the download ended as %s: %+v", kind, got)
			}
			want := map[string]string{"a.bin": "a file"}
			if !r.ours {
				want = map[string]string{"a.bin": r.others, "a (2).bin": "a file"}
			}
			if diff := cmp.Diff(want, filesIn(t, downloads)); diff != "" {
				t.Errorf("the downloads (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCancelledDownloadsLeaveNothing: of a file that was about to get its name when its
// download was cancelled nothing is left, and what others have called so is left alone.
func TestCancelledDownloadsLeaveNothing(t *testing.T) { leaveNothing(t, spoiled["cancelled"]) }

// TestRefusedDownloadsLeaveNothing: nor when whoever fetches it is not in the channel any
// more.
func TestRefusedDownloadsLeaveNothing(t *testing.T) { leaveNothing(t, spoiled["refused"]) }

// TestCancelledDownloadsOfNothingLeaveNothing: nor when the content is not known any more,
// since the message was deleted meanwhile.
func TestCancelledDownloadsOfNothingLeaveNothing(t *testing.T) {
	leaveNothing(t, func(t *tx) error {
		return errors.Join(t.CancelDownload(t.ctx, 1), t.exec("UPDATE attachment SET content = NULL"))
	})
}

// spoiled is what keeps a download from being completed.
var spoiled = map[string]func(*tx) error{
	"cancelled": func(t *tx) error { return t.CancelDownload(t.ctx, 1) },
	"refused":   func(t *tx) error { return t.exec("UPDATE channel_member SET state = 'b'") },
}

func leaveNothing(t *testing.T, last func(*tx) error) {
	for name, r := range allRemains {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, _, downloads := r.of(t, dir, last)
			cleared(t, open(t, dir))
			want := map[string]string{}
			if !r.ours {
				want["a.bin"] = r.others
			}
			if diff := cmp.Diff(want, filesIn(t, downloads)); diff != "" {
				t.Errorf("the downloads (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEditedFileIsNotRemoved: nor does it go when the download is cancelled or refused.
func TestEditedFileIsNotRemoved(t *testing.T) {
	for _, name := range []string{"it has both names", "it has its name", "it has the name that was reserved"} {
		for outcome, last := range spoiled {
			t.Run(name+", "+outcome, func(t *testing.T) {
				dir := t.TempDir()
				_, _, downloads := allRemains[name].of(t, dir, last)
				write(t, filepath.Join(downloads, "a.bin"), []byte("edited"))
				cleared(t, open(t, dir))
				if diff := cmp.Diff(map[string]string{"a.bin": "edited"}, filesIn(t, downloads)); diff != "" {
					t.Errorf("the downloads (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestUncertainFilesAreClearedLater: a file of which it cannot be found out whether somebody
// has changed it stays for now, and it stays ours.
func TestUncertainFilesAreClearedLater(t *testing.T) {
	dir := t.TempDir()
	l := landing{part: filepath.Join(dir, ".a.part"), path: filepath.Join(dir, "a.bin")}
	write(t, l.path, []byte("a file"))
	noted := 0
	note := func(landing) error { noted++; return nil }
	if err := l.abandonOurs(note, func() (bool, error) { return false, syscall.EIO }); !errors.Is(err, syscall.EIO) || noted > 0 {
		t.Errorf("what could not be read was said to be gone: %v", err)
	}
	if diff := cmp.Diff(map[string]string{"a.bin": "a file"}, filesIn(t, dir)); diff != "" {
		t.Errorf("the directory (-want +got):\n%s", diff)
	}
	if err := l.abandonOurs(note, func() (bool, error) { return false, nil }); err != nil || noted != 1 {
		t.Errorf("noted %d times, %v", noted, err)
	}
	if diff := cmp.Diff(map[string]string{}, filesIn(t, dir)); diff != "" {
		t.Errorf("the directory in the end (-want +got):\n%s", diff)
	}
}

// cleared waits until there is no download any more.
func cleared(t *testing.T, s *store) {
	t.Helper()
	eventually(t, "the download is cleared", func() bool {
		left, err := s.read.Downloads(t.Context())
		return err == nil && len(left) == 0
	})
}

// filesIn returns what the files of directories hold, by their names.
func filesIn(t testing.TB, dirs ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			content, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue // it went meanwhile
			}
			if err != nil {
				t.Fatal(err)
			}
			all[e.Name()] = string(content)
		}
	}
	return all
}

// TestEditedFileIsNotWrittenTo: who has changed a file that had got its name keeps that,
// and the download brings another.
func TestEditedFileIsNotWrittenTo(t *testing.T) {
	for _, name := range []string{"it has both names", "it has its name"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ana, id, downloads := allRemains[name].of(t, dir, func(*tx) error { return nil })
			write(t, filepath.Join(downloads, "a.bin"), []byte("edited"))
			ana.Engine = open(t, dir).seat("one")
			ana.downloaded(t, id)
			want := map[string]string{"a.bin": "edited", "a (2).bin": "a file"}
			if diff := cmp.Diff(want, filesIn(t, downloads)); diff != "" {
				t.Errorf("the downloads (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPartsAreOurs: what somebody else has put in the place of a partial file is not
// written to.
func TestPartsAreOurs(t *testing.T) {
	victim := fileOf(t, "victim", []byte("victim"))
	dir, downloads := t.TempDir(), t.TempDir()
	ana, id, part := interrupted(t, dir, downloads, []byte("a file"), func(*tx) error { return nil })
	if err := os.Symlink(victim, part); err != nil {
		t.Fatal(err)
	}
	ana.Engine = open(t, dir).seat("one")
	ana.downloaded(t, id)
	want := map[string]string{"victim": "victim", "a.bin": "a file"}
	if diff := cmp.Diff(want, filesIn(t, filepath.Dir(victim), downloads)); diff != "" {
		t.Errorf("the files (-want +got):\n%s", diff)
	}
}

// withoutLinks is what a file system says that has no links.
func withoutLinks(file, name string) error {
	return &os.LinkError{Op: "link", Old: file, New: name, Err: syscall.EPERM}
}

// TestFileSystemsWithoutLinks: files are fetched and moved there as elsewhere, and replace
// nothing.
func TestFileSystemsWithoutLinks(t *testing.T) {
	s := open(t, t.TempDir())
	s.link = withoutLinks
	ana := start(t, s, "one", "ana")
	downloads, other := t.TempDir(), t.TempDir()
	ana.downloadsTo(t, downloads)
	write(t, filepath.Join(downloads, "a.bin"), []byte("mine"))
	id := ana.register(t, fileOf(t, "a.bin", []byte("a file")))
	ana.fetch(t, ana.sendFile(t, id), id)
	ana.downloaded(t, id)
	want := map[string]string{"a.bin": "mine", "a (2).bin": "a file"}
	if diff := cmp.Diff(want, filesIn(t, downloads)); diff != "" {
		t.Errorf("after the download (-want +got):\n%s", diff)
	}
	if err := ana.moves(t, id, filepath.Join(downloads, "a.bin")); !errors.Is(err, flow.Conflict) {
		t.Errorf("moving a file to where there is one: %v", err)
	}
	if diff := cmp.Diff(want, filesIn(t, downloads)); diff != "" {
		t.Errorf("after the refusal (-want +got):\n%s", diff)
	}
	if err := ana.moves(t, id, filepath.Join(other, "b.bin")); err != nil {
		t.Fatal(err)
	}
	want = map[string]string{"a.bin": "mine", "b.bin": "a file"}
	if diff := cmp.Diff(want, filesIn(t, downloads, other)); diff != "" {
		t.Errorf("after the move (-want +got):\n%s", diff)
	}
}

func (u user) moves(t testing.TB, id flow.AttachmentID, to string) error {
	t.Helper()
	_, err := u.UpdateAttachmentPath(t.Context(), u.call, flow.UpdateAttachmentPathInput{AttachmentID: id, NewPath: to})
	return err
}

// TestCancellingAgainClears: who is told that a cancellation had no end may ask again, and
// nothing is left when that returns.
func TestCancellingAgainClears(t *testing.T) {
	keeping(t, func(t *testing.T, s *store, ana user) {
		id := ana.register(t, fileOf(t, "a.bin", []byte("a file")))
		ana.fetch(t, ana.sendFile(t, id), id)
		allow := hindered(t, s, "DELETE ON main.download")
		call := ana.call
		call.Request = "cancel"
		cancel := func() error {
			_, err := ana.CancelAttachmentDownload(t.Context(), call, flow.CancelAttachmentDownloadInput{AttachmentID: id})
			return err
		}
		if err := cancel(); err == nil {
			t.Error("what could not be cleared was said to be")
		}
		allow()
		if err := cancel(); err != nil {
			t.Error(err)
		}
		if left, err := s.read.Downloads(t.Context()); err != nil || len(left) != 0 {
			t.Errorf("after the second request there are %v, %v", left, err)
		}
	})
}
