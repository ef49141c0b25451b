package sqlite

import (
	"sync"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow/sqlite/internal/db"
)

// TestSnapshotsNeedNoMoreConnections: when snapshots have all of them, queries that were
// never used before run all the same, also while somebody waits for a connection.
func TestSnapshotsNeedNoMoreConnections(t *testing.T) {
	s := open(t, t.TempDir())
	start(t, s, "one", "ana")
	most := s.pool.Stats().MaxOpenConnections
	var begun, waits, all sync.WaitGroup
	begun.Add(most)
	waits.Add(1)
	before := s.pool.Stats().WaitCount
	for range most {
		all.Go(func() {
			err := s.snapshot(t.Context(), func(q *db.Queries) error {
				begun.Done()
				begun.Wait()
				waits.Wait()
				if _, err := q.UnreadCounts(t.Context(), 1); err != nil {
					return err
				}
				_, err := q.CountUnread(t.Context(), 1, 1)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Go(func() {
		begun.Wait()
		eventually(t, "somebody waits for a connection", func() bool { return s.pool.Stats().WaitCount > before })
		waits.Done()
	})
	begun.Wait()
	if _, err := s.read.AllChannelsOf(t.Context(), 1); err != nil {
		t.Error(err)
	}
	all.Wait()
	if err := s.snapshot(t.Context(), func(*db.Queries) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if len(s.reads.missed) != 0 {
		t.Errorf("%d queries of snapshots are not prepared for the next one", len(s.reads.missed))
	}
}
