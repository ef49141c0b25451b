//go:build unix

package examples_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/schemas"
)

// task is something that a person asks an agent for, with the calls by which a model
// would do it: with the default tools, and with a thin tool for each method.
type task struct {
	asked string
	daily func(*agent) string // returns what the model bases its answer on
	thin  func(*api) string
	want  []string                // all of which is in there
	done  func(testing.TB, *town) // looks at what was changed; nil when nothing is
	// world begins what others do meanwhile, and returns what waits for its end; it may be nil.
	world func(testing.TB, *town) (ended func())
}

// outcome is what a task has cost in both ways.
type outcome struct {
	asked       string
	daily, thin tally
}

// do does all tasks in both ways, each on a store of its own, and looks at the outcome.
// Beside what they cost it returns the tokens of the lists of the daily tools and of all.
func do(tb testing.TB) (done []outcome, daily, every int) {
	seed := tb.TempDir()
	buildTown(tb, seed)
	first, second := openTown(tb, seed), openTown(tb, seed)
	a, raw := newAgent(tb, first), newAPI(tb, second)
	for _, one := range tasks {
		a.tally, raw.tally = tally{}, tally{}
		one.does(tb, first, func() string { return one.daily(a) })
		one.does(tb, second, func() string { return one.thin(raw) })
		done = append(done, outcome{one.asked, a.tally, raw.tally})
	}
	return done, listed(tb, first), listed(tb, first, "--toolsets", "all")
}

func (one task) does(tb testing.TB, w *town, do func() string) {
	tb.Helper()
	if one.world != nil {
		defer one.world(tb, w)()
	}
	found := do()
	for _, want := range one.want {
		if !strings.Contains(found, want) {
			tb.Errorf("%s: %q is not found in\n%s", one.asked, want, found)
		}
	}
	if one.done != nil {
		one.done(tb, w)
	}
}

// listed returns the tokens of a list of tools as hosts hand it to models.
func listed(tb testing.TB, w *town, flags ...string) (count int) {
	tb.Helper()
	ctx, cancel := patience()
	defer cancel()
	h, err := startHost(ctx, os.Environ(), mcp.LATEST_LEGACY_PROTOCOL_VERSION,
		append([]string{"--account", kim, "--data-dir", w.dir, "--log-level", "warn"}, flags...)...)
	if err != nil {
		tb.Fatal(err)
	}
	defer h.close()
	list, err := h.client.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		tb.Fatal(err)
	}
	for _, tool := range list.Tools {
		entry, err := json.Marshal(map[string]any{"name": tool.Name, "description": tool.Description, "input_schema": schemaOf(tb, tool)})
		if err != nil {
			tb.Fatal(err)
		}
		count += tokens(string(entry))
	}
	return count
}

// schemaOf returns what a tool takes, as it was listed.
func schemaOf(tb testing.TB, tool mcp.Tool) json.RawMessage {
	tb.Helper()
	input, _, found := schemas.Published(tool.Name)
	if !found {
		tb.Fatalf("%s has no published schema", tool.Name)
	}
	return input
}

// table writes the outcomes as a page.
func table(done []outcome, daily int) string {
	var out strings.Builder
	fmt.Fprintf(&out, "| task | calls | tokens | thin: calls | tokens |\n|---|--:|--:|--:|--:|\n")
	var ours, theirs tally
	for _, o := range done {
		fmt.Fprintf(&out, "| %s | %d | %d | %d | %d |\n", o.asked, o.daily.calls, o.daily.tokens, o.thin.calls, o.thin.tokens)
		ours, theirs = ours.plus(o.daily), theirs.plus(o.thin)
	}
	fmt.Fprintf(&out, "| **all** | **%d** | **%d** | **%d** | **%d** |\n", ours.calls, ours.tokens, theirs.calls, theirs.tokens)
	fmt.Fprintf(&out, "| list of tools, once | | %d | | |\n", daily)
	return out.String()
}

func (t tally) plus(other tally) tally { return tally{t.calls + other.calls, t.tokens + other.tokens} }

var update = flag.Bool("update", false, "write TASKS.md anew")

// TestTasks does every task with the real binary, looks at what came of it, and holds the
// costs against TASKS.md: calls exactly, tokens to a tenth.
func TestTasks(t *testing.T) {
	done, daily, _ := do(t)
	if t.Failed() {
		return
	}
	const name = "TASKS.md"
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(page), tableBegins)
	if !found {
		t.Fatalf("%s has no table", name)
	}
	got := table(done, daily)
	if *update {
		if err := os.WriteFile(name, []byte(head+tableBegins+got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if why := differs(rest, got); why != "" {
		t.Errorf("%s is stale (%s); go test ./examples -run TestTasks -update writes\n%s", name, why, got)
	}
}

const tableBegins = "<!-- generated -->\n"

var number = regexp.MustCompile(`\d+`)

// differs says where two tables say different things.
func differs(want, got string) string {
	if number.ReplaceAllString(want, "N") != number.ReplaceAllString(got, "N") {
		return "other tasks"
	}
	lines := strings.Split(want, "\n")
	for i, line := range strings.Split(got, "\n") {
		before, now := number.FindAllString(lines[i], -1), number.FindAllString(line, -1)
		for j := range before {
			var x, y int
			fmt.Sscan(before[j], &x)
			fmt.Sscan(now[j], &y)
			if difference := max(x-y, y-x); difference > x/10 {
				return fmt.Sprintf("%s, which is now %d: %s", before[j], y, line)
			}
		}
	}
	return ""
}

// BenchmarkTasks prints the table of what tasks cost.
func BenchmarkTasks(b *testing.B) {
	for b.Loop() {
		done, daily, every := do(b)
		var ours, theirs tally
		for _, o := range done {
			ours, theirs = ours.plus(o.daily), theirs.plus(o.thin)
		}
		b.ReportMetric(float64(ours.calls), "calls")
		b.ReportMetric(float64(ours.tokens), "tokens")
		b.ReportMetric(float64(theirs.calls), "thin-calls")
		b.ReportMetric(float64(theirs.tokens), "thin-tokens")
		b.ReportMetric(float64(daily), "list-tokens")
		b.ReportMetric(float64(every), "list-of-all-tokens")
		b.Log("\n" + table(done, daily))
	}
}

// contents returns what a resource says, of whatever form.
func contents(list []mcp.ResourceContents) string {
	var all []string
	for _, c := range list {
		switch c := c.(type) {
		case mcp.TextResourceContents:
			all = append(all, c.Text)
		case mcp.BlobResourceContents:
			if raw, err := base64.StdEncoding.DecodeString(c.Blob); err == nil {
				all = append(all, string(raw))
			}
		}
	}
	return strings.Join(all, "\n")
}

// said reports as an error when nobody can read one of the texts in a channel.
func said(who, channel string, texts ...string) func(testing.TB, *town) {
	return func(tb testing.TB, w *town) {
		tb.Helper()
		heard := w.hears(tb, who, channel)
		for _, text := range texts {
			if n := len(slices.DeleteFunc(slices.Clone(heard), func(one string) bool { return one != text })); n != 1 {
				tb.Errorf("%s hears %q in %s %d times: %q", who, text, channel, n, heard)
			}
		}
	}
}
