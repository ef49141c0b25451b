package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/semver"
)

// Installation is one version of a Flow application that came with a backend.
type Installation struct {
	// Dir holds the application: build-version.json, the backend, the directory schema.
	Dir string
	// Backend is the path of the backend's binary.
	Backend string
	// Version is the version with the build behind it, such as 1.2.3-456.
	Version string
}

// Newest returns the newest of the application installed in appDir and of the updates
// that the backend has unpacked below updatesDir, which need not exist. The installed one
// must be whole and wins a tie; an update that is not whole is passed over.
func Newest(appDir, updatesDir string) (Installation, error) {
	newest, err := installation(appDir)
	if err != nil {
		return Installation{}, fmt.Errorf("look at the installed application: %w", err)
	}
	updates, err := os.ReadDir(updatesDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Installation{}, fmt.Errorf("look for updates: %w", err)
	}
	for _, entry := range updates {
		update, err := installation(filepath.Join(updatesDir, entry.Name(), insideUpdate()))
		if err == nil && semver.Compare("v"+update.Version, "v"+newest.Version) > 0 {
			newest = update
		}
	}
	return newest, nil
}

// insideUpdate is where the application lies in the directory of an update.
func insideUpdate() string {
	if runtime.GOOS == "darwin" {
		return filepath.Join("Contents", "Resources", "app")
	}
	return filepath.Join("resources", "app")
}

func installation(dir string) (Installation, error) {
	file := filepath.Join(dir, "build-version.json")
	text, err := os.ReadFile(file)
	if err != nil {
		return Installation{}, err
	}
	version, err := buildVersion(text)
	if err != nil {
		return Installation{}, fmt.Errorf("%s: %w", file, err)
	}
	for _, name := range []string{"semaphor-backend", "flowappglue"} {
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return Installation{Dir: dir, Backend: path, Version: version}, nil
		}
	}
	return Installation{}, fmt.Errorf("%s: there is no backend", dir)
}

// buildVersion joins version and build, of which the build may be a number or text. The
// build takes the place of a pre-release, so numbers compare as numbers.
func buildVersion(text []byte) (string, error) {
	var said struct {
		Version string          `json:"version"`
		Build   json.RawMessage `json:"build"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return "", fmt.Errorf("it must be a JSON object with version and build: %w", err)
	}
	build := string(said.Build)
	_ = json.Unmarshal(said.Build, &build) // a number stays as it is
	whole := said.Version + "-" + build
	if semver.Canonical("v"+said.Version) != "v"+said.Version || strings.ContainsAny(said.Version, "-+") ||
		!semver.IsValid("v"+whole) {
		return "", fmt.Errorf("%.64q is no version: want X.Y.Z-BUILD", whole)
	}
	return whole, nil
}
