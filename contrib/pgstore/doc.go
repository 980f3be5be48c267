// Package pgstore is an oauth2grant.Store in PostgreSQL 14 or later: many tokens in one table, shared by a fleet of processes.
//
//	pool, err := pgxpool.New(ctx, url)
//	err = pgstore.Migrate(ctx, pool)
//	family, err := pgstore.New(pool, pgstore.Config{})
//	...
//	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{Store: family.Store(user), ...})
//
// Close in this order: the grants, the family, the pool. Connect to the server itself, or through a pooler in session mode: locks and notifications belong
// to sessions.
//
// # What is stored
//
// The table oauth2grant_tokens has one row per key: the token, its version and its fence. Migrate makes it in the first schema of the pool's search_path, and
// notes in oauth2grant_migrations what it has done. A key is seen by everybody who may look at the table, and in errors: never make it from a secret. The
// token is in clear unless Config.Keys is set, see package seal; then it is bound to its key. Delete leaves a row without a token; rows
// "WHERE token IS NULL AND changed < now() - interval '1 day'" may be deleted.
//
// # What is guaranteed
//
// Lock is an advisory lock of a session, on a connection of the pool that the holder keeps until unlock; it dies with that connection. One that is not
// answered for Config.Lease is ended by the server (idle_session_timeout), so that a machine that vanishes does not keep its locks for the hours of TCP. A
// waiting Lock keeps no connection: it tries again after 20 ms, later after half a second. The lock's number is a hash of the table and the key in 64 bits.
// Two keys of the same hash exclude each other, which costs a wait and nothing else.
//
// Each Lock takes a new fence, a number that only grows, also after the table was emptied. A Save or Delete with the context of a lock is one statement, which
// changes nothing and fails with ErrLockLost once somebody else has taken the lock, or has changed the token without it. So the last to hold the lock
// wins, whatever became of the clocks, pauses and packets of those before. Without such a context a Save always goes by. Save is as durable as a
// commit: with synchronous_commit on, and with synchronous standbys if a failover is to lose nothing.
//
// # What happens when
//
//   - PostgreSQL can't be reached: every call gives an error after Config.Timeout, or when its context ends. A grant goes on with a token that is usable, and
//     refreshes nothing without the lock. Calls work again as soon as PostgreSQL does.
//   - The connection of a lock breaks: held ends within about a second, or when Config.Lease is over if nothing answers, with a cause that wraps ErrLockLost.
//   - A holder is killed: its lock is free at once.
//   - The table is emptied: Load gives oauth2grant.ErrNoToken, as after a sign-out. Without the table, or its columns, calls fail and say so.
//   - The subscription breaks: it connects again by itself, and then tells every subscriber that its token may have changed.
//
// A statement on the connection of a lock is not cut short when its context is cancelled, since that would end the connection; it ends after Config.Timeout at
// the latest.
//
// # Sizing
//
// A Store costs no connection and no goroutine. A lock that is held takes one connection of the pool, which its Load and Save use too, and one goroutine: a
// renewal holds it for a second or so, a sign-in by a person for minutes. So give the pool as many connections as sign-ins may go on at once, and some more; a
// call that gets no connection within Config.Timeout fails. A family has one connection beside the pool for its subscription, from the first Notify to Close.
package pgstore
