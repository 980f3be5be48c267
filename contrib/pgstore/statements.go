package pgstore

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	table      = "oauth2grant_tokens"
	migrated   = "oauth2grant_migrations"
	channel    = table
	notifyOnce = `WITH done AS (SAVE) SELECT pg_notify('` + channel + `', $1::text) IS NOT NULL FROM done`
)

// statements are the rules of [leasestore.Record] on a row, in one statement
// each. Where it says TOKENS, SOON and MICROS, there is the table, the time
// after a number of ms, and the time in microseconds since 1970.
type statements struct {
	load, save, saveLocked, saveAnswer, lock, extend, unlock, poll, check string
}

// change is what all saves have in common; $5 is how long to hold the lock.
const change = `
  token = $2::bytea, version = t.version + 1, mark = $3::text, answered = $4::text,
  told = CASE WHEN $3::text = '' THEN clock_timestamp() ELSE t.told END,
  until = greatest(t.until, CASE WHEN $5::bigint > 0 THEN SOON($5) END)`

const (
	returning = ` RETURNING true`
	mine      = ` WHERE key = $1::text AND fence = $2::bigint` + returning
)

func statementsFor(cfg Config) statements {
	names := strings.NewReplacer(
		"TOKENS", pgx.Identifier{cfg.Schema, table}.Sanitize(),
		"MIGRATIONS", pgx.Identifier{cfg.Schema, migrated}.Sanitize(),
		"MICROS", "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
		"SOON($2)", soon("$2"), "SOON($3)", soon("$3"), "SOON($5)", soon("$5"),
	).Replace
	return statements{
		load: names(`SELECT token, version FROM TOKENS WHERE key = $1`),

		save: names(`
INSERT INTO TOKENS AS t (key, token, version, mark) VALUES ($1::text, $2::bytea, 1, $3::text)
ON CONFLICT (key) DO UPDATE SET writer = 0,` + change + returning),

		saveLocked: names(`
UPDATE TOKENS AS t SET writer = $6::bigint,` + change + `
WHERE key = $1::text AND fence = $6::bigint AND (version = $7::bigint OR writer = $6::bigint)` + returning),

		saveAnswer: names(`
UPDATE TOKENS AS t SET ` + change + ` WHERE key = $1::text AND (mark = $4::text OR answered = $4::text)` + returning),

		// A try in vain writes nothing, but for the notice.
		lock: names(`
WITH taken AS (
  UPDATE TOKENS AS t SET fence = greatest(t.fence + 1, MICROS), until = SOON($2)
  WHERE key = $1::text AND (until IS NULL OR until <= clock_timestamp() AND ($3::bigint = 0 OR mark = ''))
  RETURNING fence, version),
made AS (
  INSERT INTO TOKENS (key, fence, until) SELECT $1::text, MICROS, SOON($2)
  WHERE NOT EXISTS (SELECT FROM TOKENS WHERE key = $1::text)
  ON CONFLICT (key) DO NOTHING RETURNING fence, version),
noticed AS (
  UPDATE TOKENS SET until = SOON($3)
  WHERE key = $1::text AND $3::bigint > 0 AND mark <> '' AND until <= clock_timestamp() RETURNING until)
SELECT fence, version, 0 FROM taken UNION ALL SELECT fence, version, 0 FROM made UNION ALL
SELECT 0, 0,
  coalesce((extract(epoch FROM coalesce((SELECT until FROM noticed), until) - clock_timestamp()) * 1000)::bigint, 0)
FROM TOKENS WHERE key = $1::text AND NOT EXISTS (SELECT FROM taken)`),

		extend: names(`UPDATE TOKENS SET until = greatest(until, SOON($3))` + mine),

		unlock: names(`UPDATE TOKENS SET fence = fence + 1, until = NULL` + mine),

		poll: names(`SELECT array_agg(key), array_agg((extract(epoch FROM told) * 1000000)::bigint) FROM TOKENS
WHERE told > statement_timestamp() - $1::bigint * interval '1 ms'`), // clock_timestamp would read the whole table

		check: names(`SELECT current_setting('transaction_read_only') = 'on', current_setting('transaction_isolation'),
  (SELECT bool_and(has_table_privilege($1, p)) FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) p),
  coalesce(max(version), 0) FROM MIGRATIONS`),
	}
}

func soon(ms string) string { return "clock_timestamp() + " + ms + "::bigint * interval '1 ms'" }
