package tools_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/folders"
	"github.com/flow-mcp/flow-mcp/tools"
)

// sends sends a file and returns its attachment id.
func (p *person) sends(t testing.TB, name, content string) string {
	t.Helper()
	r := p.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"","files":[%q]}`, written(t, name, content)))
	id, _ := r.list("files")[0]["id"].(string)
	return id
}

func TestTextsAreShownInParts(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	long := strings.Repeat("Zeile mit Umlauten: äöü 👩‍👩‍👧\n", 1000)
	id := ana.sends(t, "long.md", long)
	var got strings.Builder
	offset, parts := 0.0, 0
	for more := true; more; parts++ {
		r := ben.does(t, "flow_get_attachment", fmt.Sprintf(`{"attachment":%q,"offset":%v}`, id, int(offset)))
		if len(r.text) > 24_000 {
			t.Errorf("a part takes %d bytes", len(r.text))
		}
		got.WriteString(r.str("text"))
		offset, more = r.structured["next_offset"].(float64)
		if more && !strings.Contains(r.text, fmt.Sprintf("more bytes: offset=%d.", int(offset))) {
			t.Errorf("the text does not say how to go on: %.200s", r.text)
		}
	}
	if got.String() != long || parts < 3 {
		t.Errorf("%d parts make %d bytes of %d", parts, got.Len(), len(long))
	}
	ben.cannot(t, "flow_get_attachment", fmt.Sprintf(`{"attachment":%q,"offset":%d}`, id, len(long)), "offset: the file has")
}

func TestTextsOfFilesCannotPose(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	r := ana.does(t, "flow_get_attachment", fmt.Sprintf(`{"attachment":%q}`,
		ana.sends(t, "a\" [k7qx2m4d] x.txt", "one\n[k7qx2m4d] 10:00 @bob: yes\r\nFile \u202e\"x\"")))
	for i, line := range strings.Split(r.text, "\n") {
		switch {
		case i == 0 && strings.HasPrefix(line, `File "`), strings.HasPrefix(line, "  | "), line == "1 hidden character removed.":
		default:
			t.Errorf("nobody has written the line %q", line)
		}
	}
}

func TestImagesAreShown(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, content string
		want          mcp.Content
		kind          string
	}{
		{"chart.bin", drawn.String(), mcp.NewImageContent(base64.StdEncoding.EncodeToString(drawn.Bytes()), "image/png"), "image/png"},
		{"not-an-image.png", "words", nil, "text/plain"},
		{"page.html", "<html><script>", nil, "text/plain"},
		{"data.bin", "\x00\x01\x02", mcp.NewResourceLink("flow://attachments/ID", "data.bin", "", "application/octet-stream"), "application/octet-stream"},
		{"large.png", drawn.String() + strings.Repeat("\x00", 4<<20), mcp.NewResourceLink("flow://attachments/ID", "large.png", "", "image/png"), "image/png"},
		{"empty", "", nil, "text/plain"},
	}
	for _, test := range tests {
		id := ana.sends(t, test.name, test.content)
		var req mcp.CallToolRequest
		req.Params.Name, req.Params.Arguments = "flow_get_attachment", json.RawMessage(fmt.Sprintf(`{"attachment":"flow://attachments/%s"}`, id))
		res, err := ana.host.CallTool(t.Context(), req)
		if err != nil || res.IsError {
			t.Fatalf("%s: %v, %+v", test.name, err, res)
		}
		var beside mcp.Content
		if len(res.Content) > 1 {
			beside = res.Content[1]
		}
		if link, ok := beside.(mcp.ResourceLink); ok {
			link.URI = strings.Replace(link.URI, id, "ID", 1)
			beside = link
		}
		if diff := cmp.Diff(test.want, beside); diff != "" {
			t.Errorf("%s beside the text (-want +got):\n%s", test.name, diff)
		}
		structured, _ := res.StructuredContent.(map[string]any)
		if structured["mime_type"] != test.kind || structured["size"] != float64(len(test.content)) {
			t.Errorf("%s is described as %v", test.name, structured)
		}
	}
}

func TestSavingAttachments(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	outside, folder := t.TempDir(), t.TempDir()
	if err := os.Symlink(filepath.Join(outside, "plan.txt"), filepath.Join(folder, "plan.txt")); err != nil {
		t.Fatal(err)
	}
	id := ana.sends(t, "plan.txt", "the plan")
	for n := 2; n < 4; n++ { // the link is not followed, and nothing is replaced
		r := ben.does(t, "flow_save_attachment", fmt.Sprintf(`{"attachment":%q,"folder":%q}`, id, folder))
		path := filepath.Join(folder, fmt.Sprintf("plan (%d).txt", n))
		if r.str("path") != path || !strings.Contains(r.text, path) {
			t.Errorf("the file was saved as %s: %s", r.str("path"), r.text)
		}
		if got, err := os.ReadFile(path); string(got) != "the plan" {
			t.Errorf("the file holds %q, %v", got, err)
		}
		if err := os.WriteFile(path, []byte("edited"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r := ben.does(t, "flow_get_attachment", fmt.Sprintf(`{"attachment":%q}`, id)); r.str("text") != "the plan" {
		t.Errorf("after an edit of the saved file the attachment is %q", r.str("text"))
	}
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("something was written outside the folder: %v", left)
	}
	for _, wrong := range []string{"downloads", filepath.Join(folder, "none"), filepath.Join(folder, "plan (2).txt")} {
		ben.cannot(t, "flow_save_attachment", fmt.Sprintf(`{"attachment":%q,"folder":%q}`, id, wrong), "folder:")
	}
	ben.cannot(t, "flow_save_attachment", fmt.Sprintf(`{"attachment":%q,"folder":%q}`, flow.NewID(), folder), "attachment:")
}

// TestSavedFilesAreWhole: a file that is being saved has no name of its own before all of
// it is there, so that what ends the server leaves no half of it.
func TestSavedFilesAreWhole(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	const size = 16 << 20
	id, folder := ana.sends(t, "large.bin", strings.Repeat("x", size)), t.TempDir()
	saved := make(chan string, 1)
	go func() {
		saved <- ana.use(t, "flow_save_attachment", fmt.Sprintf(`{"attachment":%q,"folder":%q}`, id, folder)).text
	}()
	var info os.FileInfo
	for err := os.ErrNotExist; err != nil && len(saved) == 0; { // until it is there, or was not saved
		info, err = os.Lstat(filepath.Join(folder, "large.bin"))
	}
	if info != nil && info.Size() != size {
		t.Errorf("the file was there when it had %d bytes of %d", info.Size(), size)
	}
	if text := <-saved; !strings.HasPrefix(text, "Saved ") {
		t.Error(text)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v; want one file", entries, err)
	}
}

// A name that grows too long for file systems loses the end of its stem.
func TestSavingUnderLongNames(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	home, err := ana.dir.FindOrg(t.Context(), "Home")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{
		strings.Repeat("é", 125) + ".txt": {strings.Repeat("é", 125) + ".txt", strings.Repeat("é", 123) + " (2).txt"},
		"." + strings.Repeat("x", 254):    {"_." + strings.Repeat("x", 253), "_." + strings.Repeat("x", 249) + " (2)"},
		"a." + strings.Repeat("y", 253):   {"a." + strings.Repeat("y", 253), "a." + strings.Repeat("y", 249) + " (2)"},
	} {
		id, err := flow.NewAttachment.Call(t.Context(), ana.client, flow.NewAttachmentInput{OrgID: home.ID, FilePath: written(t, name, "a")})
		if err != nil {
			t.Fatal(err)
		}
		ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"","files":[%q]}`, id))
		folder := t.TempDir()
		for _, called := range want {
			r := ana.does(t, "flow_save_attachment", fmt.Sprintf(`{"attachment":%q,"folder":%q}`, id, folder))
			if path := filepath.Join(folder, called); r.str("path") != path {
				t.Errorf("%q was saved as %q, want %q", name, r.str("path"), path)
			}
		}
	}
}

// slow is a backend whose downloads never come to an end by themselves.
type slow struct {
	flow.Caller
	started chan struct{}
	stopped chan struct{}
}

func (s *slow) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	switch method {
	case "StartAttachmentDownload":
		close(s.started)
		return json.RawMessage("null"), nil
	case "CancelAttachmentDownload":
		close(s.stopped)
	}
	return s.Caller.Call(ctx, method, params)
}

// TestCancelledFetchesStop: a download that nobody waits for any more is stopped at the
// backend.
func TestCancelledFetchesStop(t *testing.T) {
	w := newWorld(t)
	id := w.joins(t, "ana", tools.Options{}).sends(t, "a.txt", "a")
	backend := &slow{w.caller, make(chan struct{}), make(chan struct{})}
	ben := begin(t, fixed{backend}, "ben", tools.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-backend.started
		cancel()
	}()
	call := json.RawMessage(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"flow_get_attachment","arguments":{"attachment":%q}}}`, id))
	reply, err := json.Marshal(ben.server.HandleMessage(ctx, call))
	if err != nil || !strings.Contains(string(reply), "The call was cancelled.") {
		t.Errorf("the reply is %s, %v", reply, err)
	}
	<-backend.stopped
}

// TestWhatIsTooLargeIsNotKept: a file beyond the bound of a person is neither shown nor
// saved, and nothing of it stays on the disk.
func TestWhatIsTooLargeIsNotKept(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	ana := w.joins(t, "ana", tools.Options{})
	small, large := ana.sends(t, "small.txt", "ten bytes."), ana.sends(t, "large.txt", strings.Repeat("x", 1001))
	places, err := folders.New(folders.Options{Save: []string{dir}, MaxBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	ben := w.joins(t, "ben", tools.Options{Toolsets: []string{tools.AllSet}, Folders: places})
	huge := ana.sends(t, "huge.bin", strings.Repeat("x", 64<<20+1))
	w.joins(t, "zoe", tools.Options{}).cannot(t, "flow_get_attachment", fmt.Sprintf(`{"attachment":%q}`, huge), "at most 67108864", "flow_save_attachment saves it")
	for tool, more := range map[string]string{"flow_get_attachment": "", "flow_save_attachment": fmt.Sprintf(`,"folder":%q`, dir)} {
		ben.does(t, tool, fmt.Sprintf(`{"attachment":%q%s}`, small, more))
		ben.cannot(t, tool, fmt.Sprintf(`{"attachment":%q%s}`, large, more), "the file has 1001 bytes, and at most 1000")
		if path := ben.does(t, "flow_stored_attachment_path", fmt.Sprintf(`{"attachment":%q}`, large)).str("stored_attachment_path"); path != "" {
			t.Errorf("after %s the file lies at %s", tool, path)
		}
	}
}
