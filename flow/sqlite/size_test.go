package sqlite

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
)

func FuzzMessageSize(f *testing.F) {
	for _, text := range []string{
		"", "plain", "<b>&amp;</b>", "\x00\x01\x1f\x7f", "a\nb\tc\r\b\f", `"quoted" \ and so on`,
		"\u2028\u2029\u2027\u202a", "caf\u00e9 \U0001F98A", `{"a":"<"}`,
	} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, text, other string) {
		if !utf8.ValidString(text) || !utf8.ValidString(other) {
			return // is never sent
		}
		files := []flow.Attachment{{ID: flow.AttachmentID(flow.NewID()), Filename: other, Size: 1 << 62}}
		id := flow.NewID()
		m := flow.Message{
			ID: flow.MessageID(id), OrgID: flow.OrgID(id), ChannelID: flow.ChannelID(id), SenderAccountID: flow.AccountID(id),
			Text: text, OtherData: other, CreationTime: 1 << 62, Attachments: files,
		}
		var out strings.Builder
		to := json.NewEncoder(&out)
		to.SetEscapeHTML(false)
		if err := to.Encode(m); err != nil {
			t.Fatal(err)
		}
		if got := messageSize(text, other, files); got < out.Len() {
			t.Errorf("%d bytes are counted as %d: %s", out.Len(), got, out.String())
		}
	})
}
