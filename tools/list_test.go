package tools_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mark3labs/mcp-go/mcp"

	"github.com/flow-mcp/flow-mcp/flow"
	"github.com/flow-mcp/flow-mcp/schemas"
	"github.com/flow-mcp/flow-mcp/tools"
)

var update = flag.Bool("update", false, "write the published schemas instead of comparing them")

// every returns all tools.
func every(t testing.TB) []*tools.Tool {
	t.Helper()
	all, err := tools.List(tools.Options{Toolsets: []string{tools.AllSet}})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// entry is the tool in tools/list, with schemas that are made anew.
func entry(t testing.TB, tool *tools.Tool) mcp.Tool {
	t.Helper()
	entry, err := tool.MCP()
	if err != nil {
		t.Fatal(err)
	}
	if entry.RawInputSchema, entry.RawOutputSchema, err = tool.Schemas(); err != nil {
		t.Fatal(err)
	}
	return entry
}

func TestEveryOperationIsATool(t *testing.T) {
	for _, op := range flow.Catalogue() {
		info := op.Info()
		found := slices.ContainsFunc(every(t), func(tool *tools.Tool) bool {
			plain := strings.ReplaceAll(strings.TrimPrefix(tool.Name, "flow_"), "_", "")
			return plain == strings.ToLower(info.Name)
		})
		want := info.Effect != flow.Protocol && !info.Secret
		if found != want {
			t.Errorf("%s is a tool: %v, want %v", info.Name, found, want)
		}
	}
}

func TestEveryToolFollowsTheRules(t *testing.T) {
	for _, tool := range every(t) {
		t.Run(tool.Name, func(t *testing.T) {
			if !strings.HasPrefix(tool.Name, "flow_") || len(tool.Name) > 64 {
				t.Error("the name is not flow_ and at most 64 characters")
			}
			if tool.Title == "" || strings.Contains(tool.Title, "_") {
				t.Errorf("the title is %q", tool.Title)
			}
			if len(tool.Description) < 10 || !strings.HasSuffix(tool.Description, ".") {
				t.Errorf("the description is %q", tool.Description)
			}
			hints := entry(t, tool).Annotations
			if hints.ReadOnlyHint == nil || hints.DestructiveHint == nil || hints.IdempotentHint == nil || hints.OpenWorldHint == nil {
				t.Error("a hint is missing")
			}
			input, output, err := tool.Schemas()
			if err != nil {
				t.Fatal(err)
			}
			for name, raw := range map[string]json.RawMessage{"input": input, "output": output} {
				if _, err := schemas.Compile(raw); err != nil {
					t.Errorf("the %s schema does not compile: %v", name, err)
				}
				var schema any
				if err := json.Unmarshal(raw, &schema); err != nil {
					t.Fatal(err)
				}
				root, _ := schema.(map[string]any)
				if root["type"] != "object" {
					t.Errorf("the root of the %s schema is no object: %s", name, raw)
				}
				inspect(t, name, schema, name == "input")
			}
		})
	}
}

// inspect looks for what some model providers refuse, and for parameters that nobody
// described.
func inspect(t *testing.T, at string, schema any, described bool) {
	t.Helper()
	s, ok := schema.(map[string]any)
	if !ok {
		t.Errorf("%s is %v, not a schema object", at, schema)
		return
	}
	for _, key := range []string{"$ref", "$defs", "anyOf", "oneOf", "allOf", "$schema"} {
		if _, has := s[key]; has {
			t.Errorf("%s has %s", at, key)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for name, inner := range properties {
		inspect(t, at+"."+name, inner, described)
		one, _ := inner.(map[string]any)
		if text, _ := one["description"].(string); described && (len(text) < 3 || !strings.HasSuffix(text, ".")) {
			t.Errorf("%s.%s is described as %q", at, name, text)
		}
		if name != strings.ToLower(name) {
			t.Errorf("%s.%s is not in snake case", at, name)
		}
	}
	if items, has := s["items"]; has {
		inspect(t, at+"[]", items, described)
	}
	if described && s["type"] == "object" && properties != nil && s["additionalProperties"] != false {
		t.Errorf("%s allows unknown members", at)
	}
}

func TestHintsFollowFromTheEffect(t *testing.T) {
	type hints struct{ ReadOnly, Destructive, Idempotent, OpenWorld bool }
	want := map[string]hints{
		"flow_enumerate_messages":      {true, false, true, true},
		"flow_send_message":            {false, false, false, true},
		"flow_set_channel_read_hwm":    {false, false, true, true},
		"flow_mark_messages_deleted":   {false, true, true, true},
		"flow_get_devices":             {true, false, true, false},
		"flow_set_device_name":         {false, false, true, false},
		"flow_new_org":                 {false, false, false, true},
		"flow_enumerate_events":        {true, false, true, true},
		"flow_ping":                    {true, false, true, false},
		"flow_status":                  {true, false, true, false},
		"flow_wait_for_messages":       {true, false, true, true},
		"flow_enumerate_org_members":   {true, false, true, true},
		"flow_get_peer":                {true, false, true, true},
		"flow_set_org_member_state":    {false, true, true, true},
		"flow_new_org_join_request":    {false, false, false, true},
		"flow_new_direct_conversation": {false, false, true, true},
	}
	for _, tool := range every(t) {
		a := entry(t, tool).Annotations
		got := hints{*a.ReadOnlyHint, *a.DestructiveHint, *a.IdempotentHint, *a.OpenWorldHint}
		if w, ok := want[tool.Name]; ok && got != w {
			t.Errorf("%s has the hints %+v, want %+v", tool.Name, got, w)
		}
		delete(want, tool.Name)
	}
	for name := range want {
		t.Errorf("there is no tool %s", name)
	}
}

// TestDefaultSetIsCheap holds the list that every model is given below 12,650 bytes: with
// the envelope of the reply they are 2,990 tokens of o200k, at 4.25 bytes each.
func TestDefaultSetIsCheap(t *testing.T) {
	const most = 12_650
	total := 0
	list, err := tools.List(tools.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range list {
		raw, err := json.Marshal(entry(t, tool))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%5d bytes: %s", len(raw), tool.Name)
		total += len(raw)
	}
	t.Logf("%5d bytes in %d tools", total, len(list))
	if total > most {
		t.Errorf("the default set takes %d bytes, want at most %d", total, most)
	}
}

// TestPublishedSchemas compares schemas/ with what the server says; -update writes it.
func TestPublishedSchemas(t *testing.T) {
	published := map[string][]byte{}
	for _, tool := range every(t) {
		published[tool.Name+".json"] = indented(t, entry(t, tool))
	}
	for _, event := range flow.Events() {
		raw, err := schemas.Document(string(event.Type()), event.Summary(), event.DataType())
		if err != nil {
			t.Fatal(err)
		}
		published[filepath.Join("notifications", string(event.Type())+".json")] = indented(t, raw)
	}
	dir := filepath.Join("..", "schemas")
	if *update {
		write(t, dir, published)
	}
	for name, want := range published {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Errorf("%v; run go test ./tools -update", err)
			continue
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is out of date; run go test ./tools -update (-server +file):\n%s", name, diff)
		}
	}
	for _, name := range files(t, dir) {
		if published[name] == nil {
			t.Errorf("%s is no tool and no notification any more; run go test ./tools -update", name)
		}
	}
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// files returns the published files of a directory, relative to it.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.json", "notifications/*.json"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			name, err := filepath.Rel(dir, path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, name)
		}
	}
	return all
}

func write(t *testing.T, dir string, published map[string][]byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "notifications"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range files(t, dir) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range published {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestChoosingTools(t *testing.T) {
	tests := []struct {
		name    string
		options tools.Options
		has     []string
		hasNot  []string
	}{
		{"default", tools.Options{}, []string{"flow_status", "flow_send_message"}, []string{"flow_get_devices"}},
		{"a group", tools.Options{Toolsets: []string{"accounts"}}, []string{"flow_status", "flow_get_devices"}, []string{"flow_send_message"}},
		{"default and a group", tools.Options{Toolsets: []string{"default", "accounts"}}, []string{"flow_get_devices", "flow_send_message"}, nil},
		{"one tool", tools.Options{Tools: []string{"get_peer"}}, []string{"flow_get_peer", "flow_send_message"}, []string{"flow_get_devices"}},
		{"without a tool", tools.Options{ExcludeTools: []string{"flow_send_message"}}, []string{"flow_search"}, []string{"flow_send_message"}},
		{"read-only", tools.Options{Toolsets: []string{"all"}, ReadOnly: true}, []string{"flow_search", "flow_get_devices"},
			[]string{"flow_send_message", "flow_set_channel_read_hwm", "flow_mark_messages_deleted"}},
		{"read-only beats a name", tools.Options{Tools: []string{"flow_send_message"}, ReadOnly: true}, []string{"flow_status"}, []string{"flow_send_message"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			list, err := tools.List(test.options)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, tool := range list {
				names = append(names, tool.Name)
			}
			if !slices.IsSorted(names) {
				t.Errorf("the order is not fixed: %q", names)
			}
			for _, name := range test.has {
				if !slices.Contains(names, name) {
					t.Errorf("%s is missing in %q", name, names)
				}
			}
			for _, name := range test.hasNot {
				if slices.Contains(names, name) {
					t.Errorf("%s is in %q", name, names)
				}
			}
		})
	}
}

func TestToolsThatAreNotOffered(t *testing.T) {
	tests := []struct {
		options    tools.Options
		name, want string
	}{
		{tools.Options{}, "flow_get_devices", "It is off; --tools flow_get_devices, when the server is started, turns it on."},
		{tools.Options{ReadOnly: true}, "flow_send_message", "It is off, because this server was started with --read-only."},
		{tools.Options{ReadOnly: true}, "flow_get_devices", "--tools flow_get_devices"},
		{tools.Options{}, "flow_send_mesage", "Did you mean flow_send_message?"},
		{tools.Options{}, "slack_post", "flow_status tells which there are."},
		{tools.Options{ExcludeTools: []string{"flow_status"}}, "slack_post", "tools/list tells which there are."},
		{tools.Options{ExcludeTools: []string{"flow_search"}}, "flow_search", "It is off, because this server was started with --exclude-tools."},
	}
	for _, test := range tests {
		if got := test.options.NoTool(test.name); !strings.Contains(got, test.want) {
			t.Errorf("of %s it is said %q, want %q", test.name, got, test.want)
		}
	}
}

// What the tools of the default set say of themselves leads to no tool outside of it.
func TestDefaultSetNamesItself(t *testing.T) {
	list, err := tools.List(tools.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range list {
		names = append(names, tool.Name)
	}
	for _, tool := range list {
		raw, err := json.Marshal(entry(t, tool))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`flow_[a-z_]+`).FindAllString(string(raw), -1) {
			if !slices.Contains(names, name) {
				t.Errorf("%s tells of %s, which is not in the default set", tool.Name, name)
			}
		}
	}
}

func TestUnknownToolsAndSetsAreRefused(t *testing.T) {
	for _, o := range []tools.Options{
		{Toolsets: []string{"everything"}}, {Tools: []string{"flow_fly"}}, {ExcludeTools: []string{"flow_fly"}},
	} {
		_, err := tools.List(o)
		if err == nil || !strings.Contains(err.Error(), "there are") {
			t.Errorf("List(%+v) = %v, want an error that lists those there are", o, err)
		}
	}
}
