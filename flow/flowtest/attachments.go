package flowtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/google/go-cmp/cmp"
)

var attachments = []scenario{
	{"arrive as they were registered", filesArrive},
	{"are announced from start to end", transfersAreAnnounced},
	{"stand in every form of the message", filesStandInMessages},
	{"are sent by who registered them, where they were registered for", filesAreOwn},
	{"have names that lie about nothing", fileNamesAreChecked},
	{"are copied once for one request", filesAreRegisteredOnce},
	{"are fetched by members", filesAreForMembers},
	{"are found without their message", filesAreFoundWithoutTheirMessage},
	{"are described to those who can see them", filesAreDescribed},
	{"are fetched to the device that asks", filesAreFetchedByDevices},
	{"go with their message", filesGoWithMessages},
	{"never replace a file", filesLieSideBySide},
	{"can be given up before they are sent", filesAreGivenUp},
	{"can be taken back while they are sent", uploadsAreCancelled},
	{"can be left while they are fetched", downloadsAreCancelled},
	{"are under way for a while", transfersAreListed},
	{"say what went wrong", transfersFail},
	{"are moved", filesAreMoved},
	{"have paths on the device that has them", filesLieOnDevices},
}

// file makes a file of some size with content of its own.
func file(t *testing.T, name string, size int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, size)
	random := rand.NewChaCha8([32]byte([]byte(fmt.Sprintf("%32.32s", name+fmt.Sprint(size)))))
	_, _ = random.Read(content) // never fails
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, content
}

// registers registers a small file.
func (p *person) registers(t *testing.T, org flow.OrgID, name string) flow.AttachmentID {
	t.Helper()
	return p.registersSized(t, org, name, 1000)
}

func (p *person) registersSized(t *testing.T, org flow.OrgID, name string, size int) flow.AttachmentID {
	t.Helper()
	path, _ := file(t, name, size)
	return must(t, p, flow.NewAttachment, flow.NewAttachmentInput{OrgID: org, FilePath: path})
}

// sends sends files that were registered.
func (p *person) sends(t *testing.T, channel flow.ChannelID, files ...flow.AttachmentID) flow.MessageID {
	t.Helper()
	return must(t, p, flow.SendMessage, withFiles(channel, files...))
}

func withFiles(channel flow.ChannelID, files ...flow.AttachmentID) flow.SendMessageInput {
	in := flow.SendMessageInput{ChannelID: channel}
	for _, id := range files {
		in.Attachments = append(in.Attachments, flow.AttachmentToSend{ID: id})
	}
	return in
}

// fetches downloads a file and waits until it is there.
func (p *person) fetches(t *testing.T, channel flow.ChannelID, message flow.MessageID, file flow.AttachmentID) string {
	t.Helper()
	must(t, p, flow.StartAttachmentDownload, download(channel, message, file))
	for {
		done := await(t, p, flow.DownloadCompleteEvent)
		if done.AttachmentID == file && done.MessageID == message {
			return done.Path
		}
	}
}

func download(channel flow.ChannelID, message flow.MessageID, file flow.AttachmentID) flow.StartAttachmentDownloadInput {
	return flow.StartAttachmentDownloadInput{AttachmentID: file, ChannelID: channel, MessageID: message}
}

func (p *person) path(t *testing.T, file flow.AttachmentID) string {
	t.Helper()
	return must(t, p, flow.StoredAttachmentPath, flow.StoredAttachmentPathInput{AttachmentID: file})
}

// holds checks what a file holds.
func holds(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s holds %d bytes that are not the %d that were sent", path, len(got), len(want))
	}
}

// names lists a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// downloads is a person whose downloads go to a directory.
func (n *network) downloads(t *testing.T, name, dir string) *person {
	t.Helper()
	process := n.process(t, name)
	must(t, process, flow.ConfigOperation, flow.Config{FlowLocalDatabaseDir: name, FlowLocalAttachmentDir: dir})
	s := open(t, process)
	must(t, s, flow.StartUpLocal, flow.StartUpLocalInput{Username: name})
	return started(t, s, name)
}

func filesArrive(t *testing.T, n *network) {
	dir := filepath.Join(t.TempDir(), "made", "when", "needed")
	alice, bob := n.join(t, "alice"), n.downloads(t, "bob", dir)
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	for _, size := range []int{0, 1, 4095, 3<<20 + 7} {
		source, content := file(t, "report.pdf", size)
		id := must(t, alice, flow.NewAttachment, flow.NewAttachmentInput{OrgID: org, FilePath: source})
		// What becomes of the source from here on does not matter.
		if err := os.WriteFile(source, []byte("something else"), 0o600); err != nil {
			t.Fatal(err)
		}
		message := alice.sends(t, general, id)
		if got := bob.path(t, id); got != "" {
			t.Errorf("before the download the path is %q", got)
		}
		path := bob.fetches(t, general, message, id)
		holds(t, path, content)
		if got := bob.path(t, id); got != path || filepath.Dir(path) != dir {
			t.Errorf("the file lies at %q, announced was %q, wanted in %s", got, path, dir)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if others := info.Mode().Perm() & 0o177; others&0o100 != 0 || filepath.Separator == '/' && others != 0 {
			t.Errorf("the file has the permissions %s", info.Mode())
		}
	}
}

// transfersOf returns the transfer notifications among those up to one of a type.
func transfersOf(t *testing.T, p *person, last flow.NotificationType) (kinds []string, all []flow.Transfer) {
	t.Helper()
	for {
		n := p.next(t)
		for _, e := range transferEvents {
			if e.Type() == n.Type {
				kinds = append(kinds, string(n.Type))
				all = append(all, decode(t, e, n))
			}
		}
		if n.Type == last {
			return kinds, all
		}
	}
}

var transferEvents = []*flow.Event[flow.Transfer]{
	flow.UploadStartEvent, flow.UploadProgressEvent, flow.UploadCompleteEvent, flow.UploadErrorEvent, flow.UploadCancelEvent,
	flow.DownloadStartEvent, flow.DownloadProgressEvent, flow.DownloadCompleteEvent, flow.DownloadErrorEvent, flow.DownloadCancelEvent,
}

func transfersAreAnnounced(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	second := n.returns(t, "alice")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	source, _ := file(t, "data.csv", 1<<20)
	id := must(t, alice, flow.NewAttachment, flow.NewAttachmentInput{OrgID: org, FilePath: source})
	message := alice.sends(t, general, id)
	want := flow.Transfer{
		AttachmentID: id, OrgID: org, ChannelID: general, MessageID: message, Filename: "data.csv", Total: 1 << 20,
	}
	for _, p := range []*person{alice, second} {
		kinds, all := transfersOf(t, p, flow.UploadCompleteEvent.Type())
		checkTransfer(t, "upload", kinds, all, want)
	}
	must(t, bob, flow.StartAttachmentDownload, download(general, message, id))
	kinds, all := transfersOf(t, bob, flow.DownloadCompleteEvent.Type())
	want.Path, want.DeviceID = bob.path(t, id), must(t, bob, flow.GetDeviceID, flow.DeviceIDInput{})
	checkTransfer(t, "download", kinds, all, want)
	for _, n := range alice.news(t) {
		t.Errorf("alice was told of what is bob's, or twice of what is hers: %s %s", n.Type, n.Data)
	}
}

// checkTransfer checks the notifications of one that went well.
func checkTransfer(t *testing.T, direction string, kinds []string, all []flow.Transfer, want flow.Transfer) {
	t.Helper()
	if len(all) < 3 {
		t.Fatalf("an %s is announced as %v", direction, kinds)
	}
	sofar := int64(0)
	for i, got := range all {
		expected, kind := want, direction+"-progress-event"
		expected.Path = ""
		expected.Transferred = got.Transferred
		switch i {
		case 0:
			kind, expected.Transferred = direction+"-start-event", 0
		case len(all) - 1:
			kind, expected.Path, expected.Transferred = direction+"-complete-event", want.Path, want.Total
		case len(all) - 2:
			expected.Transferred = want.Total
		}
		if diff := cmp.Diff(expected, got); diff != "" || kinds[i] != kind || got.Transferred < sofar {
			t.Errorf("notification %d of %v (-want +got):\n%s", i, kinds, diff)
		}
		sofar = got.Transferred
	}
}

func filesStandInMessages(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org := alice.founds(t, "Team", bob)
	general := alice.opens(t, org, "general", bob)
	one, two := alice.registers(t, org, "one.txt"), alice.registers(t, org, "two.txt")
	must(t, alice, flow.SendMessage, flow.SendMessageInput{
		ChannelID: general, Text: "two files",
		Attachments: []flow.AttachmentToSend{{ID: two, Filename: "zwei 🦊.txt"}, {ID: one}},
	})
	want := []flow.Attachment{{ID: two, Filename: "zwei 🦊.txt", Size: 1000}, {ID: one, Filename: "one.txt", Size: 1000}}
	told := bob.waitMessage(t)
	read := bob.messages(t, general, flow.MessageFilters{})[0]
	found := must(t, bob, flow.Search, flow.SearchInput{ChannelID: general, Search: "two files"})[0].Data
	logged := decode(t, flow.MessageEvent, lastOf(bob.eventsAfter(t, 0, 1000, 0).Events, flow.MessageEvent.Type())).RegularMessages[0]
	for form, got := range map[string]flow.Message{"told": told, "read": read, "found": found, "logged": logged} {
		if diff := cmp.Diff(want, got.Attachments); diff != "" || got.ID != told.ID {
			t.Errorf("the files of the message as %s (-want +got):\n%s", form, diff)
		}
	}
	// The same file may go with another message, and with one that has no text.
	again := alice.sends(t, general, one)
	if got := bob.waitMessage(t); got.ID != again || got.Text != "" || len(got.Attachments) != 1 || got.Attachments[0].ID != one {
		t.Errorf("the second message with the file is %+v", got)
	}
}

func lastOf(list flow.Notifications, kind flow.NotificationType) (last flow.Notification) {
	for _, n := range list {
		if n.Type == kind {
			last = n
		}
	}
	return last
}

func filesAreOwn(t *testing.T, n *network) {
	alice, bob := n.join(t, "alice"), n.join(t, "bob")
	org, other := alice.founds(t, "Team", bob), alice.founds(t, "Other")
	general := alice.opens(t, org, "general", bob)
	elsewhere := alice.opens(t, other, "elsewhere")
	id := alice.registers(t, org, "a.txt")
	refuse(t, bob, flow.SendMessage, withFiles(general, id), flow.NotFound)
	refuse(t, bob, flow.CancelAttachmentUpload, flow.CancelAttachmentUploadInput{AttachmentID: id}, flow.NotFound)
	refuse(t, alice, flow.SendMessage, withFiles(elsewhere, id), flow.Invalid)
	refuse(t, alice, flow.SendMessage, withFiles(general, id, "NONE"), flow.NotFound)
	refuse(t, alice, flow.SendMessage, withFiles(general, id, id), flow.Invalid)
	refuse(t, alice, flow.SendMessage, withFiles(general, make([]flow.AttachmentID, flow.MaxAttachments+1)...), flow.Invalid)
	path, _ := file(t, "b.txt", 1)
	refuse(t, bob, flow.NewAttachment, flow.NewAttachmentInput{OrgID: other, FilePath: path}, flow.NotFound)
	refuse(t, bob, flow.NewAttachment, flow.NewAttachmentInput{OrgID: "NONE", FilePath: path}, flow.NotFound)
	for _, wrong := range []string{"", "b.txt", "./b.txt", filepath.Dir(path), path + string(filepath.Separator), path + "\x00"} {
		refuse(t, alice, flow.NewAttachment, flow.NewAttachmentInput{OrgID: org, FilePath: wrong}, flow.Invalid)
	}
	refuse(t, alice, flow.NewAttachment, flow.NewAttachmentInput{OrgID: org, FilePath: path + ".not"}, flow.NotFound)
	if got := alice.texts(t, general, flow.MessageFilters{}); len(got) != 0 {
		t.Errorf("refused messages were sent: %q", got)
	}
	alice.sends(t, general, id)
}

func fileNamesAreChecked(t *testing.T, n *network) {
	alice := n.join(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	id := alice.registers(t, org, "a.txt")
	send := func(name string) flow.SendMessageInput {
		return flow.SendMessageInput{ChannelID: general, Attachments: []flow.AttachmentToSend{{ID: id, Filename: name}}}
	}
	long := string(bytes.Repeat([]byte("x"), flow.MaxFilename))
	for _, name := range []string{
		"..", ".", "a/b", "/etc/passwd", `..\..\autoexec.bat`, "a\nb", "a\x00b", "a\x1b[31m", "\u202egpj.exe", "a\u2028b", long + "x",
	} {
		refuse(t, alice, flow.SendMessage, send(name), flow.Invalid)
	}
	dir := t.TempDir()
	for i, name := range []string{"CON", "nul.txt", ".bashrc", "-rf", "a:b", "trailing. ", "<|>?*\"", long, "файл.txt", "a..b"} {
		must(t, alice, flow.SendMessage, send(name))
		sent := alice.messages(t, general, flow.MessageFilters{Limit: 1})[0]
		if got := sent.Attachments[0].Filename; got != name {
			t.Errorf("the name %q became %q", name, got)
		}
		bob := n.downloads(t, fmt.Sprint("bob", i), dir)
		alice.admits(t, org, bob, flow.Member)
		alice.invites(t, general, bob, flow.Member)
		path := bob.fetches(t, general, sent.ID, id)
		if filepath.Dir(path) != dir {
			t.Errorf("the file %q lies at %s, want it in %s", name, path, dir)
		}
	}
}

// before is a person for whom something happens before each call of a method.
type before struct {
	flow.Caller
	method string
	happen func()
}

func (b before) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if method == b.method {
		b.happen()
	}
	return b.Caller.Call(ctx, method, params)
}

// All devices of an account are told of its downloads. Each waits for its own.
func filesAreFetchedByDevices(t *testing.T, n *network) {
	alice := n.register(t, "alice")
	org := alice.founds(t, "Team")
	general := alice.opens(t, org, "general")
	id := alice.registers(t, org, "a.txt")
	message := alice.sends(t, general, id)
	phone, laptop := n.device(t, "phone", "alice"), n.device(t, "laptop", "alice")
	var path string
	start := before{laptop, flow.StartAttachmentDownload.Info().Name, func() { path = phone.fetches(t, general, message, id) }}
	done, err := flow.Fetch(t.Context(), start, download(general, message, id), nil)
	if err != nil || done.Path == path || done.Path != laptop.path(t, id) {
		t.Errorf("the laptop's file is at %q, the phone's at %q; %v", done.Path, path, err)
	}
	if got := must(t, laptop, flow.GetDeviceID, flow.DeviceIDInput{}); done.DeviceID != got {
		t.Errorf("the laptop %s was told of a download to the device %s", got, done.DeviceID)
	}
}
