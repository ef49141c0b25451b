package process

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTail(t *testing.T) {
	many := func(n int, line string) string { return strings.Repeat(line+"\n", n) }
	failed := errors.New("it failed")
	tests := []struct {
		name, stderr string
		want         string // behind "it failed", or all of it
	}{
		{"nothing", "", ""},
		{"empty lines", "\n\r\n  \n", ""},
		{"lines", "one\ntwo\r\n", "; it last said: one\ntwo"},
		{"no newline at the end", "one\ntwo", "; it last said: one\ntwo"},
		{"many lines", many(100, "no") + many(19, "x") + "end", "; it last said: " + many(19, "x") + "end"},
		{"a long line", strings.Repeat("é ", 50_000) + "\nend", "; it last said: ..." + strings.Repeat(" é", 681) + "\nend"},
		{"a token", "t=secret.", "; it last said: t=[token]."},
		{"what may be a token", "5JX3O2QKZVN6T4YB7WUE2RHDLM, /home/ada/go/src/some-very-long-directory-name",
			"; it last said: [hidden], /home/ada/go/src/some-very-long-directory-name"},
		{"a record", `{"time":"now","level":"ERROR","msg":"no store","err":"disk full"}`, "no store err=disk full (it failed)"},
		{"control characters", "\x1b[31mred\x07\u202e\xff", "; it last said: [31mred\uFFFD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			said := &tail{log: slog.New(slog.DiscardHandler)}
			said.hide("secret")
			said.read(strings.NewReader(tt.stderr))
			err := said.addTo(failed)
			if !errors.Is(err, failed) {
				t.Errorf("the error is %v, want one that wraps %v", err, failed)
			}
			want := tt.want
			if !strings.HasSuffix(want, "(it failed)") {
				want = "it failed" + want
			}
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTailKeepsLevels(t *testing.T) {
	var log bytes.Buffer
	said := &tail{log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))}
	said.hide("secret")
	said.read(strings.NewReader(`plain` + "\n" + `{"level":"WARN","msg":"a","why":"token secret","n":3,"time":"now"}` + "\n" + `{"level":7}` + "\n" + `{"msg":"b"}` + "\n" + `{"level":"ERROR+2"`))
	want := `level=DEBUG msg="backend says" line=plain
level=WARN msg=a n=3 why="token [token]"
level=DEBUG msg="backend says" line="{\"level\":7}"
level=DEBUG msg="backend says" line="{\"msg\":\"b\"}"
level=DEBUG msg="backend says" line="{\"level\":\"ERROR+2\""
`
	if diff := cmp.Diff(want, log.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func FuzzTail(f *testing.F) {
	f.Add([]byte("one\ntwo\xff"))
	f.Add([]byte("\x1b[0m token=secret"))
	f.Add(bytes.Repeat([]byte("é"), 5000))
	f.Fuzz(func(t *testing.T, stderr []byte) {
		said := &tail{log: slog.New(slog.DiscardHandler)}
		said.hide("secret")
		said.read(bytes.NewReader(stderr))
		text := said.addTo(errors.New("x")).Error()
		if len(text) > tailBytes+100 || !utf8.ValidString(text) || strings.Contains(text, "secret") {
			t.Errorf("the error is %d bytes: %q", len(text), text)
		}
		if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }); i >= 0 {
			t.Errorf("the error holds a control character: %q", fmt.Sprint(text[i:]))
		}
	})
}
