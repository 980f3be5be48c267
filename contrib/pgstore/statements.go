package pgstore

// The lock is a hash of the table, by its number, and the key.
const (
	// With the lock, the server ends the session when it hears nothing for so long.
	tryLock = `
SELECT CASE WHEN pg_try_advisory_lock(hashtextextended($1, 'oauth2grant_tokens'::regclass::oid::bigint))
       THEN set_config('idle_session_timeout', $2, false) IS NOT NULL ELSE false END`

	// A fence starts from the time, in microseconds, lest fences repeat after the table was emptied. The row counts as changed, so that nobody tidies it away.
	takeFence = `
INSERT INTO oauth2grant_tokens AS t (key, fence) VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
ON CONFLICT (key) DO UPDATE SET fence = greatest(t.fence + 1, excluded.fence), changed = now()
RETURNING fence, version`

	giveLock = `
SELECT pg_advisory_unlock(hashtextextended($1, 'oauth2grant_tokens'::regclass::oid::bigint)),
       set_config('idle_session_timeout', (SELECT reset_val FROM pg_settings WHERE name = 'idle_session_timeout'), false)`
)

// The statements that change a token give one row unless they changed nothing. A holder whose change was made without an answer may repeat it.
const (
	loadRow = `SELECT token FROM oauth2grant_tokens WHERE key = $1`

	saveRow = `
WITH done AS (
  INSERT INTO oauth2grant_tokens AS t (key, token, version) VALUES ($1, $2, 1)
  ON CONFLICT (key) DO UPDATE SET token = excluded.token, version = t.version + 1, writer = 0, changed = now()
  RETURNING 1)
SELECT pg_notify('oauth2grant_tokens', $3) FROM done`

	emptyRow = `
WITH done AS (
  UPDATE oauth2grant_tokens SET token = NULL, version = version + 1, writer = 0, changed = now() WHERE key = $1 RETURNING 1)
SELECT pg_notify('oauth2grant_tokens', $2) FROM done`

	changeLockedRow = `
WITH done AS (
  UPDATE oauth2grant_tokens SET token = $2, version = version + 1, writer = $4, changed = now()
  WHERE key = $1 AND fence = $4 AND (version = $5 OR writer = $4) RETURNING 1)
SELECT pg_notify('oauth2grant_tokens', $3) FROM done`

	listenForChanges = `LISTEN oauth2grant_tokens`
)
