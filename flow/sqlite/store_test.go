package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flow-mcp/flow-mcp/flow"
)

// run executes statements on a database file of nobody's.
func run(t *testing.T, path string, statements ...string) {
	t.Helper()
	d, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, statement := range statements {
		if _, err := d.Exec(statement); err != nil {
			t.Fatal(statement, err)
		}
	}
}

// made makes a store, and closes it.
func made(t *testing.T, dir string) {
	t.Helper()
	s, err := openStore(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    []string // in the error
	}{
		{"the store of a newer program", func(t *testing.T, dir string) {
			made(t, dir)
			run(t, filepath.Join(dir, "main.db"), "PRAGMA user_version = 99")
		}, []string{"main.db", "format 99", "formats up to", "update"}},
		{"the database of another program", func(t *testing.T, dir string) {
			run(t, filepath.Join(dir, "main.db"), "CREATE TABLE theirs (x)", "PRAGMA user_version = 1")
		}, []string{"main.db", "not a store", "another data directory"}},
		{"a file that is no database", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "main.db"), []byte("dear diary"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, []string{"main.db", "not a store"}},
		{"a store whose database was emptied", func(t *testing.T, dir string) {
			made(t, dir)
			if err := os.Truncate(filepath.Join(dir, "main.db"), 0); err != nil {
				t.Fatal(err)
			}
		}, []string{"main.db is empty", vaultFile, "restore main.db from a backup", "move the whole directory "}},
		{"files of a store beside a database without tables", func(t *testing.T, dir string) {
			if err := os.Mkdir(filepath.Join(dir, blobsDir), 0o700); err != nil {
				t.Fatal(err)
			}
			run(t, filepath.Join(dir, "main.db"), "PRAGMA journal_mode = wal")
		}, []string{"main.db is empty", blobsDir, "restore main.db from a backup"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.prepare(t, dir)
			before, err := os.ReadFile(filepath.Join(dir, "main.db"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = openStore(t.Context(), dir, Options{})
			if !errors.Is(err, flow.Unusable) {
				t.Fatalf("opened: %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			after, err := os.ReadFile(filepath.Join(dir, "main.db"))
			if err != nil {
				t.Fatal(err)
			}
			if string(before) != string(after) {
				t.Error("the file was changed")
			}
		})
	}
}

// TestFailedOpeningLeavesNothingRunning: who cannot open a store tries again every second.
func TestFailedOpeningLeavesNothingRunning(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"no place for the contents of files": func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, blobsDir)); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, blobsDir), nil)
		},
		"a damaged key": func(t *testing.T, dir string) { write(t, filepath.Join(dir, vaultFile), []byte("short")) },
		"limits that cannot be read": func(t *testing.T, dir string) {
			run(t, filepath.Join(dir, mainFile), "ALTER TABLE channel RENAME COLUMN max_days TO lost")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			made(t, dir)
			spoil(t, dir)
			synctest.Test(t, func(t *testing.T) { // fails when something goes on after it
				if _, err := openStore(t.Context(), dir, Options{}); err == nil {
					t.Error("it was opened")
				}
			})
		})
	}
}

// A lost database is not made anew: with it, what is wrong would be forgotten.
func TestOpenWithoutTheDatabase(t *testing.T) {
	dir := t.TempDir()
	made(t, dir)
	path := filepath.Join(dir, "main.db")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(t.Context(), dir, Options{}); !errors.Is(err, flow.Unusable) || !strings.Contains(err.Error(), "backup") {
		t.Errorf("opened: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the database was made anew")
	}
}

func TestOpenAfterTheFirstMoment(t *testing.T) {
	dir := t.TempDir()
	run(t, filepath.Join(dir, "main.db"), "PRAGMA journal_mode = wal") // and then it was killed
	start(t, open(t, dir), "one", "ana").send(t, "hello")
}

func TestOpenNeedsADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := openStore(t.Context(), filepath.Join(file, "below"), Options{})
	if !errors.Is(err, flow.Unusable) || !strings.Contains(err.Error(), file) {
		t.Errorf("a directory below a file: %v", err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // access lists take the place of modes there
	}
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir)
	start(t, s, "one", "ana").send(t, "secret")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		got[entry.Name()] = info.Mode().String()
	}
	private := "-rw-------"
	want := map[string]string{"blobs": "drwx------", "main.db": private, "main.db-wal": private,
		"search.db": private, "search.db-wal": private, vaultFile: private}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Error("directory:", info.Mode(), err)
	}
}

func TestMigrate(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	start(t, s, "one", "ana").send(t, "before")
	steps, err := migrationSteps()
	if err != nil {
		t.Fatal(err)
	}
	conn, path := s.writer.conn, filepath.Join(dir, "main.db")
	var version, application, things int

	err = migrate(t.Context(), conn, path, append(steps, "CREATE TABLE extra (x) STRICT, nonsense"))
	if err == nil {
		t.Fatal("a step with a mistake was done")
	}
	if err := readVersion(t.Context(), conn, &version, &application, &things); err != nil || version != len(steps) {
		t.Fatalf("format is %d after a step that failed, want %d; %v", version, len(steps), err)
	}

	if err := migrate(t.Context(), conn, path, append(steps, "CREATE TABLE extra (x INTEGER) STRICT")); err != nil {
		t.Fatal(err)
	}
	if err := readVersion(t.Context(), conn, &version, &application, &things); err != nil || version != len(steps)+1 {
		t.Fatalf("format is %d after another step, want %d; %v", version, len(steps)+1, err)
	}
	if got := start(t, s, "two", "ana").texts(t); !cmp.Equal(got, []string{"before"}) {
		t.Errorf("messages after the step: %q", got)
	}
}

// texts returns the messages of the home channel, newest first.
func (u user) texts(t testing.TB) []string {
	t.Helper()
	list, err := u.EnumerateMessages(t.Context(), u.call, flow.EnumerateMessagesInput{ChannelID: u.home.ChannelID})
	if err != nil {
		t.Fatal(err)
	}
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = m.Text
	}
	return texts
}

func TestSettingsAreReadBack(t *testing.T) {
	s := open(t, t.TempDir())
	err := verify(t.Context(), s.writer.conn, "main.db", map[string]string{"journal_mode": "delete"})
	if !errors.Is(err, flow.Unusable) || !strings.Contains(err.Error(), "local disk") {
		t.Error(err)
	}
}

func TestFullDisk(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	ana.send(t, "first")
	limit := func(pages int) {
		t.Helper()
		// The pragma belongs to the writer's connection, so the writer runs it.
		err := s.change(t.Context(), func(*tx) error {
			return s.writer.exec(fmt.Sprint("PRAGMA max_page_count = ", pages))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // SQLite keeps the pages that are there already
	var err error
	sent := 1
	for range 1000 {
		if _, err = ana.post(t.Context(), strings.Repeat("x", 4000)); err != nil {
			break
		}
		sent++
	}
	if !errors.Is(err, flow.Unusable) || !strings.Contains(err.Error(), "is full; free space") {
		t.Fatalf("a full disk: %v", err)
	}
	if got := ana.texts(t); len(got) != sent {
		t.Errorf("%d messages can be read, %d were acknowledged", len(got), sent)
	}
	limit(1 << 30)
	ana.send(t, "last")
	if got := ana.texts(t); len(got) != sent+1 || got[0] != "last" {
		t.Errorf("%d messages after space was freed, want %d", len(got), sent+1)
	}
}

func TestRefusalDisturbsNobody(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	hold, held := make(chan struct{}), make(chan struct{})
	go s.change(context.Background(), func(*tx) error {
		close(held)
		<-hold
		return nil
	})
	<-held // what follows is in one batch
	results := make(chan error, 30)
	for i := range 30 {
		go func() {
			var err error
			switch i % 3 {
			case 0:
				_, err = ana.post(t.Context(), "fine")
			case 1: // fails after it has written
				err = s.change(t.Context(), func(t *tx) error {
					if _, err := t.newOrg("half", true); err != nil {
						return err
					}
					return flow.Errorf(flow.Denied, "refused")
				})
			case 2: // a mistake of ours
				err = s.change(t.Context(), func(t *tx) error {
					return t.exec("INSERT INTO store (only, id, created) VALUES (2, '', 0)")
				})
			}
			results <- err
		}()
	}
	for len(s.writer.ops) < 30 {
		runtime.Gosched()
	}
	close(hold)
	got := map[flow.Code]int{}
	for range 30 {
		got[flow.CodeOf(<-results)]++
	}
	if diff := cmp.Diff(map[flow.Code]int{"": 10, flow.Denied: 10, flow.Internal: 10}, got); diff != "" {
		t.Error(diff)
	}
	if got := len(ana.texts(t)); got != 10 {
		t.Errorf("%d messages, want 10", got)
	}
	var orgs int
	if err := s.pool.QueryRow("SELECT count(*) FROM org").Scan(&orgs); err != nil || orgs != 1 {
		t.Errorf("%d teams, want the one of the machine; %v", orgs, err)
	}
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	s, err := openStore(t.Context(), t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana := start(t, s, "one", "ana")
	end, err := ana.EnumerateEvents(t.Context(), ana.call, flow.EnumerateEventsInput{})
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 2)
	go func() {
		var err error
		for err == nil { // it may hear that it is synchronised
			_, err = ana.WaitForNotification(t.Context(), ana.call, flow.WaitForNotificationInput{After: end.Next})
		}
		waits <- err
	}()
	go func() {
		_, err := ana.EnumerateEvents(t.Context(), ana.call, flow.EnumerateEventsInput{After: &end.Next, WaitMilliseconds: 100_000})
		waits <- err
	}()
	for s.hub.waiting() < 2 {
		runtime.Gosched()
	}
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-waits; !errors.Is(err, flow.Unavailable) {
			t.Errorf("a wait ended with %v", err)
		}
	}
	if _, err = ana.post(t.Context(), "late"); !errors.Is(err, flow.Unavailable) {
		t.Errorf("a send ended with %v", err)
	}
	if _, err = ana.EnumerateOrgs(t.Context(), ana.call, flow.EnumerateOrgsInput{}); !errors.Is(err, flow.Unavailable) {
		t.Errorf("a read ended with %v", err)
	}
}

// waiting is how many calls wait for the log.
func (h *hub) waiting() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.waiters)
}

func TestChores(t *testing.T) {
	s := open(t, t.TempDir())
	ana := start(t, s, "one", "ana")
	start(t, s, "two", "ben")
	s.miss("two", func() bool { return true })
	ana.call.Request = "key"
	if _, err := ana.SetDeviceName(t.Context(), ana.call, flow.SetDeviceNameInput{Name: "desk"}); err != nil {
		t.Fatal(err)
	}
	err := s.change(t.Context(), func(t *tx) error {
		t.now += (max(keepRequests, keepDeparted) + time.Hour).Milliseconds()
		return s.chores(t)
	})
	if err != nil {
		t.Fatal(err)
	}
	count := func(table string) (n int) {
		if err := s.pool.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if r, n := count("request"), count("session"); r != 0 || n != 1 {
		t.Errorf("%d requests and %d sessions remain, want 0 and 1", r, n)
	}
}

// TestConversationsOfOldStores: there were such in which both were admins.
func TestConversationsOfOldStores(t *testing.T) {
	dir := t.TempDir()
	s, err := openStore(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ana, ben := start(t, s, "one", "ana"), start(t, s, "two", "ben")
	talk, err := ana.NewDirectConversation(t.Context(), ana.call, flow.NewDirectConversationInput{OrgID: ana.home.OrgID, MemberID: ben.home.AccountID})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	steps, err := migrationSteps()
	if err != nil {
		t.Fatal(err)
	}
	step := slices.IndexFunc(steps, func(step string) bool { return strings.Contains(step, "members of a direct conversation") })
	run(t, filepath.Join(dir, mainFile), "UPDATE channel_member SET state = 'a'; UPDATE channel SET max_days = 7;"+steps[step])
	s = open(t, dir)
	ana.Engine = s.seat("one")
	for channel, want := range map[flow.ChannelID]struct {
		state flow.MemberState
		days  int
	}{talk: {flow.Member, 0}, ana.home.ChannelID: {flow.Admin, 7}} {
		members, err := ana.EnumerateChannelMembers(t.Context(), ana.call, flow.EnumerateChannelMembersInput{ChannelID: channel})
		if err != nil || members[0].State != want.state || members[1].State != want.state {
			t.Errorf("the members are %+v, %v, want the state %s", members, err, want.state)
		}
		about, err := ana.GetChannel(t.Context(), ana.call, flow.GetChannelInput{ChannelID: channel})
		if err != nil || about.Retention.MaxDays != want.days {
			t.Errorf("the channel is %+v, %v, want %d days", about, err, want.days)
		}
	}
}
