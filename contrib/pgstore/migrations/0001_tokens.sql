CREATE TABLE oauth2grant_tokens (
    key      text        PRIMARY KEY,
    token    bytea,                           -- NULL: there is none
    version  bigint      NOT NULL DEFAULT 0,  -- counts the changes, and outlives the token
    mark     text        NOT NULL DEFAULT '', -- of the refresh request that is being sent
    answered text        NOT NULL DEFAULT '', -- the mark that the token is the answer to
    fence    bigint      NOT NULL DEFAULT 0,  -- of the last lock
    writer   bigint      NOT NULL DEFAULT 0,  -- the fence of the last change; 0: it was made without a lock
    until    timestamptz,                     -- when the lease is over; NULL: the lock was released
    told     timestamptz NOT NULL DEFAULT clock_timestamp() -- of the last change that others are told of
) WITH (fillfactor = 70);                     -- room to lock and mark a row without touching the indexes
CREATE INDEX oauth2grant_told ON oauth2grant_tokens (told);
