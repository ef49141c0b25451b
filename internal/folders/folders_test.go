//go:build unix

package folders

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"

	"github.com/flow-mcp/flow-mcp/flow"
)

// place is a folder that is allowed, beside things that are not.
type place struct {
	top, inside, outside string
	folders              *Folders
}

const hiddenWords = "the combination is 1234"

func newPlace(t testing.TB) place {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := place{top: top, inside: filepath.Join(top, "inside"), outside: filepath.Join(top, "outside")}
	for path, text := range map[string]string{
		"inside/a.txt": "a", "inside/deep/b.txt": "b", "inside/.env": hiddenWords, "inside/.git/config": hiddenWords,
		"outside/secret": hiddenWords, "inside2/secret": hiddenWords, "inside/large": strings.Repeat("x", 2000),
	} {
		path = filepath.Join(top, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"inside/link-in": "a.txt", "inside/link-out": "../outside/secret", "inside/link-hidden": ".env",
		"inside/dir-out": "../outside", "outside/link-in": "../inside/a.txt", "inside/loop": "loop",
	} {
		if err := os.Symlink(to, filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	p.folders, err = New(Options{Send: []string{p.inside}, Save: []string{p.inside}, MaxBytes: 1000, Staging: filepath.Join(top, "staging")})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhatMayBeSent(t *testing.T) {
	p := newPlace(t)
	for path, want := range map[string]string{
		"inside/a.txt":                        "a",
		"inside/deep/b.txt":                   "b",
		"inside/deep/../a.txt":                "a",
		"inside/link-in":                      "a",
		"outside/link-in":                     "a", // it really lies inside
		"inside/link-out":                     "is not in a folder that files may be sent from",
		"inside/dir-out/secret":               "is not in a folder",
		"inside/../outside/secret":            "is not in a folder",
		"inside2/secret":                      "is not in a folder",
		"outside/secret":                      "is not in a folder",
		"outside/missing":                     "is not in a folder", // whether it is there stays untold
		"inside/missing":                      "there is no",
		"inside/loop":                         "there is no",
		"inside/.env":                         "a hidden place",
		"inside/.git/config":                  "a hidden place",
		"inside/link-hidden":                  "a hidden place",
		"inside/deep":                         "it is a folder",
		"inside":                              "it is a folder",
		"inside/large":                        "at most 1000 are allowed",
		"inside/a.txt/":                       "there is no",
		"inside/a.txt\x00.png":                "",
		"inside/" + strings.Repeat("x", 5000): "",
	} {
		file, err := p.folders.Open(p.top+"/"+path, nil)
		if err != nil {
			if !strings.Contains(err.Error(), want) || want == "a" || want == "b" {
				t.Errorf("%.40s: %v, want %q", path, err, want)
			}
			continue
		}
		got, err := io.ReadAll(file)
		file.Close()
		if string(got) != want || err != nil {
			t.Errorf("%.40s opens %q: %v, want %q", path, got, err, want)
		}
	}
	if _, err := p.folders.Open("inside/a.txt", nil); flow.CodeOf(err) != flow.Invalid {
		t.Errorf("a relative path: %v", err)
	}
}

// What is no file blocks nobody.
func TestDevices(t *testing.T) {
	p := newPlace(t)
	f, err := New(Options{Send: []string{"/dev", p.inside}})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/dev/null", "/dev/zero"} {
		if _, err := f.Open(path, nil); err == nil {
			t.Errorf("%s can be sent", path)
		}
	}
}

func TestStagedCopies(t *testing.T) {
	p := newPlace(t)
	staged, err := p.folders.Stage(t.Context(), filepath.Join(p.inside, "a.txt"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.inside, "a.txt"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(staged.Path)
	if string(got) != "a" || err != nil || filepath.Base(staged.Path) != "a.txt" {
		t.Errorf("%s holds %q: %v", staged.Path, got, err)
	}
	if err := staged.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Join(p.top, "staging")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// What is looked at is known by where it really lies and by its content, and not copied.
func TestLook(t *testing.T) {
	p := newPlace(t)
	link := filepath.Join(p.inside, "other.txt")
	if err := os.Symlink(filepath.Join(p.inside, "a.txt"), link); err != nil {
		t.Fatal(err)
	}
	seen, err := p.folders.Look(t.Context(), link, nil)
	if err != nil {
		t.Fatal(err)
	}
	staged, err := p.folders.Stage(t.Context(), link, nil)
	if err != nil {
		t.Fatal(err)
	}
	if seen.Sum != staged.Source.Sum || seen.Size != 1 || filepath.Base(seen.Path) != "a.txt" {
		t.Errorf("%+v was seen, and %+v copied", seen, staged)
	}
	if err := staged.Close(); err != nil {
		t.Error(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.folders.Look(cancelled, link, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a look that was cancelled: %v", err)
	}
	if _, err := p.folders.Look(t.Context(), filepath.Join(p.top, "outside.txt"), nil); !errors.Is(err, flow.Denied) && !errors.Is(err, flow.NotFound) {
		t.Errorf("a look outside: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(p.top, "staging")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// Copies that a killed process has left are removed when they are old.
func TestAbandonedCopies(t *testing.T) {
	p := newPlace(t)
	for name, age := range map[string]time.Duration{"send-old": 25 * time.Hour, "send-new": time.Hour, "else": 25 * time.Hour} {
		dir := filepath.Join(p.top, "staging", name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(-age)
		if err := os.Chtimes(dir, when, when); err != nil {
			t.Fatal(err)
		}
	}
	staged, err := p.folders.Stage(t.Context(), filepath.Join(p.inside, "a.txt"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Close()
	for name, want := range map[string]bool{"send-old": false, "send-new": true, "else": true} {
		if _, err := os.Stat(filepath.Join(p.top, "staging", name)); (err == nil) != want {
			t.Errorf("%s is left: %v, want %v", name, err == nil, want)
		}
	}
}

func TestWhereFilesMayBeSaved(t *testing.T) {
	p := newPlace(t)
	for path, want := range map[string]bool{
		"inside": true, "inside/deep": true, "inside/dir-out": false, "inside/.git": false, "outside": false,
		"inside/../outside": false, "inside/none": false, "inside/a.txt": false,
	} {
		root, err := p.folders.Folder(p.top+"/"+path, nil)
		if (err == nil) != want {
			t.Errorf("saving to %s: %v", path, err)
		}
		if err == nil {
			root.Close()
		}
	}
	for path, want := range map[string]bool{
		"inside/new": true, "inside/dir-out/new": false, "inside/.new": false, "inside/..": false, "outside/new": false, "inside/.git/hook": false,
	} {
		if got, err := p.folders.Target(p.top+"/"+path, nil); (err == nil) != want {
			t.Errorf("a new file %s: %q, %v", path, got, err)
		}
	}
}

// What belongs to the server is closed even if it lies in a folder that is open, and by
// whatever way one comes to it.
func TestClosedPlaces(t *testing.T) {
	p := newPlace(t)
	data, settings := filepath.Join(p.inside, "data"), filepath.Join(p.inside, "policy.toml")
	f, err := New(Options{
		Send: []string{p.inside}, Save: []string{p.inside}, Staging: filepath.Join(data, "outgoing"), Closed: []string{data, settings},
	})
	if err != nil {
		t.Fatal(err)
	}
	// They come into being after the server has started.
	if err := os.MkdirAll(filepath.Join(data, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(data, "store.key"), filepath.Join(data, "blobs", "b"), settings} {
		if err := os.WriteFile(path, []byte(hiddenWords), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("data", filepath.Join(p.inside, "link-data")); err != nil {
		t.Fatal(err)
	}
	const want = "belongs to this server itself"
	for _, path := range []string{"data/store.key", "data/blobs/b", "link-data/store.key", "deep/../data/store.key", "policy.toml"} {
		if _, err := f.Open(filepath.Join(p.inside, path), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("sending %s: %v", path, err)
		}
		if _, err := f.Open(filepath.Join(p.inside, path), []string{data, p.inside}); err == nil {
			t.Errorf("%s can be sent where it is a root of the client", path)
		}
		if _, err := f.Stage(t.Context(), filepath.Join(p.inside, path), nil); err == nil {
			t.Errorf("%s is copied to be sent", path)
		}
	}
	for _, path := range []string{"data", "data/blobs", "link-data/blobs"} {
		if _, err := f.Folder(filepath.Join(p.inside, path), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("saving to %s: %v", path, err)
		}
		if _, err := f.Target(filepath.Join(p.inside, path, "new"), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a new file in %s: %v", path, err)
		}
	}
	file, err := f.Open(filepath.Join(p.inside, "a.txt"), nil)
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
}

// What nobody has chosen is never all of the machine, nor what may hold a home directory.
func TestUsualFolders(t *testing.T) {
	p := newPlace(t)
	t.Cleanup(xdg.Reload) // after the variables are as they were
	for name, test := range map[string]struct {
		home, here string
		want       bool
	}{
		"elsewhere":       {p.outside, p.inside, true},
		"home":            {p.inside, p.inside, false},
		"above home":      {p.inside, p.top, false},
		"all":             {p.outside, "/", false},
		"all and no home": {"/nonexistent", "/", false},
		"the home of all": {"/", "/", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", test.home)
			xdg.Reload()
			t.Chdir(test.here)
			if got := slices.Contains(usual(), test.here); got != test.want {
				t.Errorf("%s is usual: %v, want %v, with the home %s", test.here, got, test.want, test.home)
			}
		})
	}
	if roots := Roots([]string{"file:///"}); len(roots) != 0 {
		t.Errorf("a client opens %q", roots)
	}
}

// A path of a person's is made whole, unless its ~ would stand for all of the machine.
func TestAbsolute(t *testing.T) {
	t.Cleanup(xdg.Reload)
	home := t.TempDir()
	t.Chdir(home)
	t.Setenv("HOME", home)
	xdg.Reload()
	for path, want := range map[string]string{
		"~": home, "~/a": filepath.Join(home, "a"), "/a/../b": "/b", "a": filepath.Join(home, "a"), "./~": filepath.Join(home, "~"),
		"~a": filepath.Join(home, "~a"),
	} {
		if got, err := Absolute(path); got != want || err != nil {
			t.Errorf("%s is %s (%v), want %s", path, got, err, want)
		}
	}
	t.Setenv("HOME", "/")
	xdg.Reload()
	for _, path := range []string{"~", "~/a"} {
		if got, err := Absolute(path); err == nil {
			t.Errorf("%s is %s", path, got)
		}
	}
	if _, err := New(Options{Send: []string{"~"}}); err == nil {
		t.Error("the home of all may be sent")
	}
}

func TestRoots(t *testing.T) {
	p := newPlace(t)
	usual, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"outside#1", "outside?x"} {
		if err := os.Mkdir(filepath.Join(p.top, name), 0o700); err != nil {
			t.Fatal(err)
		}
		// Read as addresses are, these name the folder outside.
		if roots := Roots([]string{"file://" + filepath.Join(p.top, name), "file://" + p.outside + "?", "file://" + p.outside + "#"}); len(roots) != 0 {
			t.Errorf("%s leads to %q", name, roots)
		}
	}
	if roots := Roots([]string{"file://" + p.top + "/outside%231"}); len(roots) != 1 || roots[0] != filepath.Join(p.top, "outside#1") {
		t.Errorf("an escaped name leads to %q", roots)
	}
	roots := Roots([]string{"file://" + p.outside, "https://example.com/", "file://elsewhere/etc", "file:///no/such/folder", "%zz", "file://" + p.inside + "/a.txt"})
	if len(roots) != 1 || roots[0] != p.outside {
		t.Fatalf("the roots are %q", roots)
	}
	opens := func(f *Folders, roots []string, path string) bool {
		file, err := f.Open(filepath.Join(p.top, path), roots)
		if err == nil {
			file.Close()
		}
		return err == nil
	}
	if !opens(usual, roots, "outside/secret") || opens(usual, roots, "inside/a.txt") {
		t.Error("the roots of the client are not what counts")
	}
	if opens(usual, []string{}, "outside/secret") || opens(usual, nil, "outside/secret") {
		t.Error("a client without roots opens a folder")
	}
	if opens(p.folders, roots, "outside/secret") || !opens(p.folders, roots, "inside/a.txt") {
		t.Error("roots widen what a person has chosen")
	}
}

func TestChosenFoldersMustBeThere(t *testing.T) {
	p := newPlace(t)
	for _, path := range []string{filepath.Join(p.top, "none"), filepath.Join(p.inside, "a.txt"), "inside"} {
		if _, err := New(Options{Send: []string{path}}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("the folder %s: %v", path, err)
		}
	}
}

// FuzzOpen: no sequence of bytes in a path leads out of the folder, or to what is hidden.
func FuzzOpen(f *testing.F) {
	p := newPlace(f)
	for _, seed := range []string{
		"a.txt", "../outside/secret", "link-out", "dir-out/secret", "deep/../../outside/secret", ".env", "./.env", "link-hidden",
		"deep/..//.git/config", "..\\outside\\secret", "a.txt\x00", "dir-out/../inside2/secret", "dir-out/./secret", "\xff/../../outside/secret",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for _, whole := range []string{p.inside + "/" + path, path} {
			file, err := p.folders.Open(whole, nil)
			if err != nil {
				continue
			}
			got, err := io.ReadAll(file)
			file.Close()
			if err != nil || len(got) > 1 {
				t.Errorf("%q opens %q: %v", whole, got, err)
			}
		}
	})
}

// FuzzTarget: no sequence of bytes in the name of a new file leads out of the folder.
func FuzzTarget(f *testing.F) {
	p := newPlace(f)
	for _, seed := range []string{"new", "../outside/new", "dir-out/new", ".new", "deep/../../x", "a/../../../x", "..", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for _, whole := range []string{p.inside + "/" + path, path} {
			to, err := p.folders.Target(whole, nil)
			if err != nil {
				continue
			}
			dir, err := filepath.EvalSymlinks(filepath.Dir(to))
			if rel, inside := below(p.inside, dir); err != nil || !inside || hidden(rel) || hidden(filepath.Base(to)) {
				t.Errorf("%q leads to %q: %v", whole, to, err)
			}
		}
	})
}
