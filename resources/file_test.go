package resources_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/resources"
)

// attach sends a file to a channel and returns its URI.
func (s *side) attach(t testing.TB, channel flow.ChannelID, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	id := must(t, s, flow.NewAttachment, flow.NewAttachmentInput{OrgID: s.home(t).OrgID, FilePath: path})
	must(t, s, flow.SendMessage, flow.SendMessageInput{ChannelID: channel, Attachments: []flow.AttachmentToSend{{ID: id}}})
	return flow.Link{Attachment: id}.String()
}

// blob reads a file.
func (h *host) blob(t testing.TB, uri string) (mcp.BlobResourceContents, []byte) {
	t.Helper()
	out, err := h.ReadResource(t.Context(), mcp.ReadResourceRequest{Params: mcp.ReadResourceParams{URI: uri}})
	if err != nil {
		t.Fatalf("read %s: %v", uri, err)
	}
	contents := out.Contents[0].(mcp.BlobResourceContents)
	content, err := base64.StdEncoding.DecodeString(contents.Blob)
	if err != nil || contents.URI != uri || contents.Meta[resources.MetaForeign] != true {
		t.Errorf("the contents of %s are marked %s, %v, %v", uri, contents.URI, contents.Meta, err)
	}
	return contents, content
}

func TestFile(t *testing.T) {
	for name, version := range map[string]string{"handshake": handshake, "modern": modern} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ben, h := open(t, dir, "ben"), connect(t, open(t, dir, "ana"), version)
			channel := h.home(t).ChannelID
			ben.home(t)
			for file, want := range map[string]struct{ content, mime string }{
				"plan.txt":    {"first, second", "text/plain"},
				"picture.png": {"\x89PNG\x0D\x0A\x1A\x0A....", "image/png"},
				"paper.txt":   {"%PDF-1.7 ...", "application/pdf"},
				"empty":       {"", "text/plain"},
				"notes.txt":   {"<html><script>alert(1)</script>", "text/plain"},
				"data.bin":    {"\x00\x01\x02\xff", "application/octet-stream"},
			} {
				uri := ben.attach(t, channel, file, []byte(want.content))
				shown := h.read(t, "flow://channels/general/messages?limit=1")["messages"].([]any)[0].(map[string]any)
				if link := shown["attachments"].([]any)[0].(map[string]any)["uri"]; link != uri {
					t.Errorf("the message shows its file at %v, want %s", link, uri)
				}
				contents, content := h.blob(t, uri)
				if string(content) != want.content || contents.MIMEType != want.mime || contents.Meta[resources.MetaNext] != nil {
					t.Errorf("%s is read as %q of type %s, %v; want %q of %s", file, content, contents.MIMEType, contents.Meta, want.content, want.mime)
				}
			}
		})
	}
}

// A file that is larger than an answer is refused as a whole, and read in parts.
func TestFileInParts(t *testing.T) {
	h := connect(t, open(t, t.TempDir(), "ana"), handshake)
	content := bytes.Repeat([]byte("0123456789abcdef"), 9<<20/16)
	uri := h.attach(t, h.home(t).ChannelID, "large.bin", content)
	if code, text := h.fails(t, "resources/read", map[string]any{"uri": uri}); code != mcp.INVALID_PARAMS || !strings.Contains(text, "?offset=0") {
		t.Errorf("reading all at once is refused with %d: %s", code, text)
	}
	var got []byte
	for next := uri + "?offset=0"; next != ""; {
		contents, some := h.blob(t, next)
		if size := contents.Meta[resources.MetaSize]; size != float64(len(content)) {
			t.Errorf("the size is given as %v", size)
		}
		got = append(got, some...)
		next, _ = contents.Meta[resources.MetaNext].(string)
	}
	if !bytes.Equal(got, content) {
		t.Errorf("the parts make %d bytes, want the %d that were sent", len(got), len(content))
	}
	if _, rest := h.blob(t, uri+"?offset=99999999999"); len(rest) != 0 {
		t.Errorf("behind the end there are %d bytes", len(rest))
	}
}

func TestFileRefused(t *testing.T) {
	dir := t.TempDir()
	stranger := open(t, dir, "stranger")
	secret := must(t, stranger, flow.NewChannel, flow.NewChannelInput{OrgID: stranger.home(t).OrgID, Name: "secret"})
	private := stranger.attach(t, secret, "private.txt", []byte("private"))
	huge := stranger.attach(t, stranger.home(t).ChannelID, "huge.bin", make([]byte, 65<<20))
	h := connect(t, open(t, dir, "ana"), handshake)
	h.home(t)
	for uri, want := range map[string]int{
		private:                              mcp.RESOURCE_NOT_FOUND,
		"flow://attachments/" + flow.NewID(): mcp.RESOURCE_NOT_FOUND,
		"flow://attachments/..":              mcp.INVALID_PARAMS,
		huge:                                 mcp.INVALID_PARAMS,
		huge + "?offset=0":                   mcp.INVALID_PARAMS,
		huge + "?offset=-1":                  mcp.INVALID_PARAMS,
	} {
		if code, text := h.fails(t, "resources/read", map[string]any{"uri": uri}); code != want || strings.Contains(text, dir) {
			t.Errorf("reading %s is refused with %d (%s), want %d", uri, code, text, want)
		}
	}
	if code, _ := h.fails(t, "resources/subscribe", map[string]any{"uri": huge}); code != mcp.INVALID_PARAMS {
		t.Errorf("subscribing to a file is refused with %d", code)
	}
}
