//go:build unix

package examples_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadmeFlags holds the table of flags in README.md against what the program says.
func TestReadmeFlags(t *testing.T) {
	help, err := exec.Command(binary, "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var table []string
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "| `--") {
			table = append(table, line)
		}
	}
	said, written := settings(string(help)), settings(strings.Join(table, ""))
	said = slices.DeleteFunc(said, func(s string) bool { return s == "--help" || s == "--version" })
	if diff := cmp.Diff(said, written); diff != "" {
		t.Errorf("flags and variables (-the program +README.md):\n%s", diff)
	}
}

// settings returns the flags and environment variables that a text names.
func settings(text string) []string {
	all := regexp.MustCompile(`--[a-z][a-z-]+|FLOW_MCP_[A-Z_]+`).FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}
