package pgstore

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate makes the table, or brings that of an earlier version of this package up to date, in one transaction. Processes may call it at the same time, and
// each time they start. A table of a later version is left alone.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return migrate(ctx, tx) }); err != nil {
		return fmt.Errorf("pgstore: migrate: %w", clean(err))
	}
	return nil
}

func migrate(ctx context.Context, tx pgx.Tx) error {
	const begin = `SELECT pg_advisory_xact_lock(hashtextextended('oauth2grant_migrations', 0))`
	const table = `CREATE TABLE IF NOT EXISTS oauth2grant_migrations (version int PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())`
	for _, sql := range []string{begin, table} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	var done int
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM oauth2grant_migrations`).Scan(&done); err != nil {
		return err
	}
	files, err := fs.Glob(migrations, "migrations/*.sql") // in order; the first is version 1
	if err != nil {
		return err
	}
	for i, name := range files {
		if i < done {
			continue
		}
		sql, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(sql)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO oauth2grant_migrations (version) VALUES ($1)`, i+1); err != nil {
			return err
		}
	}
	return nil
}
