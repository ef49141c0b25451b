package reference

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/flow/flowtest"
)

var update = flag.Bool("update", false, "write flow/API.md instead of comparing it")

func TestPageIsWhatTheCodeSays(t *testing.T) {
	page, err := Page(flowtest.Refusals())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "flow", "API.md")
	if *update {
		if err := os.WriteFile(file, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(page), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("flow/API.md is not what the code says (-code +page); write it with go test ./internal/reference -update:\n%s", diff)
	}
	checkLinks(t, string(page))
}

// checkLinks finds links to places that the page does not have, and files that are not there.
func checkLinks(t *testing.T, page string) {
	t.Helper()
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		anchor := strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(heading[1], ":", "")), " ", "-")
		if anchors[anchor] {
			t.Errorf("two headings have the anchor %s", anchor)
		}
		anchors[anchor] = true
	}
	for _, target := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(page, -1) {
		if anchor, inside := strings.CutPrefix(target[1], "#"); inside {
			if !anchors[anchor] {
				t.Errorf("there is no heading for #%s", anchor)
			}
		} else if _, err := os.Stat(filepath.Join("..", "..", "flow", target[1])); err != nil {
			t.Errorf("the page leads to %s: %v", target[1], err)
		}
	}
}

// Programs that were written for Flow call these methods, with exactly these parameters,
// and wait for these notifications.
func TestCatalogueHasAllOfFlow(t *testing.T) {
	if len(recorded) != 103 || len(told) != 24 {
		t.Errorf("the record has %d methods and %d notifications, want 103 and 24", len(recorded), len(told))
	}
	for method, parameters := range recorded {
		op, ok := flow.Lookup(method)
		if !ok {
			t.Errorf("there is no row of the method %s", method)
			continue
		}
		in, _ := op.Types()
		var names []string
		for _, m := range members(in) {
			names = append(names, m.name)
		}
		for _, parameter := range parameters {
			if !slices.Contains(names, parameter) {
				t.Errorf("%s has no parameter %s among %q", method, parameter, names)
			}
		}
	}
	var types []string
	for _, e := range flow.Events() {
		types = append(types, string(e.Type()))
	}
	for _, one := range told {
		if !slices.Contains(types, one) {
			t.Errorf("there is no notification of the type %s", one)
		}
	}
}
