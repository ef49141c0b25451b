//go:build !linux

package sqlite

import "os"

func datasync(file *os.File) error { return file.Sync() }
