package sqlite

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/flow-mcp/flow-mcp/flow"
)

// TestOpenAfterCrash opens what a killed program leaves behind before anything has been
// moved from the write-ahead log into the file itself.
func TestOpenAfterCrash(t *testing.T) {
	before := t.TempDir()
	s, err := openStore(t.Context(), before, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close(t.Context())
	me := flow.Session{Caller: flow.Serve(s.seat("one")), ID: 1}
	if _, err := flow.NewSession.Call(t.Context(), me.Caller, flow.NewSessionInput{}); err != nil {
		t.Fatal(err)
	}
	want, err := flow.StartUpLocal.Call(t.Context(), me, flow.StartUpLocalInput{Username: "ana"})
	if err != nil {
		t.Fatal(err)
	}

	after := copyFiles(t, before, "main.db", "main.db-wal")
	again, err := openStore(t.Context(), after, Options{})
	if err != nil {
		t.Fatalf("open what a crash has left: %v", err)
	}
	defer again.close(t.Context())
	me.Caller = flow.Serve(again.seat("two"))
	if _, err := flow.NewSession.Call(t.Context(), me.Caller, flow.NewSessionInput{}); err != nil {
		t.Fatal(err)
	}
	got, err := flow.StartUpLocal.Call(t.Context(), me, flow.StartUpLocalInput{Username: "ana"})
	if err != nil || got.AccountID != want.AccountID || got.Created {
		t.Errorf("after the crash: got %+v, %v; want the account %s", got, err, want.AccountID)
	}
}

// TestLogOfAnotherProgram refuses a file of someone else whose content is still in its
// write-ahead log.
func TestLogOfAnotherProgram(t *testing.T) {
	dir := t.TempDir()
	foreign := databaseFile{path: filepath.Join(dir, "main.db")}
	conn := foreignConnection(t, foreign)
	if _, err := conn.ExecContext(t.Context(), "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	copied := copyFiles(t, dir, "main.db", "main.db-wal")
	_, err := openStore(t.Context(), copied, Options{})
	if !errors.Is(err, flow.Unusable) {
		t.Errorf("a foreign database was not refused: %v", err)
	}
}

func copyFiles(t *testing.T, from string, names ...string) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func foreignConnection(t *testing.T, file databaseFile) *sql.Conn {
	t.Helper()
	pool, err := sql.Open("sqlite", file.dsn("journal_mode(wal)"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); pool.Close() })
	return conn
}
