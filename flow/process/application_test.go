package process

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestApplication(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	binary := filepath.Join(dir, "my-backend")
	if err := os.WriteFile(binary, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	app := &Application{Path: binary, DataDir: data, Guard: []string{"flow-mcp", "guard", "--"}}
	command, err := app.Command()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"flow-mcp", "guard", "--", binary, "0"}, command); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	config := app.Config()
	if config.FlowLocalDatabaseDir != data || config.FlowLocalSchemaDir != filepath.Join(dir, "schema") ||
		config.FlowUpdateSignPublicKey != "off" {
		t.Errorf("config is %+v", config)
	}

	app = &Application{Path: filepath.Join(dir, "none"), DataDir: data}
	if command, err := app.Command(); err == nil {
		t.Errorf("a backend that is not there is to be run by %q", command)
	}
}
