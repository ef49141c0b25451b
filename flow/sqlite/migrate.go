package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"github.com/flow-mcp/flow-mcp/flow"
)

// migrations holds the steps from each format of main.db to the next. The number of the
// last one is the format that this program writes. Steps that were released are never
// changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrationSteps returns the statements of each step, in order.
func migrationSteps() ([]string, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	steps := make([]string, len(names))
	for i, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		steps[i] = string(text)
	}
	return steps, nil
}

// migrate brings the file to the newest format, in one transaction.
func migrate(ctx context.Context, conn *sql.Conn, path string, steps []string) (err error) {
	exec := func(statement string) {
		if err == nil {
			_, err = conn.ExecContext(ctx, statement)
		}
	}
	exec("BEGIN IMMEDIATE")
	if err != nil {
		return fmt.Errorf("begin migration of %s: %w", path, err)
	}
	var version, application, things int
	if err = readVersion(ctx, conn, &version, &application, &things); err == nil {
		err = header{version: version, application: uint32(application), empty: things == 0, blank: things == 0}.check(path, len(steps))
	}
	if err == nil && version < len(steps) {
		for _, step := range steps[version:] {
			exec(step)
		}
		exec(fmt.Sprintf("PRAGMA user_version = %d", len(steps)))
		exec(fmt.Sprintf("PRAGMA application_id = %d", applicationID))
		if err == nil {
			_, err = conn.ExecContext(ctx, "INSERT INTO store (only, id, created) VALUES (1, ?, unixepoch() * 1000) ON CONFLICT DO NOTHING", flow.NewID())
		}
	}
	exec("COMMIT")
	if err != nil {
		_, _ = conn.ExecContext(ctx, "ROLLBACK")
		return fmt.Errorf("bring %s to format %d: %w", path, len(steps), err)
	}
	return nil
}

// readVersion reads the format of an open file, whose file it is, and how many tables and
// the like it holds.
func readVersion(ctx context.Context, conn *sql.Conn, version, application, things *int) error {
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(version); err != nil {
		return err
	}
	if err := conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(application); err != nil {
		return err
	}
	return conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(things)
}
