package tail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/flow-mcp/flow-mcp/flow"
)

// place is where in the log of an account a run is. It is kept in a file, unless path is
// empty: {"account":"...","cursor":123,"channels":["..."]}. A cursor means nothing in the
// log of another account or store, and says nothing of channels that were not printed.
type place struct {
	Account  flow.AccountID   `json:"account"`
	Cursor   flow.Cursor      `json:"cursor"`
	Channels []flow.ChannelID `json:"channels,omitempty"` // in order; none stands for all

	path  string
	known bool // it was kept by an earlier run
	kept  flow.Cursor
}

// openPlace reads the file, which may be missing.
func openPlace(path string, account flow.AccountID, channels []flow.ChannelID) (place, error) {
	p := place{Account: account, Channels: slices.Compact(slices.Sorted(slices.Values(channels))), path: path, kept: -1}
	if path == "" {
		return p, nil
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("read the cursor file: %w", err)
	}
	var was place
	if err := json.Unmarshal(raw, &was); err != nil || was.Account == "" || was.Cursor < 0 {
		return p, fmt.Errorf("%s is no cursor file; remove it to begin anew", path)
	}
	if was.Account != account {
		return p, fmt.Errorf("%s is the cursor file of another account or store; give each a file of its own", path)
	}
	if !slices.Equal(was.Channels, p.Channels) {
		return p, fmt.Errorf("%s is the cursor file of %s, and this run is for %s; give each choice of --channel a file of its own",
			path, choice(was.Channels), choice(p.Channels))
	}
	p.known, p.Cursor, p.kept = true, was.Cursor, was.Cursor
	return p, nil
}

// choice names channels.
func choice(channels []flow.ChannelID) string {
	if len(channels) == 0 {
		return "all channels"
	}
	var links []string
	for _, id := range channels {
		links = append(links, flow.Link{Channel: id}.String())
	}
	return strings.Join(links, ", ")
}

// keep moves on, and notes that in the file, which is whole at any time.
func (p *place) keep(cursor flow.Cursor) error {
	p.Cursor = cursor
	if p.path == "" || p.kept == cursor {
		return nil
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(p.path), ".cursor-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("write the cursor file: %w", err)
	}
	_, err = part.Write(append(raw, '\n'))
	err = errors.Join(err, part.Close())
	if err == nil {
		err = os.Rename(part.Name(), p.path)
	}
	if err != nil {
		_ = os.Remove(part.Name())
		return fmt.Errorf("write the cursor file: %w", err)
	}
	p.kept = cursor
	return nil
}

// sync makes what was noted survive a loss of power.
func (p *place) sync() error {
	if p.path == "" {
		return nil
	}
	file, err := os.Open(p.path)
	if err != nil {
		return fmt.Errorf("write the cursor file: %w", err)
	}
	return errors.Join(file.Sync(), file.Close())
}
