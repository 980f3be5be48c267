package pgstore

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/0001_tokens.sql
var makeTable string

// migrations are what leads from each version to the next one.
var migrations = []string{makeTable}

// Migrate makes the table in schema public, or brings that of an earlier
// version of this package up to date, in one transaction. Any number of
// processes may call it at the same time, and each time they start. A table of
// a later version is left alone.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	return MigrateSchema(ctx, pool, "public")
}

// MigrateSchema is [Migrate] in another schema, which must exist.
func MigrateSchema(ctx context.Context, pool *pgxpool.Pool, schema string) error {
	if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return migrate(ctx, tx, schema) }); err != nil {
		return fmt.Errorf("pgstore: migrate: %w", clean(err))
	}
	return nil
}

func migrate(ctx context.Context, tx pgx.Tx, schema string) error {
	names := strings.NewReplacer(
		migrated, pgx.Identifier{schema, migrated}.Sanitize(),
		table, pgx.Identifier{schema, table}.Sanitize(),
	).Replace
	const begin = `SELECT pg_advisory_xact_lock(hashtextextended('oauth2grant_migrations', 0))`
	const made = `CREATE TABLE IF NOT EXISTS oauth2grant_migrations
		(version int PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())`
	for _, sql := range []string{begin, names(made)} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return err
		}
	}
	var done int
	newest := tx.QueryRow(ctx, names(`SELECT coalesce(max(version), 0) FROM oauth2grant_migrations`), pgx.QueryExecModeExec)
	if err := newest.Scan(&done); err != nil {
		return err
	}
	for ; done < len(migrations); done++ {
		sql := fmt.Sprintf("%s; INSERT INTO oauth2grant_migrations (version) VALUES (%d)", migrations[done], done+1)
		if _, err := tx.Exec(ctx, names(sql)); err != nil {
			return err
		}
	}
	return nil
}
