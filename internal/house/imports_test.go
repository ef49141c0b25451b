package house

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

const module = "github.com/flow-mcp/flow-mcp"

// doors says which rooms each room may import. A room that is missing may import none.
var doors = map[string][]string{
	"":              {"internal/command", "internal/logs"},
	"tools":         {"flow", "internal/folders", "schemas"},
	"resources":     {"flow", "schemas"},
	"flow/process":  {"flow"},
	"flow/backend":  {"flow"},
	"flow/graph":    {"flow"},
	"flow/sqlite":   {"flow", "flow/graph"},
	"flow/flowtest": {"flow"},
	"examples/demo": {"flow"},

	"examples/autojoin": {"flow", "flow/process"},
	"examples/echo":     {"flow", "flow/process"},
	"examples/listen":   {"flow", "flow/process"},
	"examples/teams":    {"flow", "flow/process"},

	"internal/command": {"examples/demo", "flow", "flow/backend", "flow/process", "flow/sqlite",
		"internal/folders", "internal/policy", "internal/prompts", "internal/stdio", "internal/tail", "resources", "tools"},
	"internal/conformance": {"internal/stdio"},
	"internal/folders":     {"flow"},
	"internal/policy":      {"flow"},
	"internal/prompts":     {"flow"},
	"internal/tail":        {"flow"},
	"internal/reference":   {"flow", "flow/sqlite", "tools"},
}

// keepers says who alone may import a library, and why.
var keepers = []struct {
	library, reason string
	rooms           []string
}{
	{"github.com/mark3labs/mcp-go", "MCP is the face to the host, not of what lies behind",
		[]string{"internal/command", "tools", "resources", "internal/prompts", "internal/stdio", "internal/conformance", "examples/demo"}},
	{"github.com/invopop/jsonschema", "types become schemas in one way only", []string{"schemas"}},
	{"github.com/pelletier/go-toml/v2", "what people write down is read in one place", []string{"internal/policy"}},
	{"modernc.org/sqlite", "no other room knows that there is SQL", []string{"flow/sqlite"}},
	{"github.com/graph-gophers/graphql-go", "engines answer operations, not queries", []string{"flow/graph"}},
	{"os/exec", "processes are started, watched and stopped in one place", []string{"flow/process"}},
}

func TestImports(t *testing.T) {
	for room, pkg := range rooms(t) {
		for _, path := range pkg.imports {
			other, ours := strings.CutPrefix(path, module+"/")
			if ours && !allowed(room, other) {
				t.Errorf("%q imports our %q; it may import %q", room, other, doors[room])
			}
			for _, k := range keepers {
				inside := path == k.library || strings.HasPrefix(path, k.library+"/")
				if inside && !slices.Contains(k.rooms, room) {
					t.Errorf("%q imports %s; only %q may: %s", room, path, k.rooms, k.reason)
				}
			}
		}
	}
}

// allowed lets a room also import what is internal to it, which may import what the room
// may.
func allowed(room, other string) bool {
	room, _, _ = strings.Cut(room, "/internal/")
	return slices.Contains(doors[room], other) || strings.HasPrefix(other, room+"/internal/")
}

func TestPackageComments(t *testing.T) {
	for room, pkg := range rooms(t) {
		if len(pkg.comment) < 80 {
			t.Errorf("package %q has no comment that teaches it: %q", room, pkg.comment)
		}
	}
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"go.mod", "go.sum", "main.go", "tools", "resources", "flow", "schemas",
		"examples", "README.md", "LICENSE", "internal"}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(want, e.Name()) && e.Name() != "flow-mcp" {
			t.Errorf("%s stands at the top level, where only %q do", e.Name(), want)
		}
	}
}

type room struct {
	imports []string
	comment string
}

// rooms loads the packages of the module, without their tests, by path below its root.
func rooms(t *testing.T) map[string]room {
	t.Helper()
	config := &packages.Config{
		Mode: packages.NeedName | packages.NeedImports | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes,
		Dir:  root(t),
	}
	list, err := packages.Load(config, "./...")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]room{}
	for _, p := range list {
		for _, e := range p.Errors {
			t.Errorf("load %s: %v", p.PkgPath, e)
		}
		var r room
		for path := range p.Imports {
			r.imports = append(r.imports, path)
		}
		if len(p.GoFiles) == 0 {
			continue // tests alone
		}
		for _, file := range p.Syntax {
			r.comment += file.Doc.Text()
		}
		all[strings.TrimPrefix(strings.TrimPrefix(p.PkgPath, module), "/")] = r
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages were found", len(all))
	}
	return all
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
