package tools_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/internal/folders"
	"github.com/flow-mcp/flow-mcp/tools"
)

// rooted is a client that names one folder, or fails to.
type rooted struct{ dir string }

func (r rooted) ListRoots(context.Context, mcp.ListRootsRequest) (*mcp.ListRootsResult, error) {
	if r.dir == "" {
		return nil, errors.New("window closed")
	}
	return &mcp.ListRootsResult{Roots: []mcp.Root{{URI: "file://" + r.dir}}}, nil
}

func usualFolders(t *testing.T) *folders.Folders {
	t.Helper()
	usual, err := folders.New(folders.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return usual
}

// The folders of a client count, and are asked for at each call, so that what it changes
// holds from the next call on.
func TestRootsOfAClientThatShookHands(t *testing.T) {
	inside, outside := written(t, "in.txt", "in"), written(t, "out.txt", "out")
	ana := newWorld(t).joins(t, "ana", tools.Options{Toolsets: []string{tools.AllSet}, Folders: usualFolders(t)})
	roots := &rooted{filepath.Dir(inside)}
	_ = ana.host.Close()
	host, err := client.NewInProcessClientWithOptions(ana.server, client.WithRootsHandler(roots))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close() })
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var shake mcp.InitializeRequest
	shake.Params.ProtocolVersion = mcp.LATEST_LEGACY_PROTOCOL_VERSION
	if _, err := host.Initialize(t.Context(), shake); err != nil {
		t.Fatal(err)
	}
	ana.host = host
	send := func(path string) string {
		return fmt.Sprintf(`{"channel":"general","text":"x","files":[%q]}`, path)
	}
	ana.does(t, "flow_send_message", send(inside))
	ana.does(t, "flow_new_attachment", fmt.Sprintf(`{"file_path":%q}`, inside))
	ana.cannot(t, "flow_send_message", send(outside), "is not in a folder that files may be sent from")
	ana.cannot(t, "flow_new_attachment", fmt.Sprintf(`{"file_path":%q}`, outside), "file_path:", "is not in a folder")
	roots.dir = filepath.Dir(outside)
	ana.does(t, "flow_send_message", send(outside))
	ana.cannot(t, "flow_send_message", send(inside), "is not in a folder")
	if r := ana.does(t, "flow_status", `{}`); !strings.Contains(r.text, fmt.Sprintf("Files can be sent from %q.\nFiles can be saved to %[1]q.", roots.dir)) {
		t.Errorf("the status is %q, want the folder of the client in it", r.text)
	}
	roots.dir = ""
	if r := ana.does(t, "flow_status", `{}`); !strings.Contains(r.text, "Files can be sent from no folder: ") {
		t.Errorf("of a client that does not answer the status says %q", r.text)
	}
	ana.cannot(t, "flow_send_message", send(outside), "the client has not said which folders it allows")
	ana.does(t, "flow_send_message", `{"channel":"general","text":"no file, no folders"}`)
}

// A modern client brings its folders in each round, also in that of a confirmation.
func TestRootsOfAModernClient(t *testing.T) {
	inside, outside := written(t, "in.txt", "in"), written(t, "out.txt", "out")
	o := tools.Options{Toolsets: []string{tools.AllSet}, Folders: usualFolders(t), Consent: tools.Consent{Writing: tools.AskOrRefuse}}
	ana := newWorld(t).joins(t, "ana", o)
	const able = `,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"roots":{}}}`
	call := func(path, further string) map[string]any {
		return ana.call2026(t, "flow_new_attachment", fmt.Sprintf(`{"file_path":%q}`, path), further+able)
	}
	roots := `"roots":{"roots":[{"uri":"file://` + filepath.Dir(inside) + `"}]}`
	first := call(inside, "")
	if asked, _ := first["inputRequests"].(map[string]any); first["resultType"] != "input_required" || asked["roots"] == nil {
		t.Fatalf("the client was not asked for its folders: %v", first)
	}
	if r := call(outside, `,"inputResponses":{`+roots+`}`); r["isError"] != true || !strings.Contains(textOf(r), "is not in a folder") {
		t.Errorf("a file outside of the folders: %v", r)
	}
	second := call(inside, `,"inputResponses":{`+roots+`}`)
	state, _ := second["requestState"].(string)
	if asked, _ := second["inputRequests"].(map[string]any); state == "" || asked["roots"] == nil || asked["confirm"] == nil {
		t.Fatalf("the person was not asked: %v", second)
	}
	third := call(inside, `,"requestState":"`+state+`","inputResponses":{`+roots+`,"confirm":{"action":"accept","content":{"confirm":true}}}`)
	if third["isError"] == true {
		t.Errorf("the file was not taken: %v", third)
	}
}

// Raw operations are held to the folders too, and what they read is a copy.
func TestOperationsKeepToTheFolders(t *testing.T) {
	dir := t.TempDir()
	places, err := folders.New(folders.Options{Send: []string{dir}, Save: []string{dir}, Staging: filepath.Join(t.TempDir(), "outgoing")})
	if err != nil {
		t.Fatal(err)
	}
	ana := newWorld(t).joins(t, "ana", tools.Options{Toolsets: []string{tools.AllSet}, Folders: places})
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := ana.does(t, "flow_new_attachment", fmt.Sprintf(`{"file_path":%q}`, filepath.Join(dir, "a.txt"))).str("attachment_id")
	ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"x","files":[%q]}`, id))
	ana.cannot(t, "flow_new_attachment", `{"file_path":"/etc/passwd"}`, "is not in a folder that files may be sent from")
	ana.cannot(t, "flow_update_attachment_path", fmt.Sprintf(`{"attachment":%q,"new_path":%q}`, id, filepath.Join(t.TempDir(), "b.txt")), "is not in a folder that files may be saved to")
	ana.cannot(t, "flow_save_attachment", fmt.Sprintf(`{"attachment":%q,"folder":%q}`, id, t.TempDir()), "is not in a folder that files may be saved to")
	ana.does(t, "flow_save_attachment", fmt.Sprintf(`{"attachment":%q,"folder":%q}`, id, dir))
	if got := ana.does(t, "flow_get_attachment", fmt.Sprintf(`{"attachment":%q}`, id)).str("text"); got != "a" {
		t.Errorf("the file holds %q", got)
	}
}

// Every parameter of an operation that is a path says what for, so that it is judged.
func TestEveryPathIsJudged(t *testing.T) {
	for _, op := range flow.Catalogue() {
		in, _ := op.Types()
		if op.Info().Effect == flow.Protocol {
			continue
		}
		for i := range in.NumField() {
			if f := in.Field(i); strings.Contains(f.Name, "Path") && f.Tag.Get("local") == "" {
				t.Errorf("%s.%s is a path without the tag local", op.Info().Name, f.Name)
			}
		}
	}
}
