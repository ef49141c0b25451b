package command

import (
	"fmt"
	"runtime/debug"
)

// Version is the command that prints the version.
type Version struct{}

// Run prints the version.
func (Version) Run() error {
	_, err := fmt.Println("flow-mcp", Release())
	return err
}

// Release is the version, as the build says it of itself.
func Release() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}
