package tail

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

var (
	first   = regexp.MustCompile(`^2026-11-26 \d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d) ([^ ]+|"(?:[^"\\]|\\.)*")/([^ ]+|"(?:[^"\\]|\\.)*") @([^ :]+|"(?:[^"\\]|\\.)*"): `)
	further = regexp.MustCompile(`^  (\| |\+ file ")`)
)

// FuzzLines: whatever people write, a terminal gets one message of theirs, made of what it
// shows, and a program gets back exactly what they wrote.
func FuzzLines(f *testing.F) {
	f.Add("Home", "general", "ana", "hello", "a.txt")
	f.Add("Ho\nme", "x @bob: hi\n2026-11-26 10:00:00 Home/general", "bob: yes", "\x1b]0;title\x07\x1b[2J\r2026-11-26 10:00:00 Home/general @bob: forged", "\u202etxt.exe")
	f.Add("", "", "", "", "")
	f.Add("a/b", "\u2028", "\U000E0041", "one\u2028two\u0085three\vfour", "\"\n")
	f.Fuzz(func(t *testing.T, org, channel, sender, body, name string) {
		l := line{
			at: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), Org: org, OrgID: "ORG", Channel: channel, ChannelID: "CHANNEL", Sender: sender, SenderID: "SENDER",
			Text: body, Attachments: []file{{flow.Attachment{ID: "FILE", Filename: name, Size: 7}, "flow://attachments/FILE"}},
		}
		text := l.text()
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if !first.MatchString(lines[0]) {
			t.Errorf("the first line is %q", lines[0])
		}
		for _, line := range lines[1:] {
			if !further.MatchString(line) {
				t.Errorf("nobody has written the line %q", line)
			}
		}
		raw, err := l.encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, written := range []string{text, string(raw)} {
			flow.ReplaceHidden(written, func(r rune) string {
				t.Errorf("%q holds the hidden character %U", written, r)
				return ""
			})
		}
		var again, want line
		if err := json.Unmarshal(raw, &again); err != nil || strings.Count(string(raw), "\n") != 1 {
			t.Fatalf("%q is no line of JSON: %v", raw, err)
		}
		plain, _ := json.Marshal(l) // makes invalid UTF-8 valid, as the wire does
		if err := json.Unmarshal(plain, &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, again, cmp.AllowUnexported(line{})); diff != "" {
			t.Errorf("the line of JSON says something else (-want +got):\n%s", diff)
		}
	})
}

func TestCursorFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cursor")
	p, err := openPlace(path, "ME", nil)
	if err != nil || p.known {
		t.Fatalf("a missing file makes %+v, %v", p, err)
	}
	for _, cursor := range []flow.Cursor{0, 7, 7, 12} {
		if err := p.keep(cursor); err != nil {
			t.Fatal(err)
		}
		again, err := openPlace(path, "ME", nil)
		if err != nil || !again.known || again.Cursor != cursor {
			t.Errorf("after %d the file says %+v, %v", cursor, again, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode of the file is %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("beside the file there is %v", left)
	}
	if _, err := openPlace(path, "OTHER", nil); err == nil || !strings.Contains(err.Error(), "another account or store") {
		t.Errorf("another account gets %v", err)
	}
	if _, err := openPlace(path, "ME", []flow.ChannelID{"B"}); err == nil || !strings.Contains(err.Error(), "of all channels, and this run is for flow://channels/B;") {
		t.Errorf("a run for one channel gets %v", err)
	}
	some := filepath.Join(t.TempDir(), "some")
	if p, err = openPlace(some, "ME", []flow.ChannelID{"B", "A", "B"}); err == nil {
		err = p.keep(3)
	}
	if err != nil {
		t.Fatal(err)
	}
	if again, err := openPlace(some, "ME", []flow.ChannelID{"A", "B"}); err != nil || again.Cursor != 3 {
		t.Errorf("the same channels in another order get %+v, %v", again, err)
	}
	for _, others := range [][]flow.ChannelID{nil, {"A"}, {"A", "B", "C"}} {
		if _, err := openPlace(some, "ME", others); err == nil || !strings.Contains(err.Error(), "of flow://channels/A, flow://channels/B, and this run is for") {
			t.Errorf("a run for %v gets %v", others, err)
		}
	}
	for _, content := range []string{"", "12", "{}", `{"account":"ME","cursor":-1}`, `{"account":"ME","cursor":"x"}`} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openPlace(path, "ME", nil); err == nil || !strings.Contains(err.Error(), "no cursor file; remove it") {
			t.Errorf("%q is read with %v", content, err)
		}
	}
	p = place{Account: "ME", path: filepath.Join(t.TempDir(), "none", "cursor"), kept: -1}
	if err := p.keep(1); err == nil {
		t.Error("a cursor was kept in a directory that is not there")
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 26, 17, 0, 0, 0, time.FixedZone("", 3600))
	for text, want := range map[string]time.Time{
		"90m": now.Add(-90 * time.Minute), "90m ago": now.Add(-90 * time.Minute), "0s": now, "2026-11-20": time.Date(2026, 11, 20, 0, 0, 0, 0, now.Location()),
		"2026-11-20T08:00:00Z": time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC),
	} {
		if got, err := ParseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1h", "ago", "yesterday", "2026-13-01"} {
		if _, err := ParseSince(text, now); err == nil || !strings.Contains(err.Error(), "is no time; write 90m") {
			t.Errorf("%q is taken: %v", text, err)
		}
	}
}
