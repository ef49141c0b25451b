package sqlite

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// When files that nobody can get any more are removed.
const (
	sweepPause = time.Hour
	firstSweep = time.Minute        // after the store was opened
	keepUnsent = 7 * 24 * time.Hour // a file that was registered and not sent
	keepOrphan = 24 * time.Hour     // a content that no row knows
	sweepChunk = 100                // files or contents of one transaction
)

// sweeper removes contents now and then: those whose messages are gone, those that were
// never sent, and what a process that died has left.
type sweeper struct {
	stop context.CancelFunc
	done chan struct{}
}

func startSweeper(s *store) *sweeper {
	ctx, stop := context.WithCancel(context.Background())
	w := &sweeper{stop: stop, done: make(chan struct{})}
	go w.run(ctx, s)
	return w
}

func (w *sweeper) run(ctx context.Context, s *store) {
	defer close(w.done)
	if err := s.finishMoves(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("store: moves of files that were cut short are not ended", "error", err)
	}
	timer := time.NewTimer(firstSweep)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if err := s.sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			s.log.Warn("store: files that nobody needs remain", "error", err)
		}
		timer.Reset(sweepPause)
	}
}

func (w *sweeper) close() {
	w.stop()
	<-w.done
}

// sweep removes what can be removed at a time. What hinders one of its parts is no hindrance
// to the others.
func (s *store) sweep(ctx context.Context, now time.Time) error {
	var errs []error
	if err := s.sweepUnsent(ctx, now.Add(-keepUnsent)); err != nil {
		errs = append(errs, fmt.Errorf("give up unsent files: %w", err))
	}
	if err := s.finishMoves(ctx); err != nil {
		errs = append(errs, fmt.Errorf("end moves of files: %w", err))
	}
	if err := s.sweepUnused(ctx); err != nil {
		errs = append(errs, fmt.Errorf("remove unused contents: %w", err))
	}
	if err := s.sweepOrphans(ctx, now.Add(-keepOrphan)); err != nil {
		errs = append(errs, fmt.Errorf("remove contents without a row: %w", err))
	}
	return errors.Join(errs...)
}

// sweepUnsent gives up the files that were registered before some time and not sent.
func (s *store) sweepUnsent(ctx context.Context, since time.Time) error {
	for {
		found := 0
		err := s.change(ctx, func(t *tx) error {
			ids, err := t.Unsent(t.ctx, since.UnixMilli(), sweepChunk)
			if err != nil {
				return err
			}
			for _, id := range ids {
				file, err := t.AttachmentByPublic(t.ctx, id)
				if err != nil {
					return err
				}
				if err := t.giveUp(file); err != nil {
					return err
				}
			}
			found = len(ids)
			return nil
		})
		if err != nil || found < sweepChunk {
			return err
		}
	}
}

// sweepUnused removes contents that no file has which can still be sent or fetched, row
// first.
func (s *store) sweepUnused(ctx context.Context) error {
	for after := int64(0); ; {
		rows, err := s.read.UnusedContents(ctx, after, sweepChunk)
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].ID
		err = s.change(ctx, func(t *tx) error {
			for _, row := range rows {
				if _, err := t.DropUnusedContent(t.ctx, row.ID); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := s.removeOrphan(ctx, digest(row.Sha256)); err != nil {
				return err
			}
		}
	}
}

// sweepOrphans removes contents that have had no row since some time. It passes by what
// others have put beside them.
func (s *store) sweepOrphans(ctx context.Context, since time.Time) error {
	dirs, err := os.ReadDir(s.blobs.dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		if _, err := hex.DecodeString(dir.Name()); err != nil || len(dir.Name()) != 2 || !dir.IsDir() {
			continue
		}
		errs = append(errs, s.sweepDir(ctx, dir.Name(), since))
	}
	return errors.Join(errs...)
}

// sweepDir does so among the contents whose names begin alike.
func (s *store) sweepDir(ctx context.Context, beginning string, since time.Time) error {
	files, err := os.ReadDir(filepath.Join(s.blobs.dir, beginning))
	if err != nil {
		return err
	}
	var errs []error
	for _, file := range files {
		var name digest
		raw, err := hex.DecodeString(beginning + file.Name())
		if err != nil || len(raw) != copy(name[:], raw) || len(raw) != len(name) {
			continue // not a content
		}
		if info, err := file.Info(); err != nil || info.ModTime().After(since) {
			continue
		}
		errs = append(errs, s.removeOrphan(ctx, name))
	}
	return errors.Join(errs...)
}

// removeOrphan removes a content unless a row has it. No row can come meanwhile.
func (s *store) removeOrphan(ctx context.Context, name digest) error {
	s.blobs.gate.Lock()
	defer s.blobs.gate.Unlock()
	has, err := s.read.HasContent(ctx, name[:])
	if err != nil || has {
		return err
	}
	if err := os.Remove(s.blobs.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
