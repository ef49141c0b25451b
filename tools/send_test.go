package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/tools"
)

// written makes a file of a test.
func written(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOneOfManySends: of calls with one key, one has sent the message, and the others
// say so and name it.
func TestOneOfManySends(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", tools.Options{})
	ana.arrives(t)
	servers := []*person{ana, w.joins(t, "ana", tools.Options{}), w.joins(t, "ana", tools.Options{})}
	file := written(t, "a.txt", "a")
	for _, args := range []string{
		`{"channel":"general","text":"once","idempotency_key":"k"}`,
		fmt.Sprintf(`{"channel":"general","text":"once more","idempotency_key":"with a file","files":[%q]}`, file),
	} {
		var states [6]result
		var all sync.WaitGroup
		for i := range states {
			all.Go(func() { states[i] = servers[i%len(servers)].does(t, "flow_send_message", args) })
		}
		all.Wait()
		count := map[string]int{}
		for _, r := range states {
			count[r.str("state")]++
			if r.str("message_id") != states[0].str("message_id") {
				t.Errorf("the message is %s and %s", r.str("message_id"), states[0].str("message_id"))
			}
			if r.str("state") == "already_sent" && !strings.Contains(r.text, "already sent by an earlier call with the same idempotency_key") {
				t.Errorf("a repetition says %q", r.text)
			}
		}
		if diff := cmp.Diff(map[string]int{"sent": 1, "already_sent": 5}, count); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	}
	if got := texts(ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`).list("messages")); len(got) != 2 {
		t.Errorf("the channel holds %q", got)
	}
	ana.cannot(t, "flow_send_message", `{"channel":"general","text":"other","idempotency_key":"k"}`, "used for another message")
}

// losing is a backend that goes away with a message: it is sent, and nobody is told.
type losing struct {
	flow.Caller
	next, gone bool
}

func (l *losing) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	result, err := l.Caller.Call(ctx, method, params)
	if l.next && method == "SendMessage" {
		l.gone = true
		return nil, flow.Errorf(flow.Uncertain, "the backend went away during the call")
	}
	return result, err
}

func (l *losing) Endpoint(context.Context) (flow.Endpoint, error) {
	if l.gone {
		return flow.Endpoint{}, flow.Errorf(flow.Unavailable, "the backend does not run")
	}
	return flow.Endpoint{Caller: l, Generation: 1}, nil
}

// TestUnknownSendsCanBeSettled: when nobody knows what became of a message, the model is
// given a key, and with it learns the truth.
func TestUnknownSendsCanBeSettled(t *testing.T) {
	for _, files := range []string{``, fmt.Sprintf(`,"files":[%q]`, written(t, "a.txt", "a"))} {
		backend := &losing{Caller: newWorld(t).caller}
		ana := begin(t, backend, "ana", tools.Options{})
		ana.arrives(t)

		backend.next = true
		lost := ana.use(t, "flow_send_message", `{"channel":"general","text":"hello"`+files+`}`)
		key := lost.str("idempotency_key")
		if !lost.failed || lost.str("state") != "unknown" || lost.code != string(flow.Uncertain) || key == "" {
			t.Fatalf("the result is %+v", lost)
		}
		if !strings.Contains(lost.text, "idempotency_key="+key+": that sends it once at most") {
			t.Errorf("the text is %q", lost.text)
		}
		backend.next, backend.gone = false, false
		again := ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"hello","idempotency_key":%q%s}`, key, files))
		if again.str("state") != "already_sent" {
			t.Errorf("the repetition says %q", again.text)
		}
		got := ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`).list("messages")
		if len(got) != 1 || got[0]["id"] != again.str("message_id") {
			t.Errorf("the channel holds %v, and the repetition named %s", got, again.str("message_id"))
		}
	}
}

// deaf is a backend whose log cannot be read any more once a message is sent.
type deaf struct {
	flow.Caller
	sent atomic.Bool
	stop func() // ends the call that waits for the log, if it is to end
}

func (d *deaf) Call(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if method == "EnumerateEvents" && d.sent.Load() {
		if d.stop != nil {
			d.stop()
			return nil, ctx.Err()
		}
		return nil, flow.Errorf(flow.Unavailable, "the backend does not run")
	}
	result, err := d.Caller.Call(ctx, method, params)
	if method == "SendMessage" && err == nil {
		d.sent.Store(true)
	}
	return result, err
}

// TestSentIsSent: once a message is sent, nothing that happens to its files makes the
// answer say that it was not.
func TestSentIsSent(t *testing.T) {
	args := fmt.Sprintf(`{"channel":"general","text":"hello","files":[%q]}`, written(t, "a.txt", "a"))
	for name, test := range map[string]struct {
		cancelled bool
		want      string
	}{
		"the backend is gone":   {false, "its upload was not followed to the end: the backend does not run."},
		"the call is cancelled": {true, "its upload was stopped, because the call was cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			backend := &deaf{Caller: newWorld(t).caller}
			ana := begin(t, fixed{backend}, "ana", tools.Options{})
			ana.arrives(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if test.cancelled {
				backend.stop = cancel
			}
			r := ana.useIn(ctx, t, "flow_send_message", args)
			if r.failed || r.str("state") != "sent" || r.str("message_id") == "" {
				t.Fatalf("the message was sent, and the result is %+v", r)
			}
			if got := r.list("files")[0]["problem"]; got != test.want || !strings.Contains(r.text, test.want) {
				t.Errorf("the problem of the file is %q, and the text %q", got, r.text)
			}
			backend.sent.Store(false)
			if got := ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`).list("messages"); len(got) != 1 {
				t.Errorf("the channel holds %v", got)
			}
		})
	}
}

// TestKeysAreOfFilesToo: a key stands for the content and the names of files as well. A
// repetition tells of the files that the message has.
func TestKeysAreOfFilesToo(t *testing.T) {
	ana := newWorld(t).joins(t, "ana", tools.Options{Toolsets: []string{tools.AllSet}})
	path := written(t, "a.txt", "first")
	other := ana.does(t, "flow_new_attachment", fmt.Sprintf(`{"org":"Home","file_path":%q}`, written(t, "b.txt", "second"))).str("attachment_id")
	args := func(path string) string {
		return fmt.Sprintf(`{"channel":"general","text":"x","idempotency_key":"k","files":[%q,%q]}`, path, other)
	}
	first := ana.does(t, "flow_send_message", args(path))
	ana.does(t, "flow_send_message", `{"channel":"general","text":"one that follows"}`)
	again := ana.does(t, "flow_send_message", args(path))
	if diff := cmp.Diff(first.list("files"), again.list("files")); diff != "" || again.str("state") != "already_sent" {
		t.Errorf("the repetition says %s, and of the files (-want +got):\n%s", again.str("state"), diff)
	}
	renamed := filepath.Join(filepath.Dir(path), "c.txt")
	if err := os.WriteFile(renamed, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	ana.cannot(t, "flow_send_message", args(renamed), "used for another message")
	if err := os.WriteFile(path, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	ana.cannot(t, "flow_send_message", args(path), "used for another message")
	if got := ana.does(t, "flow_get_attachment", fmt.Sprintf(`{"attachment":%q}`, first.list("files")[0]["id"])).str("text"); got != "first" {
		t.Errorf("the file that was sent holds %q", got)
	}
}

func TestPreviewSendsNothing(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", tools.Options{}), w.joins(t, "ben", tools.Options{})
	ben.arrives(t)
	file := written(t, "plan.txt", "the plan")
	r := ana.does(t, "flow_send_message",
		fmt.Sprintf(`{"channel":"#general","text":"read\nthis\u200b","files":[%q],"notify":["@ben"],"preview":true,"idempotency_key":"k"}`, file))
	want := map[string]any{"state": "preview", "channel": "Home/general", "people": 1.0, "text": "read\nthis",
		"names": []any{"@ben"}, "notified": []any{"@ben"}, "hidden_characters": 1.0,
		"files": []any{map[string]any{"filename": "plan.txt", "size": 8.0}}}
	delete(r.structured, "ids")
	delete(r.structured, "link")
	if diff := cmp.Diff(want, r.structured); diff != "" {
		t.Errorf("preview (-want +got):\n%s", diff)
	}
	for _, part := range []string{"Nothing was sent.", "Home/general", "1 other person: @ben.", "Alerted: @ben", "Text: read\n  | this",
		`+ file "plan.txt", 8 bytes`, "1 hidden character in the text would go with it."} {
		if !strings.Contains(r.text, part) {
			t.Errorf("the text lacks %q:\n%s", part, r.text)
		}
	}
	if got := ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`).list("messages"); len(got) != 0 {
		t.Errorf("the preview has sent %v", got)
	}
	if r := ana.does(t, "flow_send_message", `{"channel":"general","text":"now","idempotency_key":"k"}`); r.str("state") != "sent" {
		t.Errorf("after a preview with the same key the state is %s", r.str("state"))
	}
}

// Metadata that goes with a message is shown as the text is.
func TestPreviewShowsOtherData(t *testing.T) {
	ana := newWorld(t).joins(t, "ana", tools.Options{})
	preview := func(note string) string {
		return fmt.Sprintf(`{"channel":"general","text":"hi","preview":true,"other_data":{"note":%q}}`, note)
	}
	r := ana.does(t, "flow_send_message", preview("<the> payroll\u200b"))
	const shown = `{"note":"<the> payroll"}`
	if r.str("other_data") != shown || !strings.Contains(r.text, "\nOther data: "+shown+"\n1 hidden character in the other data would go with it.") {
		t.Errorf("the preview shows %q and says %q", r.str("other_data"), r.text)
	}
	r = ana.does(t, "flow_send_message", preview(strings.Repeat("x", 5000)))
	left := 5011 - len(r.str("other_data"))
	if text, _ := r.size(t); text > 5000 || r.structured["other_data_cut_bytes"] != float64(left) || !strings.Contains(r.text, fmt.Sprintf("\n%d more bytes of the other data are cut here;", left)) {
		t.Errorf("of %d bytes that are cut it says %v:\n%.300s", left, r.structured["other_data_cut_bytes"], r.text)
	}
	ana.cannot(t, "flow_send_message", preview(strings.Repeat("x", flow.MaxOtherData)), "other_data", "are allowed")
}

// What is known already a preview does not repeat at length, and what cannot be sent it
// does not show.
func TestPreviewOfALongText(t *testing.T) {
	ana := newWorld(t).joins(t, "ana", tools.Options{})
	long := strings.Repeat("é long\n", flow.MaxText/len("é long\n"))
	preview := func(text string) string { return fmt.Sprintf(`{"channel":"general","text":%q,"preview":true}`, text) }
	r := ana.does(t, "flow_send_message", preview(long))
	shown := r.str("text")
	if text, structured := r.size(t); text > 8_000 || structured > 8_000 || !strings.HasPrefix(long, shown) {
		t.Errorf("the preview has %d bytes of text and %d of structure", text, structured)
	}
	left := len(long) - len(shown)
	if r.structured["cut_bytes"] != float64(left) || !strings.Contains(r.text, fmt.Sprintf("%d more bytes of the text are cut here; without preview it is sent whole", left)) {
		t.Errorf("of %d bytes that are cut it says %v:\n%.300s", left, r.structured["cut_bytes"], r.text)
	}
	if r := ana.use(t, "flow_send_message", preview(long+strings.Repeat("x", 10))); !r.failed || !strings.Contains(r.text, "send it in parts") {
		t.Errorf("of what cannot be sent it says %.300s", r.text)
	}
}

func TestSendingFiles(t *testing.T) {
	w := newWorld(t)
	ana, ben := w.joins(t, "ana", allTools), w.joins(t, "ben", tools.Options{})
	one, two := written(t, "one.txt", "first"), written(t, "two.txt", "second")
	registered := ana.does(t, "flow_new_attachment", fmt.Sprintf(`{"org":"Home","file_path":%q}`, written(t, "three.txt", "third"))).str("attachment_id")
	r := ana.does(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"","files":[%q,%q,"flow://attachments/%s"]}`, one, two, registered))
	for _, part := range []string{`+ file "one.txt", 5 bytes, id `, `+ file "two.txt", 6 bytes, id `, `+ file "three.txt", 5 bytes, id ` + registered} {
		if !strings.Contains(r.text, part) {
			t.Errorf("the text lacks %q:\n%s", part, r.text)
		}
	}
	var got []string
	for _, f := range r.list("files") {
		got = append(got, ben.does(t, "flow_get_attachment", fmt.Sprintf(`{"attachment":%q}`, f["id"])).str("text"))
	}
	if diff := cmp.Diff([]string{"first", "second", "third"}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestFilesThatCannotBeSent(t *testing.T) {
	w := newWorld(t)
	ana := w.joins(t, "ana", allTools)
	good, dir := written(t, "good.txt", "good"), t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/etc/passwd", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"notes.txt": "absolute path", filepath.Join(dir, "none"): "there is no", dir: "it is a folder; give the path of a file in it",
		link: "is not in a folder that files may be sent from", "/etc/passwd": "is not in a folder",
		string(flow.NewID()): "attachment", "": "absolute path",
	} {
		ana.cannot(t, "flow_send_message", fmt.Sprintf(`{"channel":"general","text":"x","files":[%q,%q]}`, good, path), want)
	}
	ana.cannot(t, "flow_send_message", `{"channel":"general","text":""}`, "needs a text or files")
	if got := ana.does(t, "flow_enumerate_messages", `{"channel":"general"}`).list("messages"); len(got) != 0 {
		t.Errorf("messages were sent: %v", got)
	}
	if left := ana.does(t, "flow_enumerate_pending_attachment_transfers", `{}`).list("pending_transfers"); len(left) != 0 {
		t.Errorf("transfers are left: %v", left)
	}
}
