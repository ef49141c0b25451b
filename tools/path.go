package tools

import (
	"os"
	"path/filepath"

	"github.com/flow-mcp/flow-mcp/flow"
)

// source returns the path and size of a file that a call wants to send.
func (c *call) source(given string) (path string, size int64, err error) {
	if path, err = absolute(given, "file"); err != nil {
		return "", 0, err
	}
	info, err := os.Lstat(path)
	shown, _ := clean(path)
	switch {
	case err != nil:
		return "", 0, flow.Errorf(flow.NotFound, "there is no file %s that can be read", shown.quoted())
	case !info.Mode().IsRegular():
		return "", 0, flow.Errorf(flow.Invalid, "%s is no regular file", shown.quoted())
	}
	return path, info.Size(), nil
}

// folder returns the directory that a call wants to keep a file in.
func (c *call) folder(given string) (string, error) {
	path, err := absolute(given, "folder")
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		shown, _ := clean(path)
		return "", flow.Errorf(flow.NotFound, "there is no folder %s; make it first", shown.quoted())
	}
	return path, nil
}

func absolute(path, what string) (string, error) {
	if !filepath.IsAbs(path) {
		shown, _ := clean(path)
		return "", flow.Errorf(flow.Invalid, "give the absolute path of the %s; %s is relative", what, shown.quoted())
	}
	return filepath.Clean(path), nil
}
