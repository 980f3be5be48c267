// Package pgstore is an [oauth2grant.Store] in PostgreSQL 12 or later: many
// tokens in one table, shared by a fleet of processes.
//
//	pool, err := pgxpool.New(ctx, url)
//	err = pgstore.Migrate(ctx, pool)
//	family, err := pgstore.New(pool, pgstore.Config{})
//	...
//	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{Store: family.Store(user), ...})
//
// Close in this order: the grants, the family, the pool. What every store on a
// shared database guarantees is said in package leasestore.
//
// # What is stored
//
// The table oauth2grant_tokens in [Config.Schema] has one row per key: the
// token, its version, its mark, and the lock with its fence and the end of its
// lease, by the clock of PostgreSQL. [Migrate] makes it, and notes in
// oauth2grant_migrations what it has done. A key is seen by everybody who may
// look at the table, and in errors: never make it from a secret. It is UTF-8
// without zero bytes, up to 2,000 bytes. The token is in clear unless
// [Config.Keys] is set, see package seal; then it is bound to its schema and
// key.
//
// Delete leaves a row without a token. Those of long ago may be deleted:
//
//	DELETE FROM oauth2grant_tokens WHERE token IS NULL
//	AND told < now() - interval '1 day' AND (until IS NULL OR until < now())
//
// A Save is as durable as a commit: with synchronous_commit on, and with
// synchronous standbys if a failover is to lose nothing.
//
// A user needs SELECT, INSERT and UPDATE on the table, SELECT on
// oauth2grant_migrations, and USAGE of the schema.
//
// # Connections
//
// Each call is one statement in a transaction of its own, and takes a
// connection of the pool for that long. None is held while a lock is, nor while
// the authorization server is asked; a call that gets none within 3 s fails. So
// a pool of two is enough, and it may go through PgBouncer in transaction mode,
// with any QueryExecMode: statements are prepared if the pool prepares them,
// which is pgx's default, until the first answer that shows a pooler between;
// then they are sent whole.
//
// News are polled for: once a second, one statement for the whole family reads
// the keys that have changed. With [Config.Listen] they come at once, over one
// connection beside the pool from the first Notify to Close, which can't go
// through PgBouncer in transaction mode; and each Save then waits its turn to
// commit, since PostgreSQL keeps notifications in order: as many saves a second
// as its disk can sync one after another, instead of thousands.
//
// A Store costs no connection and no goroutine, a lock that is held one
// goroutine.
package pgstore
