package sqlite

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flow-mcp/flow-mcp/flow"
)

func TestSafeNames(t *testing.T) {
	long := strings.Repeat("x", 252)
	for name, want := range map[string]string{
		"report.pdf": "report.pdf", "_": "_", "файл.txt": "файл.txt", "a..b": "a..b",
		"": "file", "...": "file", " . ": "file", "trailing. .": "trailing",
		"../../etc/passwd": "_.._.._etc_passwd", `..\..\boot.ini`: `_.._.._boot.ini`, "a/b": "a_b", "a\x00b": "a_b", "a\nb": "a_b",
		".bashrc": "_.bashrc", "-rf": "_-rf", "a:b": "a_b", "\u202egpj.exe": "_gpj.exe", "not\xffutf8": "not_utf8",
		"CON": "_CON", "nul.txt": "_nul.txt", "com1.tar.gz": "_com1.tar.gz", "LPT¹": "_LPT¹", "conin$": "_conin$", "Aux .txt": "_Aux .txt",
		"console.txt": "console.txt", "-" + long + " y": "_-" + long,
	} {
		if got := safeName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

// devices are what Windows takes for devices, whatever follows a dot.
var devices = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[1-9¹²³])\s*(\.|$)`)

// FuzzFileNames: whatever others call their files, the names under which they are tried
// are names of files in the directory, each another one.
func FuzzFileNames(f *testing.F) {
	for _, name := range []string{"a.txt", "..", "con.txt", "-x", "a. ", strings.Repeat("é", 127) + ".", "a." + strings.Repeat("b", 31), strings.Repeat(". ", 130), "\xff\xfe"} {
		f.Add(name, 2)
	}
	f.Fuzz(func(t *testing.T, name string, n int) {
		if len(name) > flow.MaxFilename || n < 1 {
			return // is never sent, or tried
		}
		first, nth := safeName(name), numbered(safeName(name), n)
		if n > 1 && first == nth {
			t.Errorf("the names of number 1 and %d of %q are both %q", n, name, nth)
		}
		for _, got := range []string{first, nth} {
			switch {
			case got == "" || len(got) > flow.MaxFilename || !utf8.ValidString(got):
				t.Errorf("%q becomes %q of %d bytes", name, got, len(got))
			case strings.ContainsAny(got, "/\\:\x00\n") || filepath.Base(got) != got || !filepath.IsLocal(got):
				t.Errorf("%q becomes %q, which is more than a name", name, got)
			case strings.HasPrefix(got, ".") || strings.HasPrefix(got, "-") || strings.HasSuffix(got, ".") || strings.HasSuffix(got, " ") || devices.MatchString(got):
				t.Errorf("%q becomes %q, which means something", name, got)
			case checkFilename(got) != nil:
				t.Errorf("%q becomes %q: %v", name, got, checkFilename(got))
			}
		}
	})
}
