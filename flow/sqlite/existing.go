package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/flow-mcp/flow-mcp/flow"
)

// CheckDir refuses what cannot become the directory of a store, as far as that is to be
// seen without making anything. The error is a [*flow.Error].
func CheckDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && !info.IsDir():
		return unusable(dir, fs.ErrExist)
	case err != nil:
		return unusable(dir, err)
	}
	return nil
}

// CheckStore refuses a directory in which there is no store and nobody has begun to make
// one. Whoever makes one has the file of its lock first; a backup may be without that. The
// error is a [*flow.Error].
func CheckStore(dir string) error {
	for _, name := range []string{lockFile, mainFile} {
		_, err := os.Lstat(filepath.Join(dir, name))
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return unusable(dir, err)
		}
	}
	return noStore(dir)
}

// checkMade refuses a directory in which the store that somebody began has no tables. Only
// the holder of the lock can tell, since nobody makes one meanwhile.
func checkMade(dir string) error {
	path := filepath.Join(dir, mainFile)
	head, err := readHeader(path)
	if err != nil || !head.blank {
		return err
	}
	if err := checkRemains(path); err != nil {
		return err
	}
	return noStore(dir)
}

func noStore(dir string) error {
	return flow.Errorf(flow.Unusable, "there is no store in %s, and a program that only reads makes none; "+
		"flow-mcp join with the same --account and --data-dir makes both store and account", dir)
}
