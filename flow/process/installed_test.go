package process_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow/process"
)

// install writes an application; an empty binary stands for none.
func install(t *testing.T, dir, buildVersion, binary string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" && binary != "" {
		binary += ".exe"
	}
	for name, text := range map[string]string{"build-version.json": buildVersion, binary: "binary"} {
		if name != "" && text != "" {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestNewest(t *testing.T) {
	type app struct{ version, binary string }
	const backend = "semaphor-backend"
	installed := app{`{"version":"1.2.3","build":"45"}`, backend}
	inside := filepath.Join("resources", "app")
	if runtime.GOOS == "darwin" {
		inside = filepath.Join("Contents", "Resources", "app")
	}
	tests := []struct {
		name      string
		installed app
		updates   map[string]app
		want      string // the directory of the newest
		version   string
		err       string
	}{
		{name: "no updates directory", installed: installed, want: "app", version: "1.2.3-45"},
		{name: "the old name", installed: app{installed.version, "flowappglue"}, want: "app", version: "1.2.3-45"},
		{name: "build is a number", installed: app{`{"version":"1.2.3","build":7}`, backend}, want: "app", version: "1.2.3-7"},
		{name: "newer update", installed: installed, updates: map[string]app{
			"a": {`{"version":"1.2.4","build":"1"}`, backend},
		}, want: "a", version: "1.2.4-1"},
		{name: "newest of many, by number", installed: installed, updates: map[string]app{
			"a": {`{"version":"1.2.3","build":"46"}`, backend},
			"b": {`{"version":"1.10.0","build":"9"}`, backend},
			"c": {`{"version":"1.10.0","build":"10"}`, backend},
			"d": {`{"version":"1.9.0","build":"99"}`, backend},
		}, want: "c", version: "1.10.0-10"},
		{name: "older updates", installed: installed, updates: map[string]app{
			"a": {`{"version":"1.2.3","build":"44"}`, backend},
			"b": {`{"version":"0.9.9","build":"99"}`, backend},
		}, want: "app", version: "1.2.3-45"},
		{name: "a tie", installed: installed, updates: map[string]app{"a": installed}, want: "app", version: "1.2.3-45"},
		{name: "updates that are not whole", installed: installed, updates: map[string]app{
			"a": {"", backend}, "b": {`{"version":"9.9.9","build":"1"}`, ""}, "c": {"{", backend},
			"d": {`{"version":"9.9","build":"1"}`, backend}, "e": {`{"version":"9.9.9","build":"01"}`, backend},
			"f": {`{"version":"9.9.9"}`, backend}, "g": {`{"version":"9.9.9-1","build":"1"}`, backend},
		}, want: "app", version: "1.2.3-45"},

		{name: "nothing installed", updates: map[string]app{"a": installed}, err: "build-version.json"},
		{name: "no backend", installed: app{installed.version, ""}, err: "there is no backend"},
		{name: "no JSON", installed: app{"1.2.3", backend}, err: "JSON object"},
		{name: "no version", installed: app{`{"version":"new","build":"45"}`, backend}, err: "X.Y.Z-BUILD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			dirs := map[string]string{"app": filepath.Join(dir, "app")}
			install(t, dirs["app"], tt.installed.version, tt.installed.binary)
			for name, update := range tt.updates {
				dirs[name] = filepath.Join(dir, "updates", name, inside)
				install(t, dirs[name], update.version, update.binary)
			}
			got, err := process.Newest(dirs["app"], filepath.Join(dir, "updates"))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error is %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := process.Installation{Dir: dirs[tt.want], Backend: got.Backend, Version: tt.version}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("newest (-want +got):\n%s", diff)
			}
			if filepath.Dir(got.Backend) != got.Dir {
				t.Errorf("the backend is %s, want one in %s", got.Backend, got.Dir)
			}
		})
	}
}
