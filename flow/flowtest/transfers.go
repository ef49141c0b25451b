package flowtest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

func filesAreRegisteredOnce(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	path, content := file(t, "once.bin", 5000)
	key := fresh()
	in := flow.NewAttachmentInput{OrgID: org, FilePath: path}
	first := must(t, alice.Keyed(key), flow.NewAttachment, in)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if again := must(t, n.returns(t, "alice").Keyed(key), flow.NewAttachment, in); again != first {
		t.Errorf("one request made the attachments %s and %s", first, again)
	}
	refuse(t, alice.Keyed(fresh()), flow.NewAttachment, in, flow.NotFound)
	// Another copy of the file is the file, and another file of its name is not.
	copied := filepath.Join(t.TempDir(), "once.bin")
	for _, other := range []struct {
		content []byte
		same    bool
	}{{content, true}, {append(content[:4999:4999], content[4999]+1), false}, {append(content[:5000:5000], 0), false}, {nil, false}} {
		if err := os.WriteFile(copied, other.content, 0o600); err != nil {
			t.Fatal(err)
		}
		in := flow.NewAttachmentInput{OrgID: org, FilePath: copied}
		if !other.same {
			refuse(t, alice.Keyed(key), flow.NewAttachment, in, flow.Conflict)
		} else if again := must(t, alice.Keyed(key), flow.NewAttachment, in); again != first {
			t.Errorf("a copy of the file is the attachment %s, and the file %s", again, first)
		}
	}
	key = fresh()
	message := must(t, alice.Keyed(key), flow.SendMessage, withFiles(general, first))
	await(t, alice, flow.UploadCompleteEvent)
	if again := must(t, alice.Keyed(key), flow.SendMessage, withFiles(general, first)); again != message {
		t.Errorf("one request made the messages %s and %s", message, again)
	}
	refuse(t, alice.Keyed(key), flow.SendMessage, withFiles(general, alice.registers(t, org, "other.bin")), flow.Conflict)
	for _, n := range alice.news(t) {
		t.Errorf("a repeated request was announced: %s %s", n.Type, n.Data)
	}
	holds(t, alice.fetches(t, general, message, first), content)
}

func filesAreForMembers(t *testing.T, n *network) {
	alice, bob, carol := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "carol")
	org := alice.founds(t, "Team", bob, carol)
	general, private := alice.opens(t, org, "general", bob, carol), alice.opens(t, org, "private", bob)
	id, shown := alice.registers(t, org, "secret.txt"), alice.registers(t, org, "open.txt")
	secret, open := alice.sends(t, private, id), alice.sends(t, general, shown)
	for _, in := range []flow.StartAttachmentDownloadInput{
		download(private, secret, id),       // a channel that she is not in
		download(general, secret, id),       // a message of another channel
		download(general, open, id),         // a file of another message
		download(general, open, "NONE"),     // no file
		download(general, "NONE", id),       // no message
		{AttachmentID: id},                  // nothing but a file of a channel that she is not in
		{AttachmentID: id, MessageID: open}, // no channel
	} {
		refuse(t, carol, flow.StartAttachmentDownload, in, flow.NotFound)
	}
	in := download(general, open, shown)
	in.OrgID = alice.founds(t, "Other")
	refuse(t, alice, flow.StartAttachmentDownload, in, flow.Invalid)
	refuse(t, carol, flow.StoredAttachmentPath, flow.StoredAttachmentPathInput{AttachmentID: id}, flow.NotFound)
	refuse(t, carol, flow.StoredAttachmentPath, flow.StoredAttachmentPathInput{AttachmentID: "NONE"}, flow.NotFound)
	if got := carol.path(t, shown); got != "" {
		t.Errorf("a file that nobody fetched lies at %q", got)
	}
	bob.fetches(t, private, secret, id)
	alice.bans(t, private, bob)
	refuse(t, bob, flow.StartAttachmentDownload, download(private, secret, id), flow.NotFound)
	for _, n := range carol.news(t) {
		for _, e := range transferEvents {
			if n.Type == e.Type() {
				t.Errorf("carol was told of a transfer that is not hers: %s %s", n.Type, n.Data)
			}
		}
	}
}

func filesAreFoundWithoutTheirMessage(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general, private := alice.opens(t, org, "general", bob), alice.opens(t, org, "private")
	id := alice.registers(t, org, "a.txt")
	first, second := alice.sends(t, general, id), alice.sends(t, general, id)
	alice.sends(t, private, id) // which bob cannot see
	for _, want := range []flow.MessageID{second, first} {
		done, err := flow.Fetch(t.Context(), bob, flow.StartAttachmentDownloadInput{AttachmentID: id}, nil)
		if err != nil || done.MessageID != want || done.Path != bob.path(t, id) {
			t.Errorf("the file was found at the message %s and brought to %q, %v; want %s", done.MessageID, done.Path, err, want)
		}
		must(t, alice, flow.MarkMessagesDeleted, deletes(general, want))
	}
	refuse(t, bob, flow.StartAttachmentDownload, flow.StartAttachmentDownloadInput{AttachmentID: id}, flow.NotFound)
	if _, err := flow.Fetch(t.Context(), bob, flow.StartAttachmentDownloadInput{AttachmentID: id}, nil); !errors.Is(err, flow.NotFound) {
		t.Errorf("a file whose messages are gone: %v", err)
	}
}

func filesAreDescribed(t *testing.T, n *network) {
	alice, bob, eve := n.join(t, "alice"), n.join(t, "bob"), n.join(t, "eve")
	org := alice.founds(t, "Team", bob, eve)
	general, private := alice.opens(t, org, "general", bob), alice.opens(t, org, "private")
	id := alice.registersSized(t, org, "draft.txt", 7)
	in := flow.DescribeAttachmentInput{AttachmentID: id}
	want := must(t, alice, flow.DescribeAttachment, in)
	plain := flow.AttachmentDescription{ID: id, OrgID: org, AccountID: alice.id, Filename: "draft.txt", Size: 7, CreationTime: want.CreationTime}
	if diff := cmp.Diff(plain, want); diff != "" || want.CreationTime == 0 {
		t.Errorf("a file that was not sent is made at %d (-want +got):\n%s", want.CreationTime, diff)
	}
	refuse(t, bob, flow.DescribeAttachment, in, flow.NotFound)
	refuse(t, alice, flow.DescribeAttachment, flow.DescribeAttachmentInput{AttachmentID: "none"}, flow.NotFound)
	named := withFiles(general, id)
	named.Attachments[0].Filename = "final.txt"
	want.ChannelID, want.Filename = general, "final.txt"
	want.MessageID = must(t, alice, flow.SendMessage, named)
	secret := alice.sends(t, private, id)
	if diff := cmp.Diff(want, must(t, bob, flow.DescribeAttachment, in)); diff != "" {
		t.Errorf("what a member is told (-want +got):\n%s", diff)
	}
	refuse(t, eve, flow.DescribeAttachment, in, flow.NotFound)
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, want.MessageID))
	refuse(t, bob, flow.DescribeAttachment, in, flow.NotFound)
	want.ChannelID, want.MessageID, want.Filename = private, secret, "draft.txt"
	if diff := cmp.Diff(want, must(t, alice, flow.DescribeAttachment, in)); diff != "" {
		t.Errorf("what its owner is told (-want +got):\n%s", diff)
	}
}

func filesGoWithMessages(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	id := alice.registers(t, org, "a.txt")
	message := alice.sends(t, general, id)
	await(t, alice, flow.UploadCompleteEvent)
	path := bob.fetches(t, general, message, id)
	must(t, alice, flow.MarkMessagesDeleted, deletes(general, message))
	refuse(t, bob, flow.StartAttachmentDownload, download(general, message, id), flow.NotFound)
	if got := bob.path(t, id); got != path {
		t.Errorf("what bob had fetched before lies at %q, was at %q", got, path)
	}
}

func filesLieSideBySide(t *testing.T, n *network) {
	dir := t.TempDir()
	alice, bob := n.join(t, "alice"), n.downloads(t, "bob", dir)
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	mine := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{mine: true}
	for range 3 {
		id := alice.registers(t, org, "notes.txt")
		message := alice.sends(t, general, id)
		path := bob.fetches(t, general, message, id)
		if paths[path] {
			t.Errorf("two files were brought to %s", path)
		}
		paths[path] = true
		if again := bob.fetches(t, general, message, id); again != path {
			t.Errorf("a file that is there unchanged was brought to %s again, as %s", path, again)
		}
	}
	holds(t, mine, []byte("mine"))
	if got := names(t, dir); len(got) != len(paths) {
		t.Errorf("the directory holds %q, want %d files", got, len(paths))
	}
}

func filesAreGivenUp(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	id := alice.registers(t, org, "draft.txt")
	cancel := flow.CancelAttachmentUploadInput{AttachmentID: id}
	must(t, alice, flow.CancelAttachmentUpload, cancel)
	want := flow.Transfer{AttachmentID: id, OrgID: org, Filename: "draft.txt", Total: 1000}
	if diff := cmp.Diff(want, await(t, alice, flow.UploadCancelEvent)); diff != "" {
		t.Errorf("the notification (-want +got):\n%s", diff)
	}
	must(t, alice, flow.CancelAttachmentUpload, cancel)
	for _, n := range alice.news(t) {
		t.Errorf("giving up again was announced: %s %s", n.Type, n.Data)
	}
	refuse(t, alice, flow.SendMessage, withFiles(general, id), flow.NotFound)
	refuse(t, alice, flow.CancelAttachmentUpload, flow.CancelAttachmentUploadInput{AttachmentID: "NONE"}, flow.NotFound)
	sent := alice.registers(t, org, "sent.txt")
	alice.sends(t, general, sent)
	await(t, alice, flow.UploadCompleteEvent)
	refuse(t, alice, flow.CancelAttachmentUpload, flow.CancelAttachmentUploadInput{AttachmentID: sent}, flow.Conflict)
}

// overtakes tries what has to come before the end of a transfer until it does. With each
// attempt there is more to transfer, so that on no machine all of them come too late.
func overtakes(t *testing.T, try func(size int) bool) {
	t.Helper()
	const largest = 64 << 20
	for size := 1000; size <= largest; size *= 2 {
		if try(size) {
			return
		}
	}
	t.Fatalf("all attempts came too late, also that of a file of %d bytes or more", largest/2)
}

func uploadsAreCancelled(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	overtakes(t, func(size int) bool {
		id := alice.registersSized(t, org, "regretted.txt", size)
		message := alice.sends(t, general, id)
		_, err := flow.CancelAttachmentUpload.Call(t.Context(), alice, flow.CancelAttachmentUploadInput{AttachmentID: id})
		if err != nil {
			refusal(t, "cancelling an upload", err, flow.Conflict) // it was complete
			return false
		}
		kinds, all := transfersOf(t, alice, flow.UploadCancelEvent.Type())
		if last := all[len(all)-1]; last.AttachmentID != id || last.MessageID != message {
			t.Errorf("after %v the cancellation is %+v", kinds, last)
		}
		refuse(t, alice, flow.StartAttachmentDownload, download(general, message, id), flow.NotFound)
		refuse(t, alice, flow.SendMessage, withFiles(general, id), flow.NotFound)
		for _, n := range alice.news(t) {
			t.Errorf("after the cancellation came %s %s", n.Type, n.Data)
		}
		return true
	})
}

func downloadsAreCancelled(t *testing.T, n *network) {
	dir := t.TempDir()
	alice := n.downloads(t, "alice", dir)
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	cancelled := func(id flow.AttachmentID) error {
		_, err := flow.CancelAttachmentDownload.Call(t.Context(), alice, flow.CancelAttachmentDownloadInput{AttachmentID: id})
		return err
	}
	overtakes(t, func(size int) bool {
		before := names(t, dir)
		id := alice.registersSized(t, org, "unwanted.txt", size)
		message := alice.sends(t, general, id)
		must(t, alice, flow.StartAttachmentDownload, download(general, message, id))
		if err := cancelled(id); err != nil {
			refusal(t, "cancelling a download", err, flow.NotFound) // it was complete
			return false
		}
		if got := await(t, alice, flow.DownloadCancelEvent); got.AttachmentID != id || got.MessageID != message {
			t.Errorf("the notification is %+v", got)
		}
		if diff := cmp.Diff(before, names(t, dir)); diff != "" {
			t.Errorf("files of the directory (-before +after):\n%s", diff)
		}
		if got := alice.path(t, id); got != "" && filepath.Dir(got) == dir {
			t.Errorf("a cancelled download lies at %q", got)
		}
		refusal(t, "cancelling again", cancelled(id), flow.NotFound)
		// What was cancelled can be fetched all the same.
		alice.fetches(t, general, message, id)
		return true
	})
	refusal(t, "cancelling nothing", cancelled("NONE"), flow.NotFound)
}

func transfersAreListed(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	overtakes(t, func(size int) bool {
		id := alice.registersSized(t, org, "slow.txt", size)
		message := alice.sends(t, general, id)
		must(t, alice, flow.StartAttachmentDownload, download(general, message, id))
		must(t, alice, flow.StartAttachmentDownload, download(general, message, id)) // is the same one
		list := must(t, alice, flow.EnumeratePendingAttachmentTransfers, flow.EnumeratePendingAttachmentTransfersInput{})
		one := flow.PendingTransfer{
			AttachmentID: id, Direction: flow.Upload, OrgID: org, ChannelID: general, MessageID: message,
			Filename: "slow.txt", Total: int64(size),
		}
		other := one
		other.Direction = flow.Download
		want := []flow.PendingTransfer{one, other}
		if len(list) == len(want) {
			want[0].Transferred, want[1].Transferred = list[0].Transferred, list[1].Transferred
		}
		// One that came too late may have been two downloads, which are told of with the next.
		for up, down := false, false; !up || !down; {
			switch n := alice.next(t); n.Type {
			case flow.UploadCompleteEvent.Type():
				up = up || decode(t, flow.UploadCompleteEvent, n).MessageID == message
			case flow.DownloadCompleteEvent.Type():
				down = down || decode(t, flow.DownloadCompleteEvent, n).MessageID == message
			}
		}
		if !cmp.Equal(want, list) {
			return false
		}
		for _, left := range must(t, alice, flow.EnumeratePendingAttachmentTransfers, flow.EnumeratePendingAttachmentTransfersInput{}) {
			if left.MessageID == message {
				t.Errorf("when all is done this is pending: %+v", left)
			}
		}
		return true
	})
}

func transfersFail(t *testing.T, n *network) {
	blocked, _ := file(t, "a file and not a directory", 1)
	alice := n.downloads(t, "alice", filepath.Join(blocked, "downloads"))
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	id := alice.registers(t, org, "a.txt")
	message := alice.sends(t, general, id)
	must(t, alice, flow.StartAttachmentDownload, download(general, message, id))
	if got := await(t, alice, flow.DownloadErrorEvent); got.AttachmentID != id || got.MessageID != message || got.Err == "" || got.Path != "" {
		t.Errorf("a download that cannot be is announced as %+v", got)
	}
	if got := alice.path(t, id); got != "" && filepath.Dir(got) == blocked {
		t.Errorf("a failed download lies at %q", got)
	}
	overtakes(t, func(size int) bool {
		id := alice.registersSized(t, org, "b.txt", size)
		message := alice.sends(t, general, id)
		must(t, alice, flow.MarkMessagesDeleted, deletes(general, message))
		for {
			n := alice.next(t)
			for _, e := range []*flow.Event[flow.Transfer]{flow.UploadCompleteEvent, flow.UploadErrorEvent} {
				if n.Type != e.Type() {
					continue
				}
				if got := decode(t, e, n); got.MessageID == message {
					return n.Type == flow.UploadErrorEvent.Type() && got.AttachmentID == id && got.Err != ""
				}
			}
		}
	})
	refuse(t, n.process(t, ""), flow.ConfigOperation, flow.Config{FlowLocalAttachmentDir: "downloads"}, flow.Invalid)
}

func filesAreMoved(t *testing.T, n *network) {
	dir, other := t.TempDir(), t.TempDir()
	alice, bob := n.join(t, "alice"), n.downloads(t, "bob", dir)
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	source, content := file(t, "a.bin", 70_000)
	id := must(t, alice, flow.NewAttachment, flow.NewAttachmentInput{OrgID: org, FilePath: source})
	message := alice.sends(t, general, id)
	move := func(to string) flow.UpdateAttachmentPathInput {
		return flow.UpdateAttachmentPathInput{AttachmentID: id, NewPath: to}
	}
	refuse(t, bob, flow.UpdateAttachmentPath, move(filepath.Join(other, "b.bin")), flow.NotFound)
	await(t, alice, flow.UploadCompleteEvent)
	refuse(t, alice, flow.UpdateAttachmentPath, move(filepath.Join(other, "b.bin")), flow.NotFound)
	first := bob.fetches(t, general, message, id)
	for _, wrong := range []string{"", "b.bin", "../b.bin", other, other + string(filepath.Separator), filepath.Join(other, "a\nb")} {
		refuse(t, bob, flow.UpdateAttachmentPath, move(wrong), flow.Invalid)
	}
	refuse(t, bob, flow.UpdateAttachmentPath, move(filepath.Join(other, "none", "b.bin")), flow.NotFound)
	refuse(t, bob, flow.UpdateAttachmentPath, move(source), flow.Conflict)
	holds(t, source, content)
	to, key := filepath.Join(other, "b.bin"), fresh()
	for range 2 {
		must(t, bob.Keyed(key), flow.UpdateAttachmentPath, move(to))
		must(t, bob, flow.UpdateAttachmentPath, move(to)) // where it is
	}
	if got := bob.path(t, id); got != to {
		t.Errorf("the file that was moved to %s lies at %q", to, got)
	}
	holds(t, to, content)
	if got := names(t, filepath.Dir(first)); len(got) != 0 {
		t.Errorf("where the file was there is %q", got)
	}
	if err := os.Remove(to); err != nil {
		t.Fatal(err)
	}
	if got := bob.path(t, id); got != "" {
		t.Errorf("a file that is gone lies at %q", got)
	}
	refuse(t, bob, flow.UpdateAttachmentPath, move(first), flow.NotFound)
	holds(t, bob.fetches(t, general, message, id), content)
}

func filesLieOnDevices(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	source, content := file(t, "a.txt", 10)
	id := must(t, alice, flow.NewAttachment, flow.NewAttachmentInput{OrgID: org, FilePath: source})
	if got := alice.path(t, id); got != "" {
		t.Errorf("before the upload the path is %q", got)
	}
	message := alice.sends(t, general, id)
	await(t, alice, flow.UploadCompleteEvent)
	if got := alice.path(t, id); got != source {
		t.Errorf("a file that was sent lies at %q, want %q", got, source)
	}
	elsewhere := open(t, n.process(t, t.TempDir()))
	must(t, elsewhere, flow.CreateDevice, flow.CreateDeviceInput{Username: "alice", Password: password})
	away := started(t, elsewhere, "alice")
	if got := away.path(t, id); got != "" {
		t.Errorf("on a device that has not fetched the file it lies at %q", got)
	}
	path := away.fetches(t, general, message, id)
	holds(t, path, content)
	if got := away.path(t, id); got != path {
		t.Errorf("the file lies at %q, announced was %q", got, path)
	}
	if got := alice.path(t, id); got != source {
		t.Errorf("after a download elsewhere the file lies at %q here", got)
	}
	if done := await(t, alice, flow.DownloadCompleteEvent); done.Path != path {
		t.Errorf("the account's other device was told of %+v", done)
	}
	if err := os.WriteFile(source, []byte("other words"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := alice.path(t, id); got != "" {
		t.Errorf("the file lies at %q, which holds something else now", got)
	}
	holds(t, alice.fetches(t, general, message, id), content)
}
