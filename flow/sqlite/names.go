package sqlite

import (
	"cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

const defaultServer = "flow.spideroak.com"

// checkLabel refuses a text that is neither empty nor a name.
func checkLabel(what, label string) error {
	if label == "" {
		return nil
	}
	return flow.CheckName(what, label)
}

// checkDevice refuses labels of a new device.
func checkDevice(name, platform, osRelease string) error {
	return cmp.Or(checkLabel("DeviceName", name), checkLabel("Platform", platform), checkLabel("OSRelease", osRelease))
}

// serverOf returns the name space of user names that is meant.
func serverOf(uri string) string {
	if uri == "" {
		return defaultServer
	}
	return uri
}
