package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Application is a Flow application that is installed on this machine and whose backend is
// to be run. Its methods are for a [Supervisor] and a [flow.Client]; set the fields before.
type Application struct {
	// Path is the backend's binary, or the directory of the application, which holds
	// build-version.json and the directory schema. Of a directory and the updates that
	// the backend has unpacked, the newest is run.
	Path string
	// DataDir is where the backend keeps databases, downloads and updates.
	DataDir string
	// Guard is the command that runs a backend so that it ends with this process; the
	// backend's own command is added to it.
	Guard []string

	mu  sync.Mutex
	now Installation // what was chosen last
}

// Command chooses what to run. It suits [Supervisor.Newest].
func (a *Application) Command() ([]string, error) {
	chosen, err := a.choose()
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	a.now = chosen
	a.mu.Unlock()
	return append(append([]string(nil), a.Guard...), chosen.Backend, "0"), nil
}

func (a *Application) choose() (Installation, error) {
	info, err := os.Stat(a.Path)
	if err != nil {
		return Installation{}, fmt.Errorf("look for the backend: %w", err)
	}
	if info.IsDir() {
		return Newest(a.Path, filepath.Join(a.DataDir, "updates"))
	}
	return Installation{Dir: filepath.Dir(a.Path), Backend: a.Path}, nil
}

// Check reports whether there is something to run.
func (a *Application) Check() error {
	chosen, err := a.choose()
	if err != nil {
		return err
	}
	if _, err := exec.LookPath(chosen.Backend); err != nil {
		return fmt.Errorf("look at the backend: %w", err)
	}
	return nil
}

// Config is what the chosen backend is told first. It suits [flow.Setup.Config]. Updates
// are off, since nobody signs them any more.
func (a *Application) Config() flow.Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	const host, port = "flow.spideroak.com", "443"
	return flow.Config{
		FlowServHost: host, FlowServPort: port, FlowUseTLS: "true",
		FlowKeyBackupHost: host, FlowKeyBackupPort: port,
		FlowLocalDatabaseDir:    a.DataDir,
		FlowLocalSchemaDir:      filepath.Join(a.now.Dir, "schema"),
		FlowLocalAttachmentDir:  filepath.Join(a.DataDir, "downloads"),
		FlowCurrentVersion:      a.now.Version,
		FlowUpdateSignPublicKey: "off",
	}
}
