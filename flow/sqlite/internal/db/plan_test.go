package db

import (
	"database/sql"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// statements returns the text of every generated query by its name.
func statements(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.sql.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no generated files", err)
	}
	found := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
				text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				found[spec.Names[0].Name] = text
			}
			return true
		})
	}
	return found
}

// schema returns a database with all migrations done.
func schema(t *testing.T) *sql.DB {
	t.Helper()
	d, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "main.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	steps, err := filepath.Glob("../../migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(steps)
	for _, step := range steps {
		text, err := os.ReadFile(step)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Exec(string(text)); err != nil {
			t.Fatal(step, err)
		}
	}
	return d
}

// Small are tables and lists that may be gone through whole: the one row of the store,
// what a statement made itself, the machines and where they meet, the sessions of
// processes that have not ended and their rendezvous, those that are away, the escrow accounts, the channels that do
// not keep all, deleted messages that are about to be forgotten, and questions that wait for an answer.
var small = []string{
	"SCAN account USING COVERING INDEX account_escrow", "SCAN channel USING INDEX channel_limited", "SCAN bind",
	"SCAN message USING COVERING INDEX message_remembered",
	"SCAN store", "SCAN home", "SCAN place VIRTUAL TABLE", "SCAN (subquery", "SCAN seat", "SCAN departure", "SCAN session", "SCAN rendezvous", "SCAN CONSTANT ROW",
}

// sorted are the queries that may sort what they found, which is little.
var sorted = []string{"localAccounts", "deviceAt", "peersFor", "knownProfiles", "knownProfilesSize", "sessionMembers", "joinRequests", "successor"}

func TestNoQueryGoesThroughATable(t *testing.T) {
	d := schema(t)
	for name, text := range statements(t) {
		rows, err := d.Query("EXPLAIN QUERY PLAN "+text, make([]any, strings.Count(text, "?"))...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			fine := slices.ContainsFunc(small, func(s string) bool { return strings.HasPrefix(detail, s) })
			if strings.HasPrefix(detail, "SCAN") && !fine {
				t.Errorf("%s: %s", name, detail)
			}
			if strings.Contains(detail, "TEMP B-TREE") && !slices.Contains(sorted, name) {
				t.Errorf("%s: %s", name, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		rows.Close()
	}
}
