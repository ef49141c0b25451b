package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// stops are where a process can be stopped that moves a file. Each gives files second
// names, and does not return where it is to be stopped.
var stops = map[string]func(call int, file, name string, stop func()) error{
	"at the beginning": func(_ int, _, _ string, stop func()) error {
		stop()
		return nil
	},
	"beside its new place": func(call int, file, name string, stop func()) error {
		err := os.Link(file, name)
		stop()
		return err
	},
	"under its new name": func(call int, file, name string, stop func()) error {
		err := os.Link(file, name)
		if call == 2 {
			stop()
		}
		return err
	},
	"with a copy beside its new place": func(call int, file, name string, stop func()) error {
		if call == 2 {
			stop()
		}
		return syscall.EXDEV
	},
	"with a copy under its new name": func(call int, file, name string, stop func()) error {
		if call == 1 {
			return syscall.EXDEV
		}
		err := os.Link(file, name)
		stop()
		return err
	},
}

// moveKey is the request that moves the file.
const moveKey = flow.RequestID("move the file")

// stopInMove fetches a file and is stopped when it moves it: args are the file, where it is
// fetched to, where it is moved to, and a stop.
func stopInMove(s *seat, args []string) error {
	ctx := context.Background()
	r, _ := s.member.look()
	store, calls := r.caller.(*owner).store, 0
	if _, err := flow.ConfigOperation.Call(ctx, s.member, flow.Config{FlowLocalAttachmentDir: args[1]}); err != nil {
		return err
	}
	channel, err := flow.GetChannel.Call(ctx, s, flow.GetChannelInput{ChannelID: s.channel})
	if err != nil {
		return err
	}
	id, err := flow.NewAttachment.Call(ctx, s, flow.NewAttachmentInput{OrgID: channel.OrgID, FilePath: args[0]})
	if err != nil {
		return err
	}
	_, err = flow.SendMessage.Call(ctx, s, flow.SendMessageInput{ChannelID: s.channel, Attachments: []flow.AttachmentToSend{{ID: id}}})
	if err != nil {
		return err
	}
	if _, err := flow.Fetch(ctx, s, flow.StartAttachmentDownloadInput{AttachmentID: id}, nil); err != nil {
		return err
	}
	s.say(id)
	store.link = func(file, name string) error {
		calls++
		return stops[args[3]](calls, file, name, func() {
			s.say("ready")
			select {}
		})
	}
	_, err = flow.UpdateAttachmentPath.Call(ctx, s.Keyed(moveKey), flow.UpdateAttachmentPathInput{AttachmentID: id, NewPath: args[2]})
	return errors.Join(errors.New("the move was not stopped"), err)
}

// TestMovesOutliveTheirProcess kills processes in the middle of a move. A file that was not
// moved yet is whole where it was, and one that was is whole where it came to; a move that
// is asked for again is done. In the end there is one file.
func TestMovesOutliveTheirProcess(t *testing.T) {
	for name := range stops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, downloads, other := t.TempDir(), t.TempDir(), t.TempDir()
			to := filepath.Join(other, "b.bin")
			c := spawn(t, "stop in a move", store, "ana", fileOf(t, "a.bin", []byte("a file")), downloads, to, name)
			id := flow.AttachmentID(c.line(t))
			c.waitReady(t)
			c.kill(t)

			ana := account(t, join(t, store), "ana")
			eventually(t, "there is one file, which is known", func() bool {
				path, err := flow.StoredAttachmentPath.Call(t.Context(), ana, flow.StoredAttachmentPathInput{AttachmentID: id})
				if err != nil {
					t.Fatal(err)
				}
				return cmp.Equal(filesIn(t, downloads, other), map[string]string{filepath.Base(path): "a file"})
			})
			_, err := flow.UpdateAttachmentPath.Call(t.Context(), ana.Keyed(moveKey), flow.UpdateAttachmentPathInput{AttachmentID: id, NewPath: to})
			if err != nil {
				t.Errorf("the move that is asked for again: %v", err)
			}
			if diff := cmp.Diff(map[string]string{"b.bin": "a file"}, filesIn(t, downloads, other)); diff != "" {
				t.Errorf("after the second request (-want +got):\n%s", diff)
			}
			path, err := flow.StoredAttachmentPath.Call(t.Context(), ana, flow.StoredAttachmentPathInput{AttachmentID: id})
			if err != nil || path != to {
				t.Errorf("the file lies at %q, %v; want %s", path, err, to)
			}
		})
	}
}

// TestMovesAreEnded opens stores in which there are moves that were cut short.
func TestMovesAreEnded(t *testing.T) {
	const part = ".move.part"
	tests := map[string]struct {
		lie      map[string]string // by name, below the directory that the file is moved to
		reserved bool
		placed   bool
		source   string // what the file that is moved holds by now

		want map[string]string // files in both directories
		path string            // where it is known to lie
	}{
		"with a reserved name": {
			lie: map[string]string{part: "a file", "b.bin": ""}, reserved: true, source: "a file",
			want: map[string]string{"a.bin": "a file"}, path: "a.bin",
		},
		"with the name that was reserved": {
			lie: map[string]string{"b.bin": "a file"}, reserved: true, source: "a file",
			want: map[string]string{"b.bin": "a file"}, path: "b.bin",
		},
		"when somebody else has the name": {
			lie: map[string]string{part: "a file", "b.bin": "theirs"}, source: "a file",
			want: map[string]string{"a.bin": "a file", "b.bin": "theirs"}, path: "a.bin",
		},
		"when all is done but to remove the file": {
			lie: map[string]string{part: "a file", "b.bin": "a file"}, placed: true, source: "a file",
			want: map[string]string{"b.bin": "a file"}, path: "b.bin",
		},
		"when another file lies where it was": {
			lie: map[string]string{"b.bin": "a file"}, placed: true, source: "another",
			want: map[string]string{"a.bin": "another", "b.bin": "a file"}, path: "b.bin",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir, downloads, other := t.TempDir(), t.TempDir(), t.TempDir()
			to := filepath.Join(other, "b.bin")
			s, err := openStore(t.Context(), dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			ana := start(t, s, "one", "ana")
			ana.downloadsTo(t, downloads)
			id := ana.register(t, fileOf(t, "a.bin", []byte("a file")))
			ana.fetch(t, ana.sendFile(t, id), id)
			_, got := ana.downloaded(t, id)
			_, self, err := ana.self(t.Context(), ana.call)
			if err != nil {
				t.Fatal(err)
			}
			err = s.change(t.Context(), func(t *tx) error { return t.cutShort(self, id, got.Path, to, part, tt.reserved, tt.placed) })
			if err = errors.Join(err, s.close(t.Context())); err != nil {
				t.Fatal(err)
			}
			for name, content := range tt.lie {
				write(t, filepath.Join(other, name), []byte(content))
			}
			if tt.source != "a file" {
				write(t, got.Path, []byte(tt.source))
			}

			s = open(t, dir)
			ana.Engine = s.seat("one")
			eventually(t, "the move is ended", func() bool {
				left, err := s.read.Moves(t.Context())
				return err == nil && len(left) == 0
			})
			if diff := cmp.Diff(tt.want, filesIn(t, downloads, other)); diff != "" {
				t.Errorf("the files (-want +got):\n%s", diff)
			}
			path, err := ana.StoredAttachmentPath(t.Context(), ana.call, flow.StoredAttachmentPathInput{AttachmentID: id})
			if err != nil || filepath.Base(path) != tt.path {
				t.Errorf("the file lies at %q, %v; want %s", path, err, tt.path)
			}
		})
	}
}

// cutShort makes the row of a move that does not go on.
func (t *tx) cutShort(self *who, id flow.AttachmentID, from, to, part string, reserved, placed bool) error {
	file, err := t.AttachmentByPublic(t.ctx, id)
	if err != nil {
		return err
	}
	was, err := os.Lstat(from)
	if err != nil {
		return err
	}
	m, err := t.AddMove(t.ctx, db.AddMoveParams{
		Device: self.device, Attachment: file.ID, Source: from, Size: was.Size(), Modified: was.ModTime().UnixNano(),
		Part: filepath.Join(filepath.Dir(to), part),
	})
	if err == nil && placed {
		return t.place(m, to)
	}
	if err != nil {
		return err
	}
	return t.SetMovePath(t.ctx, db.SetMovePathParams{Path: to, Reserved: reserved, ID: m.ID})
}
